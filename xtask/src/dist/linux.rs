//! What is installed on Linux: one list of files, which the deb and the rpm are both made from.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{Plan, files};
use crate::shell::{self, command};

/// What an administrator may have changed; an upgrade leaves it.
pub(super) const SETTINGS: &[&str] = &["/etc/deskbell/agent.toml", "/etc/xdg/autostart/deskbell.desktop"];

pub(super) const SUMMARY: &str = "Press a key, get help";
pub(super) const DESCRIPTION: &[&str] = &[
    "The Deskbell agent: a ticket with the people who can help, one key away,",
    "online or offline. It needs a Deskbell server.",
];

/// From the repository to the computer.
const FILES: &[(&str, &str)] = &[
    ("installer/linux/deskbell.desktop", "usr/share/applications/deskbell.desktop"),
    ("installer/linux/deskbell-link.desktop", "usr/share/applications/deskbell-link.desktop"),
    ("installer/linux/deskbell-autostart.desktop", "etc/xdg/autostart/deskbell.desktop"),
    ("installer/linux/agent.toml", "etc/deskbell/agent.toml"),
    ("src-tauri/icons/32x32.png", "usr/share/icons/hicolor/32x32/apps/deskbell.png"),
    ("src-tauri/icons/128x128.png", "usr/share/icons/hicolor/128x128/apps/deskbell.png"),
    ("src-tauri/icons/128x128@2x.png", "usr/share/icons/hicolor/256x256/apps/deskbell.png"),
    ("src-tauri/icons/app/app-icon.svg", "usr/share/icons/hicolor/scalable/apps/deskbell.svg"),
    ("installer/linux/copyright", "usr/share/doc/deskbell/copyright"),
    ("LICENSE-APACHE", "usr/share/doc/deskbell/LICENSE-APACHE"),
    ("LICENSE-MIT", "usr/share/doc/deskbell/LICENSE-MIT"),
];

/// Packed, as manuals and lists of changes are.
const PACKED: &[(&str, &str)] = &[
    ("installer/linux/deskbell.1", "usr/share/man/man1/deskbell.1"),
    ("installer/linux/deskbell.fr.1", "usr/share/man/fr/man1/deskbell.1"),
    ("CHANGELOG.md", "usr/share/doc/deskbell/changelog"),
];

/// Lays out below `root` what will lie below `/`. Programs are taken from the folder `programs`.
pub(super) fn lay_out(plan: &Plan, programs: &Path, root: &Path) -> Result<()> {
    files::empty(root)?;
    for (from, to) in FILES {
        let to = place(root, to)?;
        fs::copy(shell::root().join(from), to).with_context(|| format!("{from} is missing"))?;
    }
    for (from, to) in PACKED {
        let to = place(root, to)?;
        let text = fs::read_to_string(shell::root().join(from)).with_context(|| format!("{from} is missing"))?;
        fs::write(&to, text.replace("@VERSION@", &plan.version))?;
        let mut gzip = command(&["gzip", "-9", "--no-name"]);
        gzip.arg(to);
        shell::run(gzip)?;
    }
    let program = place(root, "usr/bin/deskbell")?;
    let mut strip = command(&["strip", "-o"]);
    strip.arg(&program).arg(programs.join("deskbell"));
    shell::run(strip)?;
    set_rights(root)?;
    files::set_times(root, plan.epoch)
}

fn place(root: &Path, to: &str) -> Result<PathBuf> {
    let to = root.join(to);
    fs::create_dir_all(to.parent().unwrap_or(root))?;
    Ok(to)
}

/// Whatever the umask and the working copy's rights are: everybody reads, and root alone writes.
pub(super) fn set_rights(root: &Path) -> Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let mode = if path.is_dir() || root.ends_with("usr/bin") { 0o755 } else { 0o644 };
        shell::set_mode(&path, mode)?;
        if path.is_dir() {
            set_rights(&path)?;
        }
    }
    shell::set_mode(root, 0o755)
}

/// Bytes that everything takes together.
pub(super) fn size(root: &Path) -> Result<u64> {
    files::list(root)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}
