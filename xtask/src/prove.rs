//! The proofs: programs that are built to be killed and to have defects, and what leads them.

use std::{fs, path::PathBuf};

use anyhow::{Result, ensure};

use crate::{
    build,
    setup::{self, Extent},
    shell::{self, command, run},
};

/// Both in one build: without their variables they do nothing.
const FEATURES: &str = "deskbell-protocol/crash-points,deskbell-protocol/mutants";
const PROGRAMS: [&str; 3] = ["deskbell", "deskbell-server", "prove"];

/// Whether what is promised holds. `words` are for the program that leads the proofs.
pub(crate) fn prove(words: &[String]) -> Result<bool> {
    setup::run(Extent::Tests, false)?;
    build::interface()?;
    never_handed_out()?;
    let mut prove = shell::program(build()?.join("prove"));
    prove.args(words);
    Ok(shell::watch(prove).1)
}

/// Builds them, and leaves the programs of the tests as they were.
pub(crate) fn build() -> Result<PathBuf> {
    let folder = shell::target().join("prove");
    fs::create_dir_all(&folder)?;
    let words = ["cargo", "build", "--workspace", "--bins"];
    run(command(&[&words[..], &["--features", FEATURES]].concat()))?;
    for program in PROGRAMS {
        // Not written over: an older one may run.
        let (from, to) = (shell::target().join("debug").join(program), folder.join(program));
        let _ = fs::remove_file(&to);
        fs::copy(from, to)?;
    }
    run(command(&words))?;
    Ok(folder)
}

/// A build that is handed out does not compile with either feature.
fn never_handed_out() -> Result<()> {
    for feature in FEATURES.split(',') {
        let mut check = command(&["cargo", "check", "--release", "-p", "deskbell-protocol", "--features", feature]);
        // Beside the releases: one that is being built there is not waited for.
        check.arg("--target-dir").arg(shell::target().join("prove/refused"));
        let output = check.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success(), "a release with {feature} compiles");
        ensure!(said.contains("never for a release"), "a release with {feature} fails for another reason: {said}");
    }
    Ok(())
}
