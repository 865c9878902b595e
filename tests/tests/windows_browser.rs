//! The Windows program where there is no WebView2, which wine never has: the ticket form opens in the
//! default browser, already as the person at that PC.

#![cfg(target_os = "linux")]

use std::{os::unix::fs::PermissionsExt, path::PathBuf, rc::Rc};

use anyhow::{Context, Result};
use deskbell_tests::{
    desktop::Desktop,
    helpdesk::Helpdesk,
    picture,
    process::Process,
    wait::{SOON, until},
    webdriver::Session,
    wine::{self, PATIENCE, Wine},
};
use serde_json::{Value, json};

const POLICIES: &str = r"HKLM\SOFTWARE\Policies\Deskbell";
/// What wine hands addresses over to, as Windows does to the default browser: a program of this machine.
const BROWSERS: &str = r"HKCU\Software\Wine\WineBrowser";

struct There {
    wine: Wine,
    helpdesk: Helpdesk,
    browser: Recorder,
    _agent: Process,
    _folder: tempfile::TempDir,
}

/// A default browser that writes down what it was asked to open.
struct Recorder(PathBuf);

impl Recorder {
    async fn of(wine: &Wine) -> Result<Self> {
        let folder = wine.desktop().folder();
        let (program, opened) = (folder.join("browser.sh"), folder.join("opened"));
        std::fs::write(&program, format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\n", opened.display()))?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        wine.set_value(BROWSERS, "Browsers", &program.display().to_string()).await?;
        Ok(Self(opened))
    }

    fn opened(&self) -> Vec<String> {
        std::fs::read_to_string(&self.0).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// What it was asked to open for the `nth` time.
    async fn asked(&self, nth: usize) -> Result<String> {
        until("the browser is asked to open a page", PATIENCE, async || Ok(self.opened().get(nth - 1).cloned())).await
    }
}

impl There {
    async fn begin() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let desktop = Rc::new(Desktop::start(folder.path()).await?);
        let wine = Wine::new(&desktop).await?;
        let helpdesk = Helpdesk::open(folder.path()).await?;
        wine.set_value(POLICIES, "server_url", &helpdesk.server.url()).await?;
        wine.set_value(POLICIES, "enrolment_key", &helpdesk.enrolment_key).await?;
        let browser = Recorder::of(&wine).await?;
        let command = wine.with_screen(wine::program("deskbell.exe")?);
        let agent = Process::start("deskbell.exe", command, &wine.desktop().log("windows"))?;
        Ok(Self { wine, helpdesk, browser, _agent: agent, _folder: folder })
    }

    /// The program once more, with a command: the agent that runs does it. On the same screen, since a
    /// program finds another one's window there alone.
    async fn ask(&self, word: &str) -> Result<()> {
        let mut command = self.wine.with_screen(wine::program("deskbell.exe")?);
        command.arg(word);
        let mut asking = Process::start(word, command, &self.wine.desktop().log("second"))?;
        asking.ended().await;
        Ok(())
    }

    /// What the program prints.
    async fn run(&self, words: &[&str]) -> Result<String> {
        let mut command = self.wine.command(wine::program("deskbell.exe")?);
        command.args(words);
        Ok(self.wine.run(command).await?.printed)
    }

    /// Waits until the running agent's status `holds` what is looked for.
    async fn status(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        until(what, PATIENCE, async || {
            let said: Value = serde_json::from_str(&self.run(&["status", "--json"]).await?)?;
            Ok(holds(&said["status"]).then(|| said["status"].clone()))
        })
        .await
    }

    fn log(&self) -> Result<String> {
        let file = self.wine.local_app_data()?.join("Deskbell/agent.log");
        std::fs::read_to_string(&file).with_context(|| file.display().to_string())
    }

    async fn picture(&self, name: &str) -> Result<()> {
        let own = std::env::current_exe()?;
        let pictures = own.ancestors().nth(3).context("a test lies in target/debug/deps")?.join("pictures");
        std::fs::create_dir_all(&pictures)?;
        picture::screen(self.wine.desktop(), &pictures.join(format!("{name}.png"))).await.map(drop)
    }
}

fn can_write(status: &Value) -> bool {
    status["state"]["enabled"] == true && status["online"] == true
}

#[tokio::test]
async fn a_ticket_is_written_in_the_default_browser_where_there_is_no_web_view() {
    let there = There::begin().await.unwrap();
    there.helpdesk.welcome().await.unwrap();
    let status = there.status("the agent may write", can_write).await.unwrap();
    let problems = status["problems"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem["code"] == "webview_missing"), "it knows: {problems:?}");

    there.ask("new").await.unwrap();
    let link = there.browser.asked(1).await.unwrap();
    let page = format!("{}/portal/new#", there.helpdesk.server.url());
    assert!(link.starts_with(&page), "a page of the configured server: {link}");
    let secret = link.trim_start_matches(&page);
    assert!(!there.log().unwrap().contains(secret), "the log does not hold the link's secret");

    let browser = Session::chromium(there.wine.desktop(), "browser", "en").await.unwrap();
    browser.go(&link).await.unwrap();
    browser.fill("#subject", "No web view here").await.unwrap();
    browser.click("#send").await.unwrap();
    browser.wait("#result[data-state=sent]", SOON).await.unwrap();
    let found = there.helpdesk.api.get("/tickets?view=all").await.unwrap();
    let id = found["tickets"][0]["id"].as_str().unwrap();
    let ticket = there.helpdesk.api.get(&format!("/tickets/{id}")).await.unwrap();
    assert_eq!((&found["total"], &ticket["source"]), (&json!(1), &json!("browser")));
    assert_eq!(ticket["requester"]["name"], json!("Camille Martin"));
    assert!(ticket["device"]["name"].as_str().is_some_and(|name| !name.is_empty()), "the device is named");

    // Personal settings come the same way.
    there.ask("settings").await.unwrap();
    let link = there.browser.asked(2).await.unwrap();
    browser.go(&link).await.unwrap();
    let shown = browser.wait("#confirmed", SOON).await.unwrap();
    assert!(shown.contains("Camille Martin"), "{shown}");
}

#[tokio::test]
async fn without_a_network_it_says_what_is_missing_and_what_to_do() {
    let mut there = There::begin().await.unwrap();
    there.helpdesk.welcome().await.unwrap();
    there.status("the agent may write", can_write).await.unwrap();
    there.helpdesk.server.stop().await.unwrap();
    there.ask("new").await.unwrap();
    until("a message is shown", PATIENCE, async || {
        let log = there.log()?;
        Ok(log.lines().any(|line| line.contains("a message is shown")).then_some(()))
    })
    .await
    .unwrap();
    there.status("the agent is offline", |status| status["online"] == false).await.unwrap();
    let line = there.run(&["status"]).await.unwrap();
    assert!(line.contains("WebView2 is missing"), "the menu's line says it too: {line}");
    there.picture("browser-offline-windows").await.unwrap();
    assert_eq!(there.browser.opened(), Vec::<String>::new(), "nothing is opened that cannot be reached");
}
