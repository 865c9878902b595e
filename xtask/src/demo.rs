//! The product, shown: to a person, or to a machine that checks it.

use anyhow::{Result, bail};

use crate::{
    build,
    setup::{self, Extent},
    shell,
};

pub(crate) fn run_story(keep: bool) -> std::process::Command {
    let mut story = shell::program(shell::target().join("debug/story"));
    if keep {
        story.arg("--keep");
    }
    story
}

pub(crate) fn run(headless: bool, keep: bool, yes: bool) -> Result<()> {
    if !headless && std::env::var_os("DISPLAY").is_none() && cfg!(target_os = "linux") {
        bail!("there is no desktop here (DISPLAY is not set); `cargo xtask demo --headless` brings its own");
    }
    setup::run(if headless { Extent::Story } else { Extent::Demo }, yes)?;
    build::interface()?;
    build::programs()?;
    if headless { shell::run(run_story(keep)) } else { shell::run(shell::program(shell::target().join("debug/demo"))) }
}
