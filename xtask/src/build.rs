//! Everything is built once, by the same two commands, so that no step compiles it again with
//! other features.

use anyhow::Result;

use crate::shell::{command, run, ui};

/// The web interface first: the server and the agent embed it.
pub(crate) fn interface() -> Result<()> {
    run(ui(&["npm", "run", "build"]))
}

pub(crate) fn programs() -> Result<()> {
    run(command(&["cargo", "build", "--workspace", "--all-targets"]))
}
