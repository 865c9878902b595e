//! The program that was built for Windows, under wine: what of it can be shown without a web view.

#![cfg(target_os = "linux")]

use std::{path::Path, rc::Rc};

use anyhow::{Context, Result, ensure};
use deskbell_tests::{
    desktop::Desktop,
    headless::Headless,
    helpdesk::Helpdesk,
    picture,
    process::Process,
    wait::until,
    wine::{self, PATIENCE, SCREEN, SCREEN_TITLE, Wine},
};
use serde_json::Value;

const POLICIES: &str = r"HKLM\SOFTWARE\Policies\Deskbell";
const PERSONALIZE: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize";
/// Where wine keeps what the Credential Manager is given.
const CREDENTIALS: &str = r"HKCU\Software\Wine\Credential Manager";

/// A fresh Windows on a private desktop, and a helpdesk that it can reach.
async fn world(folder: &Path) -> Result<(Rc<Wine>, Helpdesk)> {
    let desktop = Rc::new(Desktop::start(folder).await?);
    let wine = Rc::new(Wine::new(&desktop).await?);
    Ok((wine, Helpdesk::open(folder).await?))
}

/// What an administrator's group policy would write.
async fn managed(wine: &Wine, helpdesk: &Helpdesk) -> Result<()> {
    wine.set_value(POLICIES, "server_url", &helpdesk.server.url()).await?;
    wine.set_value(POLICIES, "enrolment_key", &helpdesk.enrolment_key).await
}

/// What `deskbell.exe status --json` says of the running agent.
async fn status(wine: &Wine) -> Result<Value> {
    let mut command = wine.command(wine::program("deskbell.exe")?);
    command.args(["status", "--json"]);
    Ok(serde_json::from_str(&wine.run(command).await?.printed)?)
}

fn log(wine: &Wine) -> Result<String> {
    Ok(std::fs::read_to_string(wine.local_app_data()?.join("Deskbell/agent.log"))?)
}

async fn start_with_screen(wine: &Wine) -> Result<Process> {
    let command = wine.with_screen(wine::program("deskbell.exe")?);
    Process::start("deskbell.exe", command, &wine.desktop().log("windows"))
}

