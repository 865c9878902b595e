//! A Wayland session, without an X server beside it: what works there, and what is said of what does not.

#![cfg(target_os = "linux")]

use std::{path::Path, rc::Rc};

use anyhow::{Context, Result, ensure};
use deskbell_tests::{
    agent::Agent,
    api::Api,
    desktop::Desktop,
    process::Process,
    server::Server,
    tray_host::TrayHost,
    wait::{SOON, until},
};
use serde_json::Value;

const SOCKET: &str = "wayland-of-the-test";

#[tokio::test]
async fn on_wayland_bell_windows_and_commands_work_and_the_missing_hotkey_is_said() {
    play().await.unwrap();
}

async fn play() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?;
    server.start().await?;
    let (_, key) = Api::with_client(&mut server, "northwind.example").await?;
    // Bus, key ring and homes are the same as ever; its X screen is not told to the agent.
    let desktop = Rc::new(Desktop::start(folder.path()).await?);
    let tray = TrayHost::start(&desktop).await?;
    let _compositor = compositor(&desktop, folder.path()).await?;
    let mut agent = Agent::new(&desktop, &server.url(), &key)?;
    for (name, value) in [
        ("WAYLAND_DISPLAY", SOCKET),
        ("XDG_SESSION_TYPE", "wayland"),
        ("GDK_BACKEND", "wayland"),
        ("DISPLAY", ""),
        ("DESKBELL_LANGUAGE", "en"),
    ] {
        agent.set(name, value);
    }
    agent.start().await?;

    tray.wait_for(&["No hotkey on this desktop", "Waiting for confirmation"], SOON).await?;
    agent.run(&["settings"]).await?;
    let page = agent.window("settings").await?;
    page.wait_text("body", SOON, |text| text.contains("bind a shortcut to the command “deskbell new”")).await?;
    agent.run(&["new"]).await?;
    let page = agent.window("new-ticket").await?;
    // Only the desktop's portal gives pictures there, and this session has none: the ticket goes without.
    page.wait_text("body", SOON, |text| text.contains("No screenshot will be sent")).await?;
    page.fill("#subject", "Written on Wayland").await?;
    page.click("#send").await?;
    page.wait("#result", SOON).await?;

    until("the server knows that there is no hotkey", SOON, async || {
        let sql = "select count(*) from installations where hotkey = 'unsupported'";
        Ok((server.database()?.count(sql, [])? == 1).then_some(()))
    })
    .await?;
    let status: Value = serde_json::from_str(&agent.run(&["status", "--json"]).await?)?;
    ensure!(status["status"]["hotkey"]["state"] == "unsupported", "{status}");
    let problems = status["status"]["problems"].as_array().context("no problems")?;
    ensure!(problems.iter().any(|problem| problem["code"] == "hotkey_unsupported"), "{status}");
    agent.stop().await?;
    server.stop().await
}

async fn compositor(desktop: &Desktop, folder: &Path) -> Result<Process> {
    let mut command = desktop.command("weston");
    command.args(["--backend=headless-backend.so", "--idle-time=0", "--no-config", &format!("--socket={SOCKET}")]);
    let compositor = Process::start("weston", command, &desktop.log("weston"))?;
    let socket = folder.join("run").join(SOCKET);
    until("the compositor listens", SOON, async || Ok(socket.exists().then_some(()))).await?;
    Ok(compositor)
}
