//! The deb's life on this computer, whose own folders stay as they are: installed, started from what it
//! installed, upgraded, removed and purged.

#![cfg(target_os = "linux")]

use std::{fs, path::Path, rc::Rc};

use anyhow::{Context, Result, ensure};
use deskbell_tests::{
    apart,
    api::Api,
    desktop::{Desktop, KeyRing},
    os_user::OsUser,
    packages::{self, VERSIONS, say},
    process::{self, Process},
    server::Server,
    tray_host::TrayHost,
    wait::{SOON, until},
};

const PROGRAM: &str = "/usr/bin/deskbell";
const SETTINGS: &str = "/etc/deskbell/agent.toml";
const AUTOSTART: &str = "/etc/xdg/autostart/deskbell.desktop";

#[tokio::test]
async fn a_deb_is_installed_started_by_its_session_upgraded_removed_and_purged() {
    if apart::here("a_deb_is_installed_started_by_its_session_upgraded_removed_and_purged").unwrap() {
        play().await.unwrap();
    }
}

async fn play() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let mut server = Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?;
    server.start().await?;
    let (_, key) = Api::with_client(&mut server, "northwind.example").await?;
    let first = packages::make("deb", VERSIONS[0], folder.path()).await?;
    let second = packages::make("deb", VERSIONS[1], folder.path()).await?;
    let before = traces().await?;
    ensure!(before.is_empty(), "this computer has an agent of its own: {before:?}");

    as_documented(&first, &server.url(), &key).await?;
    installed(VERSIONS[0]).await?;
    let set = fs::read_to_string(SETTINGS)?;
    ensure!(set.contains(&key), "{set}");

    let user = OsUser::make("anna", &folder.path().join("anna/home")).await?;
    let own = folder.path().join("anna");
    fs::create_dir(&own)?;
    let desktop = Rc::new(Desktop::start_as(&own, Some(user.person()), KeyRing::Open).await?);
    let tray = TrayHost::start(&desktop).await?;
    let agent = the_session_starts_it(&desktop, &tray).await?;
    introduced(&server, 1)?;
    links_and_menu_entries_work(&desktop).await?;
    agent.stop().await?;

    // Upgraded: what the administrator wrote stays, and so do the person's queue and identity.
    let queue = fs::read(own.join("data/deskbell/deskbell.db"))?;
    install(&second, VERSIONS[1]).await?;
    ensure!(fs::read_to_string(SETTINGS)? == set, "an upgrade leaves what the administrator wrote");
    ensure!(fs::read(own.join("data/deskbell/deskbell.db"))? == queue, "an upgrade leaves people's data alone");
    let agent = the_session_starts_it(&desktop, &tray).await?;
    introduced(&server, 1)?;
    agent.stop().await?;

    // An entry that the administrator took out stays out.
    fs::remove_file(AUTOSTART)?;
    install(&first, VERSIONS[0]).await?;
    install(&second, VERSIONS[1]).await?;
    ensure!(!Path::new(AUTOSTART).exists(), "an entry that was taken out comes back by no upgrade");

    run_as_documented("apt-get remove --yes deskbell").await?;
    ensure!(!Path::new(PROGRAM).exists(), "the program is gone");
    ensure!(Path::new(SETTINGS).exists(), "without a purge the settings stay for the next installation");
    ensure!(own.join("data/deskbell/deskbell.db").exists(), "people's data stays: unsent tickets are in it");
    run_as_documented("apt-get purge --yes deskbell").await?;
    let after = traces().await?;
    ensure!(after.is_empty(), "a purge leaves nothing: {after:?}");
    ensure!(own.join("data/deskbell/deskbell.db").exists(), "not even a purge touches people's homes");
    server.stop().await
}

async fn install(deb: &Path, version: &str) -> Result<()> {
    say(&["dpkg", "--install", &deb.display().to_string()]).await?;
    installed(version).await
}

