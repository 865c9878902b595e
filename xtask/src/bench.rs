//! The figures: release programs, and what measures them.

use anyhow::Result;

use crate::{
    build,
    setup::{self, Extent},
    shell::{self, command, run},
};

/// Measures. `words` are for the program that does it; the debug programs serve to see that it works.
pub(crate) fn bench(words: &[String], debug: bool) -> Result<bool> {
    setup::run(Extent::Tests, false)?;
    build::interface()?;
    let folder = if debug {
        build::programs()?;
        shell::target().join("debug")
    } else {
        run(command(&["cargo", "build", "--release", "--locked", "--workspace", "--bins", "--exclude", "xtask"]))?;
        shell::target().join("release")
    };
    let mut bench = shell::program(folder.join("bench"));
    bench.args(words);
    Ok(shell::watch(bench).1)
}
