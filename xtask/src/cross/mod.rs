//! Other systems from this one: Windows is built, and run under wine; macOS is type-checked.

mod toolchain;
mod wine;

use std::{path::PathBuf, process::Command};

use anyhow::Result;

pub(crate) use self::wine::template as wine_template;
use crate::shell;

/// Debian's packages for both.
pub(crate) const PACKAGES: &[&str] =
    &["binutils-mingw-w64-x86-64", "gcc-mingw-w64-x86-64", "wine", "wine64", "x11-utils", "xauth", "xdotool", "xvfb"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Windows,
    MacArm,
    MacIntel,
}

impl Target {
    pub(crate) const ALL: [Self; 3] = [Self::Windows, Self::MacArm, Self::MacIntel];

    pub(crate) const fn triple(self) -> &'static str {
        match self {
            Self::Windows => "x86_64-pc-windows-gnu",
            Self::MacArm => "aarch64-apple-darwin",
            Self::MacIntel => "x86_64-apple-darwin",
        }
    }

    /// As cargo spells it in the names of variables.
    fn variable(self, name: &str) -> String {
        format!("CARGO_TARGET_{}_{name}", self.triple().to_uppercase().replace('-', "_"))
    }
}

/// What is made once and kept, below the target folder.
fn folder() -> PathBuf {
    shell::target().join("cross")
}

/// The compilers' standard libraries and wine's first start; nothing where they are there already.
pub(crate) fn prepare() -> Result<()> {
    toolchain::prepare()?;
    stubs()?;
    wine::prepare()
}

/// `cargo <words>` for another system.
pub(crate) fn cargo(target: Target, words: &[&str]) -> Result<Command> {
    let mut command = toolchain::cargo(target, words)?;
    if target == Target::Windows {
        command.env(target.variable("LINKER"), "x86_64-w64-mingw32-gcc");
        command.env(target.variable("RUNNER"), "wine");
        wine::environment(&mut command, &wine::for_cargo()?, &programs(target));
    } else {
        let triple = target.triple().replace('-', "_");
        for (tool, stub) in [("CC", "cc"), ("CXX", "cc"), ("AR", "ar")] {
            command.env(format!("{tool}_{triple}"), folder().join(stub));
        }
    }
    Ok(command)
}

/// Where cargo puts the programs of a system.
pub(crate) fn programs(target: Target) -> PathBuf {
    toolchain::target_folder().join(target.triple()).join("debug")
}

/// Type-checking a macOS target needs no C compiler, only something that answers as one does: nothing
/// here links against Apple's libraries, and nothing runs.
fn stubs() -> Result<()> {
    for (name, script) in [("cc", include_str!("cc.sh")), ("ar", include_str!("ar.sh"))] {
        let file = folder().join(name);
        std::fs::create_dir_all(folder())?;
        std::fs::write(&file, script)?;
        shell::set_mode(&file, 0o755)?;
    }
    Ok(())
}
