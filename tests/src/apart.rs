//! This computer, with everything that a test changes in it kept apart: users that are made and packages
//! that are installed are gone with the test, however it ends.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Set for the test that runs apart.
const HERE: &str = "DESKBELL_TEST_APART";

/// What is written below these goes to memory, in a mount namespace of the test's own; the files
/// themselves are this computer's.
const SCRIPT: &str = r#"
set -eu
kept=$1
shift
mount -t tmpfs -o mode=755 tmpfs "$kept"
for place in etc usr var; do
    mkdir -p "$kept/$place/written" "$kept/$place/work"
    mount -t overlay overlay -o "lowerdir=/$place,upperdir=$kept/$place/written,workdir=$kept/$place/work" "/$place"
done
exec "$@"
"#;

/// Whether this process is the one that runs apart, as root. Where it is not, the test named `test` is
/// run once more, there, and what becomes of it is what becomes of this one.
pub fn here(test: &str) -> Result<bool> {
    if std::env::var_os(HERE).is_some() {
        return Ok(true);
    }
    let folder = tempfile::tempdir()?;
    let mut again = if rustix::process::geteuid().is_root() {
        Command::new("unshare")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "-E", "unshare"]);
        sudo
    };
    again.args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh"]).arg(folder.path());
    again.arg(std::env::current_exe()?).args(["--exact", test, "--nocapture"]).env(HERE, "1");
    // What it prints would be counted as a test of its own.
    let output = again.output().context("this test needs root: be it, or have sudo")?;
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    ensure!(output.status.success(), "apart, {test} failed:\n{said}");
    Ok(false)
}