#[tokio::test]
async fn what_a_person_wrote_survives_a_kill_and_is_delivered_once() {
    let folder = tempfile::tempdir().unwrap();
    let (wine, mut helpdesk) = world(folder.path()).await.unwrap();
    managed(&wine, &helpdesk).await.unwrap();
    let mut agent = Headless::on_windows(&wine, &[]);
    agent.start().unwrap();
    helpdesk.welcome().await.unwrap();
    agent.welcomed().await.unwrap();

    helpdesk.server.stop().await.unwrap();
    agent.submit("The printer prints blank pages").await.unwrap();
    agent.kill().await.unwrap();
    agent.start().unwrap();
    helpdesk.server.start().await.unwrap();
    agent.delivered("The printer prints blank pages").await.unwrap();
    assert_eq!(helpdesk.tickets().unwrap(), 1);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn the_key_lies_in_the_credential_manager_and_never_roams() {
    let folder = tempfile::tempdir().unwrap();
    let (wine, helpdesk) = world(folder.path()).await.unwrap();
    managed(&wine, &helpdesk).await.unwrap();
    let mut agent = Headless::on_windows(&wine, &[]);
    agent.start().unwrap();
    let (_, first) = helpdesk.introduced().await.unwrap();
    agent.stop().await.unwrap();

    let kept = wine.registry(CREDENTIALS).await.unwrap().expect("something in the Credential Manager");
    assert!(kept.contains("Deskbell"), "{kept}");
    // 2 is CRED_PERSIST_LOCAL_MACHINE; 3, CRED_PERSIST_ENTERPRISE, would roam with the person's profile.
    let persist = kept.lines().find(|line| line.trim_start().starts_with("Persist")).expect("how long it is kept");
    assert!(persist.trim_end().ends_with("0x2"), "{persist}");
    let data = wine.local_app_data().unwrap().join("Deskbell");
    assert!(!data.join("device.key").exists(), "no copy of it lies in a file");

    // The same key is found again: no second installation comes to be.
    agent.start().unwrap();
    helpdesk.welcome().await.unwrap();
    agent.welcomed().await.unwrap();
    assert_eq!(helpdesk.introduced().await.unwrap().1, first);
    let count = "select count(*) from installations";
    assert_eq!(helpdesk.server.database().unwrap().count(count, []).unwrap(), 1);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn the_bell_is_in_the_tray_and_ctrl_f12_fires() {
    let folder = tempfile::tempdir().unwrap();
    let (wine, helpdesk) = world(folder.path()).await.unwrap();
    managed(&wine, &helpdesk).await.unwrap();
    // Wine's taskbar is white; without the setting Windows' own is dark, and so the bell would be white.
    wine.set_number(PERSONALIZE, "SystemUsesLightTheme", 1).await.unwrap();
    let agent = start_with_screen(&wine).await.unwrap();
    the_bell_shows(&wine).await.unwrap();
    helpdesk.welcome().await.unwrap();
    until("Ctrl+F12 is registered", PATIENCE, async || {
        Ok((status(&wine).await?["status"]["hotkey"]["state"] == "registered").then_some(()))
    })
    .await
    .unwrap();

    wine.desktop().focus(SCREEN_TITLE).await.unwrap();
    wine.desktop().press(&["ctrl+F12"]).await.unwrap();
    until("the key has asked for a new ticket", PATIENCE, async || {
        let log = log(&wine)?;
        Ok(log.lines().any(|line| line.contains("NewTicket") && line.contains("Hotkey")).then_some(()))
    })
    .await
    .unwrap();
    the_server_hears_of_the_key(&helpdesk).await.unwrap();
    drop(agent);
}

/// The bell's dark strokes stand at the right end of the white taskbar, where nothing was.
async fn the_bell_shows(wine: &Wine) -> Result<()> {
    let file = wine.desktop().folder().join("tray.png");
    wine.desktop().focus(SCREEN_TITLE).await?;
    until("the bell shows", PATIENCE, async || {
        let screen = picture::focused_window(wine.desktop(), &file).await?;
        let (right, bottom) = SCREEN;
        ensure!(screen.dimensions() == SCREEN, "another window has the focus: {:?} pixels", screen.dimensions());
        let corner = (right - 24..right).flat_map(|x| (bottom - 18..bottom).map(move |y| (x, y)));
        let values: Vec<_> = corner.map(|(x, y)| screen.get_pixel(x, y).0).collect();
        let count = |is: fn(u8) -> bool| values.iter().filter(|pixel| pixel[..3].iter().all(|part| is(*part))).count();
        let (dark, light) = (count(|part| part < 96), count(|part| part > 224));
        Ok((dark >= 20 && light > dark).then_some(()))
    })
    .await?;
    keep_picture(&file, "tray-windows")
}

/// Beside those of the demo.
fn keep_picture(file: &Path, name: &str) -> Result<()> {
    let own = std::env::current_exe()?;
    let pictures = own.ancestors().nth(3).context("a test lies in target/debug/deps")?.join("pictures");
    std::fs::create_dir_all(&pictures)?;
    std::fs::copy(file, pictures.join(format!("{name}.png")))?;
    Ok(())
}

async fn the_server_hears_of_the_key(helpdesk: &Helpdesk) -> Result<()> {
    until("the console shows the key as registered", PATIENCE, async || {
        let sql = "select count(*) from installations where hotkey = 'registered'";
        Ok((helpdesk.server.database()?.count(sql, [])? == 1).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_second_start_asks_the_first_one_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (wine, helpdesk) = world(folder.path()).await.unwrap();
    managed(&wine, &helpdesk).await.unwrap();
    let mut first = start_with_screen(&wine).await.unwrap();
    helpdesk.introduced().await.unwrap();
    // On the same screen: a program finds another one's window there alone.
    let mut second = wine.with_screen(wine::program("deskbell.exe").unwrap());
    second.arg("tickets");
    let mut second = Process::start("second", second, &wine.desktop().log("second")).unwrap();
    until("the first one was asked", PATIENCE, async || {
        let log = log(&wine)?;
        Ok(log.lines().any(|line| line.contains("Tickets") && line.contains("CommandLine")).then_some(()))
    })
    .await
    .unwrap();
    second.ended().await;
    assert!(first.running());
}

#[tokio::test]
async fn the_doctor_reaches_the_server_and_names_the_missing_web_view() {
    let folder = tempfile::tempdir().unwrap();
    let (wine, helpdesk) = world(folder.path()).await.unwrap();
    managed(&wine, &helpdesk).await.unwrap();
    let mut agent = Headless::on_windows(&wine, &[]);
    agent.start().unwrap();
    helpdesk.welcome().await.unwrap();
    agent.welcomed().await.unwrap();
    let mut command = wine.command(wine::program("deskbell.exe").unwrap());
    command.args(["doctor", "--json"]);
    let ended = wine.run(command).await.unwrap();
    let said: Value = serde_json::from_str(&ended.printed).unwrap_or_else(|_| panic!("{}", ended.printed));
    let checks = said["checks"].as_array().expect("a list of checks");
    let found =
        |check: &str| checks.iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("{check}: {said}"));
    for check in ["name", "route", "server", "signature", "enablement", "confirmation", "key_store"] {
        assert_eq!(found(check)["verdict"], "ok", "{}", found(check));
    }
    let web_view = found("web_view");
    assert_eq!(web_view["code"], "web_view_missing", "{web_view}");
    assert!(web_view["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{web_view}");
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn group_policy_sets_and_locks() {
    let folder = tempfile::tempdir().unwrap();
    let desktop = Rc::new(Desktop::start(folder.path()).await.unwrap());
    let wine = Rc::new(Wine::new(&desktop).await.unwrap());
    wine.set_value(POLICIES, "hotkey", "Ctrl+Alt+H").await.unwrap();
    // What the installer wrote yields to policy.
    wine.set_value(r"HKLM\SOFTWARE\Deskbell", "hotkey", "Ctrl+F9").await.unwrap();
    wine.set_value(r"HKLM\SOFTWARE\Deskbell", "server_url", "https://help.example/").await.unwrap();
    let mut command = wine.command(wine::program("deskbell.exe").unwrap());
    command.args(["policy", "--json"]);
    let ended = wine.run(command).await.unwrap();
    let policy: Value = serde_json::from_str(&ended.printed).unwrap_or_else(|_| panic!("{}", ended.printed));
    let setting = |name: &str| setting(&policy, name).unwrap();
    assert_eq!(setting("hotkey")["value"], "Ctrl+Alt+H", "{policy}");
    assert_eq!(setting("hotkey")["locked"], true, "{policy}");
    assert_eq!(setting("server_url")["value"], "https://help.example/", "{policy}");
    assert_eq!(setting("language")["locked"], false, "{policy}");
}

fn setting<'a>(policy: &'a Value, name: &str) -> Result<&'a Value> {
    let rows = policy["settings"].as_array().or_else(|| policy.as_array()).context("no list of settings")?;
    let found = rows.iter().find(|row| row["name"] == name);
    ensure!(found.is_some(), "{name} is not in {policy}");
    found.context("just found")
}
