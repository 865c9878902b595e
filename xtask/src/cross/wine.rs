//! Wine, which runs what was built for Windows. Its first start takes half a minute and makes a
//! folder, the prefix; tests take copies of that one.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use super::folder;
use crate::shell::{self, command};

/// Rust's standard library asks this library of Windows for random bytes; wine 8 does not have it.
const RANDOM: &str = include_str!("bcryptprimitives.c");

/// The prefix that tests take copies of: `tests/src/wine.rs`.
pub(crate) fn template() -> PathBuf {
    folder().join("wine")
}

pub(super) fn prepare() -> Result<()> {
    if template().exists() {
        return Ok(());
    }
    let part = folder().join("wine.part");
    if part.exists() {
        std::fs::remove_dir_all(&part)?;
    }
    std::fs::create_dir_all(folder().join("home"))?;
    // One shell, so that the screen lives until the last process of wine has ended.
    let mut boot =
        command(&["xvfb-run", "-a", "sh", "-c", "wine wineboot -i && wine winecfg -v win10 && wineserver -w"]);
    environment(&mut boot, &part, Path::new(""));
    // Wine links the folders of the person into the prefix; these are nobody's.
    boot.env("HOME", folder().join("home"));
    shell::run(boot)?;
    let system = part.join("drive_c/windows/system32");
    ensure!(system.is_dir(), "wine made no prefix at {}", part.display());
    let source = folder().join("bcryptprimitives.c");
    std::fs::write(&source, RANDOM)?;
    let mut compile = command(&["x86_64-w64-mingw32-gcc", "-shared", "-O1", "-o"]);
    compile.arg(system.join("bcryptprimitives.dll")).arg(source).arg("-ladvapi32");
    shell::run(compile)?;
    Ok(std::fs::rename(part, template())?)
}

/// The prefix in which `cargo test` runs: a copy, so that the template stays as it was made.
pub(super) fn for_cargo() -> Result<PathBuf> {
    let prefix = folder().join("wine-for-cargo");
    if !prefix.exists() && template().exists() {
        let mut copy = command(&["cp", "-a"]);
        copy.arg(template()).arg(&prefix);
        shell::run(copy)?;
    }
    Ok(prefix)
}

/// What wine needs to know. Programs built with a web view look for its loader on the path.
pub(super) fn environment(command: &mut Command, prefix: &Path, programs: &Path) {
    command.env("WINEPREFIX", prefix).env("WINEDEBUG", "-all").env("WINEPATH", programs);
    // Neither .NET nor a browser engine is to be fetched.
    command.env("WINEDLLOVERRIDES", "mscoree=;mshtml=");
}
