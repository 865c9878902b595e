//! Settings that others decide: those of this computer, which the person cannot beat, and those that the
//! helpdesk sends, which hold at once.

#![cfg(target_os = "linux")]

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context, Result, ensure};
use deskbell_tests::{
    agent::Agent,
    api::Api,
    desktop::Desktop,
    picture,
    server::{Server, program},
    tray_host::TrayHost,
    wait::{SOON, until},
    webdriver::Session,
};
use serde_json::{Value, json};

const NEW_TICKET: &str = "New ticket";

#[tokio::test]
async fn what_this_computer_and_the_helpdesk_say_holds_and_is_shown() {
    play().await.unwrap();
}

async fn play() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?;
    server.start().await?;
    let (api, client, key) = prepare(&mut server).await?;
    let desktop = Rc::new(Desktop::start(folder.path()).await?);
    let tray = TrayHost::start(&desktop).await?;
    let needed = format!("server_url = {:?}\nenrolment_key = {key:?}\n", server.url());
    let computer = Computer::new(folder.path())?;
    computer.set(&format!("{needed}theme = \"dark\"\n[recommended]\nlanguage = \"fr\"\n"))?;
    let mut agent = Agent::installed(&desktop, &computer.start);
    // The person tries to lead the agent elsewhere, and to have another look and language.
    agent.set("DESKBELL_SERVER_URL", "http://127.0.0.1:9");
    agent.set("DESKBELL_THEME", "light");
    agent.set("DESKBELL_LANGUAGE", "en");
    agent.start().await?;
    tray.wait_for(&["Waiting for confirmation"], SOON).await?;

    it_says_where_each_comes_from(&agent).await?;
    what_is_locked_cannot_be_picked(&mut agent, &desktop).await?;
    the_hotkey_of_the_helpdesk_holds_at_once(&agent, &api, &client, &desktop).await?;
    what_this_computer_says_beats_the_helpdesk(&mut agent, &api, &client).await?;
    the_console_sets_it(&server, &client, &desktop, &agent).await?;
    agent.stop().await?;

    computer.set(&format!("{needed}theme = \"light\"\nproxy = \"somewhere\"\n"))?;
    agent.set("DESKBELL_LANGUAGE", "fr");
    agent.start().await?;
    what_cannot_be_used_is_said(&mut agent, &desktop).await?;
    agent.stop().await?;
    server.stop().await
}

/// An organization, and a client whose devices are on.
async fn prepare(server: &mut Server) -> Result<(Api, String, String)> {
    let answers = json!({"code": server.setup_code().await?, "organization": "Harbour IT", "name": "Ada Byron",
        "email": "ada@harbour.example", "password": "correct horse battery", "language": "en"});
    let api = Api::set_up(server.http(), &server.url(), answers).await?;
    let client = api.post("/clients", json!({"name": "Northwind"})).await?;
    let client = client["id"].as_str().context("a client without id")?.to_owned();
    api.put(&format!("/clients/{client}/enablement"), json!({"enabled": true})).await?;
    let wanted = json!({"name": "Front desk", "expires_in_days": 7, "max_devices": 2});
    let key = api.post(&format!("/clients/{client}/enrolment-keys"), wanted).await?;
    Ok((api, client, key["secret"].as_str().context("a key without secret")?.to_owned()))
}

/// A computer whose `/etc` is a copy of this one's, with a file of settings: nothing but the place itself
/// says who administers a computer, and no variable leads elsewhere.
struct Computer {
    settings: PathBuf,
    /// Runs the agent there.
    start: PathBuf,
}

impl Computer {
    fn new(folder: &Path) -> Result<Self> {
        let (etc, start) = (folder.join("etc"), folder.join("deskbell"));
        let copied = std::process::Command::new("cp").arg("-a").arg("/etc").arg(&etc).output()?;
        // A user who is not root cannot copy everything, and needs none of that.
        ensure!(etc.is_dir(), "{}", String::from_utf8_lossy(&copied.stderr));
        std::fs::create_dir_all(etc.join("deskbell"))?;
        std::fs::write(&start, script(&etc)?)?;
        std::fs::set_permissions(&start, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { settings: etc.join("deskbell/agent.toml"), start })
    }

    fn set(&self, settings: &str) -> Result<()> {
        Ok(std::fs::write(&self.settings, settings)?)
    }
}

fn script(etc: &Path) -> Result<String> {
    Ok(format!(
        "#!/bin/sh\nexec unshare --user --map-current-user --keep-caps --mount \
         sh -c 'mount --bind \"$0\" /etc && exec \"$@\"' '{}' '{}' \"$@\"\n",
        etc.display(),
        program("deskbell")?.display()
    ))
}

async fn setting(agent: &Agent, name: &str) -> Result<Value> {
    let policy: Value = serde_json::from_str(&agent.run(&["policy", "--json"]).await?)?;
    let settings = policy["settings"].as_array().context("no settings")?;
    settings.iter().find(|setting| setting["name"] == name).cloned().with_context(|| format!("no {name}"))
}

async fn it_says_where_each_comes_from(agent: &Agent) -> Result<()> {
    for (name, value, origin, locked) in [
        ("enrolment_key", json!("•••"), "machine", true),
        ("theme", json!("dark"), "machine", true),
        ("language", json!("en"), "user", false),
        ("hotkey", json!("Ctrl+F12"), "default", false),
    ] {
        let found = setting(agent, name).await?;
        let as_wanted = found["value"] == value && found["origin"] == origin && found["locked"] == locked;
        ensure!(as_wanted, "{name}: {found}");
    }
    let printed = agent.run(&["policy"]).await?;
    let line = printed.lines().find(|line| line.starts_with("server_url")).context("no server")?;
    ensure!(line.ends_with("this computer (/etc/deskbell/agent.toml), locked"), "{line}");
    Ok(())
}

