//! Everything that CI runs, by level, with one total at the end.

use std::{process::Command, time::Instant};

use anyhow::Result;

use crate::{
    bench, build, codegen, cross, demo, failures, newer, platforms, prove,
    setup::{self, Extent},
    shell::{self, command, ui},
    total::Total,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Level {
    /// Formatting, clippy, svelte-check, dependencies, generated files.
    Lint,
    /// Pure decisions, in milliseconds.
    Unit,
    /// Every database function, on SQLite and on PostgreSQL; every endpoint, on PostgreSQL.
    Contract,
    /// A real server on a free port, a fresh database each.
    Endpoint,
    /// The web interface alone, in Chromium.
    Ui,
    /// A private desktop with browser, tray and recorders; two servers over one PostgreSQL on it; two
    /// people at one computer, which needs root; updates from one version to the next.
    Desktop,
    /// Proxies, certificates and what else lies between agent and server; `deskbell doctor` names each.
    Network,
    /// Agent, server, mail and browser: the main job, and the proof that it can fail.
    Story,
    /// The proofs, at a size of ten minutes.
    Prove,
    /// The figures, over little and from debug programs: only that they can be measured.
    Bench,
    /// Built for Windows, and run under wine.
    Windows,
    /// Type-checked for both of Apple's processors. Nothing is linked, nothing runs.
    Macos,
    /// Debian's and Red Hat's packages: installed, started, upgraded and removed.
    LinuxPackage,
}

const DESKTOP: [&str; 14] = [
    "--test",
    "harness",
    "--test",
    "portal",
    "--test",
    "replicas",
    "--test",
    "several_people",
    "--test",
    "policy",
    "--test",
    "updates",
    "--test",
    "wayland",
];

pub(crate) fn run(level: Option<Level>) -> Result<bool> {
    use Level::{
        Bench, Contract, Desktop, Endpoint, Lint, LinuxPackage, Macos, Network, Prove, Story, Ui, Unit, Windows,
    };
    setup::run(Extent::Tests, false)?;
    if level.is_none_or(|level| matches!(level, Macos | Windows)) {
        cross::prepare()?;
    }
    build::interface()?;
    let all = || {
        vec![Unit, Contract, Endpoint, Network, Desktop, Story, Prove, Bench, LinuxPackage, Windows, Macos, Ui, Lint]
    };
    let levels = level.map_or_else(all, |one| vec![one]);
    if levels.iter().any(|level| !matches!(level, Lint | Ui)) {
        build::programs()?;
    }
    let mut rows = Vec::new();
    for level in levels {
        let start = Instant::now();
        rows.push((level, one(level), start.elapsed()));
    }
    for failure in failures::take() {
        print!("\nfailed: {failure}");
    }
    let mut sum = Total::default();
    println!();
    for (level, total, took) in rows {
        println!("{:13} {total} ({} s)", name(level), took.as_secs());
        sum += total;
    }
    println!("{sum}");
    Ok(sum.failed == 0)
}

fn one(level: Level) -> Total {
    match level {
        Level::Lint => lint(),
        Level::Unit => cargo(&["--lib", "--bins"]),
        Level::Contract => {
            let mut total = cargo(&["--test", "contract*"]);
            let mut beside = shell::program(shell::target().join("debug/with_postgres"));
            beside.args(["cargo", "test", "--workspace", "--no-fail-fast", "--test", "endpoint*"]);
            total += counted(beside);
            total
        }
        Level::Endpoint => cargo(&["--test", "endpoint*"]),
        Level::Ui => counted(ui(&["npm", "test"])),
        Level::Desktop => {
            let mut total = of(told(newer::build().map(|_| true)));
            total += cargo(&DESKTOP);
            total
        }
        Level::Network => cargo(&["--test", "proxy", "--test", "doctor"]),
        Level::Story => {
            let mut total = of(shell::watch(demo::run_story(false)).1);
            total += cargo(&["--test", "demo_can_fail"]);
            total
        }
        Level::Prove => of(told(prove::prove(&[]))),
        Level::Bench => of(told(bench::bench(&["--quick".to_owned()], true))),
        Level::LinuxPackage => platforms::linux_package(),
        Level::Windows => platforms::windows(),
        Level::Macos => platforms::macos(),
    }
}

/// As it is written on the command line.
fn name(level: Level) -> String {
    clap::ValueEnum::to_possible_value(&level).map_or_else(String::new, |value| value.get_name().to_owned())
}

fn cargo(which: &[&str]) -> Total {
    // All of them even where one fails, and the whole workspace so that features stay as built.
    counted(command(&[&["cargo", "test", "--workspace", "--no-fail-fast"], which].concat()))
}

fn counted(mut command: Command) -> Total {
    command.env("NO_COLOR", "1").env("FORCE_COLOR", "0");
    let (printed, succeeded) = shell::watch(command);
    Total::of(&printed, succeeded)
}

fn lint() -> Total {
    let tool = |name: &str, words: &[&str]| {
        let mut command = shell::program(setup::tool(name));
        command.args(words);
        command
    };
    let checks = [
        command(&["cargo", "fmt", "--all", "--check"]),
        command(&["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        ui(&["npm", "run", "check"]),
        tool("cargo-deny", &["check", "bans", "licenses", "sources"]),
        // As cargo would call it: it takes itself for cargo's helper where cargo stands above it.
        tool("cargo-machete", &["machete"]),
    ];
    let mut total = Total::default();
    for check in checks {
        total += of(shell::watch(check).1);
    }
    total += of(told(fuzz_targets()));
    total += of(told(codegen::check().map(|()| true)));
    total
}

/// The fuzz targets are built by hand, and kept fit for that here: with the versions that everything else has.
fn fuzz_targets() -> Result<bool> {
    std::fs::copy("Cargo.lock", "fuzz/Cargo.lock")?;
    let mut check = command(&["cargo", "clippy", "--manifest-path", "fuzz/Cargo.toml", "--target-dir"]);
    check.arg(shell::target().join("fuzz")).args(["--", "-D", "warnings"]);
    Ok(shell::watch(check).1)
}

/// Whether it held; where it could not be found out, it says why and did not.
fn told(held: Result<bool>) -> bool {
    let told = held.inspect_err(|error| {
        println!("{error:#}");
        failures::keep("it could not be found out", &format!("{error:#}"));
    });
    told.unwrap_or(false)
}

fn of(passed: bool) -> Total {
    if passed { Total::PASSED } else { Total::FAILED }
}