/// The commands that the documentation tells an administrator to run, with this server and this key.
async fn as_documented(deb: &Path, server: &str, key: &str) -> Result<()> {
    let page = page()?;
    let block = page.split("```").nth(1).and_then(|block| block.strip_prefix("sh\n")).context("no commands")?;
    let block = block.replace("https://help.example.org", server).replace("DB-PUT-YOUR-KEY-HERE", key);
    let folder = deb.parent().context("a package lies in a folder")?;
    fs::copy(deb, folder.join("deskbell.deb"))?;
    let script = format!("set -e; cd '{}'; {block}", folder.display());
    say(&["sh", "-c", &script]).await.map(drop)
}

async fn run_as_documented(command: &str) -> Result<()> {
    ensure!(page()?.lines().any(|line| line == command), "the page says nothing of {command}");
    say(&["sh", "-c", command]).await.map(drop)
}

/// What the documentation says of Linux.
fn page() -> Result<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/deploy/shell.md"))?;
    page.split("## Linux").nth(1).map(str::to_owned).context("the page has no part for Linux")
}

async fn installed(version: &str) -> Result<()> {
    let found = say(&["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", "deskbell"]).await?;
    ensure!(found == format!("installed {version}"), "{found}");
    let changed = say(&["dpkg", "--verify", "deskbell"]).await?;
    let changed: Vec<_> = changed.lines().filter(|line| !line.contains("/etc/")).collect();
    ensure!(changed.is_empty(), "every file is as it was packed: {changed:?}");
    Ok(())
}

/// What a session does with its autostart entries, and what follows: a bell, and a key that is taken.
async fn the_session_starts_it(desktop: &Desktop, tray: &TrayHost) -> Result<Process> {
    let entry = fs::read_to_string(AUTOSTART)?;
    let line = entry.lines().find_map(|line| line.strip_prefix("Exec=")).context("an entry without Exec")?;
    let mut command = desktop.command("sh");
    command.args(["-c", &format!("exec {line}")]);
    let agent = Process::start("deskbell", command, &desktop.log("agent"))?;
    tray.wait_for(&["Waiting for confirmation"], SOON).await?;
    ensure!(desktop.visible(".").await?.is_empty(), "a session's start opens no window");
    desktop.press(&["ctrl+F12"]).await?;
    shown_and_closed(desktop, "New ticket").await?;
    Ok(agent)
}

/// Who introduced themselves so far: the same key pair is the same installation.
fn introduced(server: &Server, times: i64) -> Result<()> {
    let found = server.database()?.count("select count(*) from installations where registration = 'accepted'", [])?;
    ensure!(found == times, "{found} installations where {times} was expected");
    Ok(())
}

async fn links_and_menu_entries_work(desktop: &Desktop) -> Result<()> {
    for (words, title) in [
        (["gio", "open", "deskbell://tickets"], "My tickets"),
        (["gio", "launch", "/usr/share/applications/deskbell.desktop"], "New ticket"),
    ] {
        let mut command = desktop.command(words[0]);
        command.args(&words[1..]);
        process::run(command).await?;
        shown_and_closed(desktop, title).await.with_context(|| words.join(" "))?;
    }
    Ok(())
}

async fn shown_and_closed(desktop: &Desktop, title: &str) -> Result<()> {
    until("the window is shown", SOON, async || Ok((desktop.visible(title).await?.len() == 1).then_some(()))).await?;
    desktop.close(title).await
}

/// Everything of ours on this computer, outside of homes: files, and what dpkg and the list of links say.
async fn traces() -> Result<Vec<String>> {
    let found = say(&["find", "/etc", "/usr", "/var", "-xdev", "-iname", "*deskbell*"]).await?;
    let links = "/usr/share/applications/mimeinfo.cache";
    let named = fs::read_to_string(links).is_ok_and(|text| text.contains("deskbell"));
    Ok(found.lines().map(str::to_owned).chain(named.then(|| links.to_owned())).collect())
}