async fn what_is_locked_cannot_be_picked(agent: &mut Agent, desktop: &Desktop) -> Result<()> {
    agent.run(&["settings"]).await?;
    let page = agent.window("settings").await?;
    page.wait("#theme-managed", SOON).await?;
    let disabled = page.script("return document.querySelector('#theme').disabled", json!([])).await?;
    ensure!(disabled == true, "the theme can be picked");
    ensure!(!page.shows("#language-managed").await, "the language is the person's own");
    page.fill("#full-name", "Camille Martin").await?;
    page.click("#show-all").await?;
    page.wait_text("[data-setting=theme]", SOON, |text| text.contains("Set for this PC, locked")).await?;
    let secret = page.text("[data-setting=enrolment_key]").await?;
    ensure!(secret.contains("•••") && !secret.contains("DB-"), "{secret}");
    picture::focused_window(desktop, &pictures()?.join("policy-dark.png")).await?;
    page.click("#back").await?;
    ensure!(page.value("#full-name").await? == "Camille Martin", "what was typed is gone");
    picture::focused_window(desktop, &pictures()?.join("settings-locked-dark.png")).await?;
    page.call_agent("close_window", json!({})).await.map(drop)
}

async fn the_hotkey_of_the_helpdesk_holds_at_once(
    agent: &Agent,
    api: &Api,
    client: &str,
    desktop: &Desktop,
) -> Result<()> {
    let change = json!({"name": "hotkey", "value": "Ctrl+Shift+F9", "locked": true});
    api.put(&format!("/clients/{client}/agent-settings"), change).await?;
    until("the new key is held", SOON, async || {
        let status: Value = serde_json::from_str(&agent.run(&["status", "--json"]).await?)?;
        let hotkey = &status["status"]["hotkey"];
        Ok((hotkey["key"] == "Ctrl+Shift+F9" && hotkey["state"] == "registered").then_some(()))
    })
    .await?;
    desktop.press(&["ctrl+F12"]).await?;
    desktop.press(&["ctrl+shift+F9"]).await?;
    until("the new key opens the window", SOON, async || {
        Ok((!desktop.visible(NEW_TICKET).await?.is_empty()).then_some(()))
    })
    .await?;
    let found = setting(agent, "hotkey").await?;
    ensure!(found["origin"] == "server" && found["locked"] == true, "{found}");
    Ok(())
}

async fn what_this_computer_says_beats_the_helpdesk(agent: &mut Agent, api: &Api, client: &str) -> Result<()> {
    for (name, value) in [("theme", "light"), ("update_ring", "early")] {
        let change = json!({"name": name, "value": value, "locked": true});
        api.put(&format!("/clients/{client}/agent-settings"), change).await?;
    }
    until("what was sent last has arrived", SOON, async || {
        Ok((setting(agent, "update_ring").await?["value"] == "early").then_some(()))
    })
    .await?;
    let theme = setting(agent, "theme").await?;
    ensure!(theme["value"] == "dark" && theme["origin"] == "machine", "{theme}");
    Ok(())
}

/// In the browser of a technician: what the agents are told, and a change of it.
async fn the_console_sets_it(server: &Server, client: &str, desktop: &Desktop, agent: &Agent) -> Result<()> {
    let page = Session::chromium(desktop, "owner", "en").await?;
    page.go(&server.url()).await?;
    page.fill("#email", "ada@harbour.example").await?;
    page.fill("#password", "correct horse battery").await?;
    page.submit().await?;
    page.wait("a[href='/clients']", SOON).await?;
    page.go(&format!("{}/clients/{client}/settings", server.url())).await?;
    page.wait_value("#agent-hotkey", "Ctrl+Shift+F9").await?;
    std::fs::write(pictures()?.join("console-agent-settings.png"), page.picture().await?)?;
    page.set("#agent-updates", "off").await?;
    until("the agent hears of it", SOON, async || {
        let updates = setting(agent, "updates").await?;
        Ok((updates["value"] == "off" && updates["locked"] == true).then_some(()))
    })
    .await?;
    page.dark().await?;
    page.wait("[data-setting=updates] input[type=checkbox]", SOON).await?;
    Ok(std::fs::write(pictures()?.join("console-agent-settings-dark.png"), page.picture().await?)?)
}

async fn what_cannot_be_used_is_said(agent: &mut Agent, desktop: &Desktop) -> Result<()> {
    let proxy = setting(agent, "proxy").await?;
    ensure!(proxy["value"] == "system" && proxy["locked"] == true, "the next value holds, and stays locked: {proxy}");
    let printed = agent.run(&["policy"]).await?;
    let said = "/etc/deskbell/agent.toml: proxy has to be system, none or an address";
    ensure!(printed.contains(said), "{printed}");
    agent.run(&["settings"]).await?;
    let page = agent.window("settings").await?;
    page.wait_text("body", SOON, |text| text.contains("/etc/deskbell/agent.toml: proxy")).await?;
    page.click("#show-all").await?;
    page.wait("[data-setting=proxy]", SOON).await?;
    picture::focused_window(desktop, &pictures()?.join("policy-light.png")).await.map(drop)
}

/// Evidence for people: `target/policy`.
fn pictures() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(3).context("a test lies in target/debug/deps")?.join("policy");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
