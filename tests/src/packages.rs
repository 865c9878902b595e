//! The packages for Linux, made by `cargo xtask dist` from the programs of this workspace, and what the
//! tools of their distributions say of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{
    process,
    server::{files, program},
};

/// What this workspace is, and the version after it.
pub const VERSIONS: [&str; 2] = [env!("CARGO_PKG_VERSION"), "99.0.1"];

/// Makes one kind of package in `folder`; the file.
pub async fn make(kind: &str, version: &str, folder: &Path) -> Result<PathBuf> {
    let programs = program("deskbell")?.parent().context("a program lies in a folder")?.to_owned();
    let out = folder.join(format!("{kind}-{version}"));
    let mut command = process::command(program("xtask")?);
    command.args(["dist", "--debug", "--only", kind, "--as-version", version, "--linux-from"]).arg(programs);
    // A fixed time, as a release has one; here it is that of no commit.
    command.arg("--out").arg(&out).env("SOURCE_DATE_EPOCH", "1700000000");
    process::run(command).await?;
    let made = files(&out)?.into_iter().find(|file| file.extension().is_some_and(|ending| ending == kind));
    made.with_context(|| format!("no .{kind} in {}", out.display()))
}

/// Runs a short program with its words; what it prints.
pub async fn say(words: &[&str]) -> Result<String> {
    let (name, rest) = words.split_first().context("no program")?;
    let mut command = process::command(name);
    command.args(rest).env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
    Ok(String::from_utf8_lossy(&process::run(command).await?).into_owned())
}

/// One file of a package: its rights, its owner and its path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub path: String,
    pub rights: String,
    pub owner: String,
}

/// The files of a deb, without folders.
pub async fn files_of_deb(deb: &Path) -> Result<Vec<Entry>> {
    let listed = say(&["dpkg-deb", "--contents", &deb.display().to_string()]).await?;
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (rights, owner, path) = (words.first()?, words.get(1)?, words.get(5)?);
        let path = path.trim_start_matches('.').to_owned();
        Some(Entry { path, rights: (*rights).to_owned(), owner: (*owner).to_owned() })
    };
    Ok(sorted(listed.lines().filter_map(entry)))
}

/// The files of an rpm, without folders.
pub async fn files_of_rpm(rpm: &Path) -> Result<Vec<Entry>> {
    let format = "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME}\\n]";
    let listed = say(&["rpm", "-qp", "--queryformat", format, &rpm.display().to_string()]).await?;
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (path, rights, owner) = (words.first()?, words.get(1)?, words.get(2)?);
        Some(Entry { path: (*path).to_owned(), rights: (*rights).to_owned(), owner: (*owner).to_owned() })
    };
    Ok(sorted(listed.lines().filter_map(entry)))
}

fn sorted(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = entries.filter(|entry| !entry.rights.starts_with('d')).collect();
    entries.sort();
    entries
}
