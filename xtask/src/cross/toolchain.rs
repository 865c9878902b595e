//! The compiler for another system: rustup's, where rustup has the target; else Debian's pair of
//! compiler and sources, whose standard library is built once.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, Result, ensure};

use super::{Target, folder};
use crate::{
    setup,
    shell::{self, command},
};

const DEBIAN: &[&str] = &["cargo-web", "rust-web-clippy", "rust-web-src", "rustc-web"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Set to `debian`, it passes over rustup: that is how the second way is tried where the first works.
const CHOICE: &str = "DESKBELL_CROSS";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Toolchain {
    Rustup,
    Debian,
}

fn toolchain() -> Toolchain {
    static FOUND: OnceLock<Toolchain> = OnceLock::new();
    *FOUND.get_or_init(|| if rustup_has_targets() { Toolchain::Rustup } else { Toolchain::Debian })
}

/// Asks rustup, which answers at once where the targets are installed, and fetches them where it can.
fn rustup_has_targets() -> bool {
    if std::env::var(CHOICE).is_ok_and(|choice| choice == "debian") {
        return false;
    }
    let add = ["timeout", "300", "rustup", "target", "add"];
    shell::output(&[&add[..], &Target::ALL.map(Target::triple)].concat()).is_some()
}

pub(super) fn prepare() -> Result<()> {
    if toolchain() == Toolchain::Rustup {
        return Ok(());
    }
    setup::packages(DEBIAN, setup::unattended())?;
    Target::ALL.into_iter().try_for_each(standard_library)
}

pub(super) fn target_folder() -> PathBuf {
    match toolchain() {
        Toolchain::Rustup => shell::target(),
        // Another compiler's files must not replace rustup's.
        Toolchain::Debian => folder().join("target"),
    }
}

pub(super) fn cargo(target: Target, words: &[&str]) -> Result<Command> {
    if toolchain() == Toolchain::Rustup {
        return Ok(of("cargo", words, target));
    }
    let mut cargo = debian(words, target);
    cargo.env("CARGO_TARGET_DIR", target_folder());
    let flags = format!("--sysroot {}", sysroot()?.display());
    cargo.env(target.variable("RUSTFLAGS"), flags);
    Ok(cargo)
}

/// The target stands behind the command's name, so that more words may follow.
fn of(cargo: &str, words: &[&str], target: Target) -> Command {
    let (name, rest) = words.split_at(1);
    command(&[&[cargo], name, &["--target", target.triple()], rest].concat())
}

fn debian(words: &[&str], target: Target) -> Command {
    let mut cargo = of(DEBIAN_CARGO, words, target);
    // The cargo that runs us has put rustup's into these, and its clippy would be found before Debian's.
    cargo.env("RUSTC", DEBIAN_RUSTC).env("CARGO", DEBIAN_CARGO).env_remove("RUSTUP_TOOLCHAIN");
    cargo.env("PATH", format!("/usr/bin:{}", std::env::var("PATH").unwrap_or_default()));
    cargo
}

/// Its own for each compiler: a library of another one is refused.
fn sysroot() -> Result<PathBuf> {
    let version = shell::output(&[DEBIAN_RUSTC, "-vV"]).context("Debian's rustc does not answer")?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
    Ok(folder().join(format!("sysroot-{commit}")))
}

/// Debian has the library's sources and no built one for these targets.
fn standard_library(target: Target) -> Result<()> {
    let libraries = sysroot()?.join("lib/rustlib").join(target.triple()).join("lib");
    if libraries.exists() {
        return Ok(());
    }
    let package = folder().join("std");
    std::fs::create_dir_all(package.join("src"))?;
    std::fs::write(package.join("Cargo.toml"), MANIFEST)?;
    std::fs::write(package.join("src/lib.rs"), "#![no_std]\n")?;
    let mut build = debian(&["build", "--quiet", "--release"], target);
    build
        .arg("-Zbuild-std=std,panic_unwind,panic_abort,proc_macro,test")
        .arg("--target-dir")
        .arg(package.join("target"));
    build.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Cdebuginfo=0").current_dir(&package);
    shell::run(build)?;
    keep(&package.join("target").join(target.triple()).join("release/deps"), &libraries)
}

/// A package of its own, outside of this workspace.
const MANIFEST: &str =
    "[package]\nname = \"std-for-another-system\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";

/// All or nothing, so that an interrupted copy is not taken for a library.
fn keep(built: &Path, libraries: &Path) -> Result<()> {
    let part = libraries.with_extension("part");
    std::fs::create_dir_all(&part)?;
    let mut kept = 0;
    for file in std::fs::read_dir(built)? {
        let file = file?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libstd_for_another_system") {
            std::fs::copy(&file, part.join(name))?;
            kept += 1;
        }
    }
    ensure!(kept > 0, "no standard library came out of {}", built.display());
    Ok(std::fs::rename(part, libraries)?)
}
