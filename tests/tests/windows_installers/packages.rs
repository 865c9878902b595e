//! One program in two versions, each as setup.exe and as msi, packaged once for all tests.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, Result, ensure};
use deskbell_tests::{server, wine};

/// The version in Cargo.toml, and one that comes after it.
pub(crate) const FIRST: &str = env!("CARGO_PKG_VERSION");
pub(crate) const SECOND: &str = "99.0.0";

pub(crate) fn setup_exe(version: &str) -> PathBuf {
    folder().join(format!("deskbell-{version}-setup.exe"))
}

pub(crate) fn msi(version: &str) -> PathBuf {
    folder().join(format!("deskbell-{version}.msi"))
}

pub(crate) fn folder() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("installers");
        for version in [FIRST, SECOND] {
            package(&folder, &["--only", "setup,msi", "--as-version", version]).unwrap();
        }
        folder
    })
}

/// `cargo xtask dist`, of the programs that the tests run.
pub(crate) fn package(out: &Path, words: &[&str]) -> Result<()> {
    let programs = wine::program("deskbell.exe")?;
    let mut xtask = Command::new(server::program("xtask")?);
    xtask.args(["dist", "--debug"]).args(words).arg("--out").arg(out);
    xtask.arg("--windows-from").arg(programs.parent().context("a program lies in a folder")?);
    // A commit in the middle of the tests is no other package.
    xtask.env("SOURCE_DATE_EPOCH", "1790000000");
    let output = xtask.output().context("cannot run xtask")?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "xtask dist {words:?}: {}", String::from_utf8_lossy(&said));
    Ok(())
}
