//! Everything is built once, by the same two commands, so that no step compiles it again with
//! other features.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    cross::{self, Target},
    shell::{command, run, target, ui},
};

/// The web interface first: the server and the agent embed it.
pub(crate) fn interface() -> Result<()> {
    run(ui(&["npm", "run", "build"]))
}

pub(crate) fn programs() -> Result<()> {
    run(command(&["cargo", "build", "--workspace", "--all-targets"]))
}

/// The programs that are handed out, and the folder they lie in. The debug ones are those of [`programs`].
pub(crate) fn linux(debug: bool) -> Result<PathBuf> {
    interface()?;
    if debug {
        programs()?;
        return Ok(target().join("debug"));
    }
    run(command(&["cargo", "build", "--release", "--locked", "-p", "deskbell-server", "-p", "deskbell"]))?;
    Ok(target().join("release"))
}

/// `deskbell.exe` and `WebView2Loader.dll`, and the folder they lie in. The debug ones are those of the tests.
pub(crate) fn windows(debug: bool) -> Result<PathBuf> {
    interface()?;
    cross::prepare()?;
    let programs = cross::programs(Target::Windows);
    if debug {
        run(cross::cargo(Target::Windows, &["build", "--workspace", "--all-targets"])?)?;
        return Ok(programs);
    }
    run(cross::cargo(Target::Windows, &["build", "--release", "--locked", "--package", "deskbell"])?)?;
    Ok(programs.with_file_name("release"))
}
