//! The agent once more, as a newer version: for the tests of updates, which need two real ones.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;

use crate::shell::{self, command, run};

/// What the newer one calls itself.
const VERSION: &str = "0.2.0";

/// Builds it from the same sources, and leaves everything else as it was. Cargo tells a package its version
/// by a variable; a wrapper around the compiler says another one.
pub(crate) fn build() -> Result<PathBuf> {
    let folder = shell::target().join("newer");
    fs::create_dir_all(&folder)?;
    let wrapper = folder.join("rustc");
    fs::write(&wrapper, format!("#!/bin/sh\nCARGO_PKG_VERSION={VERSION} exec \"$@\"\n"))?;
    run(command(&["chmod", "+x", &wrapper.to_string_lossy()]))?;
    let agent = ["cargo", "build", "--workspace", "--bin", "deskbell"];
    let mut newer = command(&agent);
    newer.env("RUSTC_WORKSPACE_WRAPPER", &wrapper);
    run(newer)?;
    let program = folder.join("deskbell");
    let built = shell::target().join("debug/deskbell");
    // Without what debuggers read: a test copies it and signs it.
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&program).arg(built);
    run(strip)?;
    run(command(&agent))?;
    Ok(program)
}
