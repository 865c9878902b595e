//! The figures: release programs, and what measures them.

use anyhow::Result;

use crate::{
    build,
    setup::{self, Extent},
    shell::{self, command, run},
};

/// What is measured, the floors, and what measures.
const PROGRAMS: [&str; 6] = ["deskbell", "deskbell-server", "bench", "floor-tray", "floor-webview", "floor-window"];

/// Measures. `words` are for the program that does it; the debug programs serve to see that it works.
pub(crate) fn bench(words: &[String], debug: bool) -> Result<bool> {
    setup::run(Extent::Tests, false)?;
    build::interface()?;
    let folder = if debug {
        build::programs()?;
        shell::target().join("debug")
    } else {
        let mut build = command(&["cargo", "build", "--release", "--locked", "--workspace"]);
        build.args(PROGRAMS.iter().flat_map(|program| ["--bin", program]));
        run(build)?;
        shell::target().join("release")
    };
    let mut bench = shell::program(folder.join("bench"));
    bench.args(words);
    Ok(shell::watch(bench).1)
}
