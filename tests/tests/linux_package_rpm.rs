//! The rpm's life in a root of its own: this computer is a Debian, and has no other place for one.

#![cfg(target_os = "linux")]

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use deskbell_tests::{
    apart,
    packages::{self, VERSIONS, files_of_rpm, say},
    server::files,
};

const SETTINGS: &str = "etc/deskbell/agent.toml";

#[tokio::test]
async fn an_rpm_is_installed_upgraded_and_removed_in_a_root_of_its_own() {
    if apart::here("an_rpm_is_installed_upgraded_and_removed_in_a_root_of_its_own").unwrap() {
        play().await.unwrap();
    }
}

async fn play() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let first = packages::make("rpm", VERSIONS[0], folder.path()).await?;
    let second = packages::make("rpm", VERSIONS[1], folder.path()).await?;
    let root = folder.path().join("root");
    fs::create_dir(&root)?;
    rpm(&root, &["--initdb"]).await?;

    // The libraries are this computer's packages, which this root's rpm knows nothing of.
    rpm(&root, &["--install", "--nodeps", &first.display().to_string()]).await?;
    ensure!(rpm(&root, &["-q", "deskbell"]).await?.starts_with(&format!("deskbell-{}-1", VERSIONS[0])));
    for entry in files_of_rpm(&first).await? {
        ensure!(root.join(entry.path.trim_start_matches('/')).is_file(), "{} is installed", entry.path);
    }
    // It links and starts here: the libraries it names are this computer's too.
    let version = say(&[&root.join("usr/bin/deskbell").display().to_string(), "--version"]).await?;
    ensure!(version.trim() == format!("deskbell {}", env!("CARGO_PKG_VERSION")), "{version}");

    let set = "server_url = \"https://help.example.org\"\n";
    fs::write(root.join(SETTINGS), set)?;
    rpm(&root, &["--upgrade", "--nodeps", &second.display().to_string()]).await?;
    ensure!(rpm(&root, &["-q", "deskbell"]).await?.trim().starts_with(&format!("deskbell-{}-1", VERSIONS[1])));
    ensure!(fs::read_to_string(root.join(SETTINGS))? == set, "an upgrade leaves what the administrator wrote");
    let older = rpm(&root, &["--upgrade", "--nodeps", &first.display().to_string()]).await;
    ensure!(older.is_err(), "an older one is not taken for an upgrade");

    rpm(&root, &["--erase", "deskbell"]).await?;
    let left: Vec<String> = files(&root)?.iter().map(|path| path.display().to_string()).collect();
    let ours: Vec<&String> = left.iter().filter(|path| path.to_lowercase().contains("deskbell/")).collect();
    let kept = root.join(format!("{SETTINGS}.rpmsave")).display().to_string();
    ensure!(ours == [&kept], "what the administrator wrote is kept beside, and nothing else is: {ours:?}");
    Ok(())
}

async fn rpm(root: &Path, words: &[&str]) -> Result<String> {
    let root = root.display().to_string();
    say(&[&["rpm", "--root", &root], words].concat()).await
}
