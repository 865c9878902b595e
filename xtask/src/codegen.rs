//! Generated files are committed, and stale is red.

use anyhow::{Result, ensure};

use crate::shell::{self, command, ui};

/// What [`run`] writes.
const GENERATED: &[&str] = &[
    "ui/shared/gen",
    "server/openapi.json",
    "docs/settings.md",
    "installer/windows/policy",
    "installer/macos/deskbell.mobileconfig",
];

/// TypeScript types come out of the tests of the crates that own them; the API description out of
/// the server, and its types out of the description; what administrators read and import out of the
/// agent's list of settings.
pub(crate) fn run() -> Result<()> {
    let mut tests = command(&["cargo", "test", "--quiet", "--workspace", "--lib", "--"]);
    tests
        .args(["export_bindings", "the_committed_description", "the_committed_policy_files"])
        .env("DESKBELL_CODEGEN", "1");
    shell::run(tests)?;
    shell::run(ui(&["npm", "run", "--silent", "types"]))
}

/// Nothing of the generated files differs from what is committed.
pub(crate) fn check() -> Result<()> {
    run()?;
    let changed = shell::output(&[&["git", "status", "--porcelain", "--"], GENERATED].concat());
    let changed = changed.unwrap_or_else(|| "git did not answer".into());
    ensure!(changed.is_empty(), "generated files are stale; run `cargo xtask codegen` and commit:\n{changed}");
    Ok(())
}
