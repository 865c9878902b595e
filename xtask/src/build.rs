//! Everything is built once, by the same two commands, so that no step compiles it again with
//! other features.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell::{command, run, target, ui};

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

/// `deskbell.exe` and `WebView2Loader.dll`, and the folder they lie in.
pub(crate) fn windows(_debug: bool) -> Result<PathBuf> {
    anyhow::bail!("the build for Windows is not here yet")
}
