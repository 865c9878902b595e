//! The levels for the employee's own machine. Each ends with what it proved, one line each.

use std::process::Command;

use anyhow::Result;

use crate::{
    cross::{self, Target},
    failures,
    shell::{self, command},
    total::Total,
};

pub(crate) fn windows() -> Total {
    let mut proof = Proof::default();
    let build = cross::cargo(Target::Windows, &["build", "--workspace", "--all-targets"]);
    proof.step("the whole workspace builds for x86_64-pc-windows-gnu", build);
    let words = ["test", "--workspace", "--no-fail-fast", "--lib", "--bins"];
    proof.counted("unit tests of every crate pass under wine", cross::cargo(Target::Windows, &words));
    proof.tests(host(&["--test", "windows*"]).map(|mut tests| {
        tests.env("DESKBELL_WINDOWS_PROGRAMS", cross::programs(Target::Windows));
        tests.env("DESKBELL_WINE_TEMPLATE", cross::wine_template());
        tests
    }));
    proof.end("Windows (built here, run under wine)")
}

pub(crate) fn macos() -> Total {
    let mut proof = Proof::default();
    for target in [Target::MacArm, Target::MacIntel] {
        let words = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        let clippy = cross::cargo(target, &words);
        proof.step(&format!("the whole workspace type-checks and passes clippy for {}", target.triple()), clippy);
    }
    proof.tests(host(&["--test", "macos*"]));
    proof.end("macOS (type-checked: nothing is linked, nothing runs)")
}

pub(crate) fn linux_package() -> Total {
    let mut proof = Proof::default();
    proof.tests(host(&["--test", "linux_package*"]));
    proof.end("Linux packages")
}

/// Tests that run on this machine, with all features as built.
fn host(which: &[&str]) -> Result<Command> {
    Ok(command(&[&["cargo", "test", "--workspace", "--no-fail-fast"], which].concat()))
}

#[derive(Default)]
struct Proof {
    total: Total,
    lines: Vec<String>,
}

impl Proof {
    /// A command that proves one thing.
    fn step(&mut self, proves: &str, command: Result<Command>) {
        let Some((_, passed)) = self.watch(command) else { return };
        if passed {
            self.total += Total::PASSED;
            self.lines.push(proves.to_owned());
        } else {
            self.total += Total::FAILED;
        }
    }

    /// A command with many tests, told as one line.
    fn counted(&mut self, proves: &str, command: Result<Command>) {
        let Some((printed, succeeded)) = self.watch(command) else { return };
        let total = Total::of(&printed, succeeded);
        self.lines.push(format!("{} {proves}", total.passed));
        self.total += total;
    }

    /// A command whose tests are named after what they prove.
    fn tests(&mut self, command: Result<Command>) {
        let Some((printed, succeeded)) = self.watch(command) else { return };
        self.total += Total::of(&printed, succeeded);
        self.lines.extend(printed.lines().filter_map(passed));
    }

    fn watch(&mut self, command: Result<Command>) -> Option<(String, bool)> {
        match command {
            Ok(mut command) => {
                command.env("NO_COLOR", "1");
                Some(shell::watch(command))
            }
            Err(error) => {
                println!("{error:#}");
                failures::keep("a command that could not be made", &format!("{error:#}"));
                self.total += Total::FAILED;
                None
            }
        }
    }

    fn end(self, system: &str) -> Total {
        println!("\n{system}: proved");
        for line in &self.lines {
            println!("  ✓ {line}");
        }
        self.total
    }
}

/// `test the_key_opens_it ... ok`, as a sentence.
fn passed(line: &str) -> Option<String> {
    let name = line.strip_prefix("test ")?.strip_suffix(" ... ok")?;
    Some(name.rsplit("::").next()?.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passed_test_is_told_by_its_name() {
        assert_eq!(passed("test key::the_key_opens_it ... ok").as_deref(), Some("the key opens it"));
        assert_eq!(passed("test the_key_opens_it ... FAILED"), None);
        assert_eq!(passed("test result: ok. 1 passed; 0 failed"), None);
    }
}
