//! A desktop with a tray, a helpdesk, and an agent whose person may write tickets.

use std::{path::PathBuf, rc::Rc};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    processes::Tree,
    screen::{F12, Screen, Spot},
};
use crate::{
    agent::Agent,
    desktop::Desktop,
    helpdesk::Helpdesk,
    process::Process,
    server::program,
    tray_host::TrayHost,
    wait::{SOON, until},
};

/// Fields are dropped in their order.
pub(super) struct Stage {
    pub(super) agent: Agent,
    pub(super) screen: Screen,
    /// Where the agent's form has its button.
    pub(super) spot: Spot,
    /// Answers what the form's page asks of the agent.
    answers: PathBuf,
    _tray: TrayHost,
    desktop: Rc<Desktop>,
    _helpdesk: Helpdesk,
    _folder: TempDir,
}

/// A floor that runs, and has nothing to do until its key is pressed.
pub(super) struct Floor {
    process: Process,
    pub(super) tree: Tree,
}

impl Floor {
    pub(super) async fn stop(self) -> Result<()> {
        self.process.kill().await
    }
}

impl Stage {
    pub(super) async fn open() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let helpdesk = Helpdesk::open(folder.path()).await?;
        let desktop = Rc::new(Desktop::start(&folder.path().join("desktop")).await?);
        let tray = TrayHost::start(&desktop).await?;
        let mut agent = Agent::new(&desktop, &helpdesk.server.url(), &helpdesk.enrolment_key)?;
        let screen = Screen::of(&desktop)?;
        agent.start().await?;
        helpdesk.welcome().await?;
        ready(&agent).await?;
        let spot = screen.find(F12).await?;
        let page = agent.window("new-ticket").await?;
        let status = page.call_agent("status", json!({})).await?;
        let mut form = page.call_agent("ticket_form", json!({})).await?;
        // The floor has no screenshot to show.
        form["screenshot"] = Value::Null;
        let answers = folder.path().join("answers.js");
        std::fs::write(&answers, script(&json!({"status": status, "ticket_form": form})))?;
        agent.stop().await?;
        Ok(Self { agent, screen, spot, answers, _tray: tray, desktop, _helpdesk: helpdesk, _folder: folder })
    }

    /// Starts the agent as a log-on does, with an empty form, and waits until it has nothing more to do.
    pub(super) async fn log_on(&mut self) -> Result<Tree> {
        self.forget_draft()?;
        self.agent.start_alone().await?;
        ready(&self.agent).await?;
        let tree = Tree(self.agent.id().context("it runs")?);
        tree.settled().await?;
        Ok(tree)
    }

    /// What the agent has kept of what was typed into the form; it may be on its way.
    pub(super) async fn typed(&self, text: &str) -> Result<String> {
        let database = self.agent.database()?;
        let kept = until("what was typed is kept", SOON, async || {
            let draft: String = database.one("select value from settings where name = 'draft'", [])?;
            let draft: Value = serde_json::from_str(&draft)?;
            let subject = draft["draft"]["subject"].as_str().unwrap_or_default().to_owned();
            ensure!(subject.len() >= text.len(), "it is {subject:?}");
            Ok(Some(subject))
        });
        // Where it never comes, it was lost, which is told and not hidden in an error.
        Ok(kept.await.unwrap_or_default())
    }

    fn forget_draft(&self) -> Result<()> {
        let database = rusqlite::Connection::open(self.agent.data().join("deskbell.db"))?;
        database.execute("delete from settings where name = 'draft'", [])?;
        Ok(())
    }

    pub(super) async fn floor(&self, name: &str) -> Result<Floor> {
        let mut command = self.desktop.command(program(name)?);
        if name == "floor-webview" {
            command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/dist/agent")).arg(&self.answers);
        }
        let mut process = Process::start(name, command, &self.desktop.log(name))?;
        process.said("that it is ready", |said| said.contains("ready").then_some(())).await?;
        let tree = Tree(process.id().context("it runs")?);
        tree.settled().await?;
        Ok(Floor { process, tree })
    }
}

/// Waits until the key is held and the server is there.
async fn ready(agent: &Agent) -> Result<()> {
    until("the agent is ready", SOON, async || {
        let status = agent.status().await?;
        let ready = status["hotkey"]["state"] == "registered" && status["online"] == true;
        ensure!(ready, "it says {status}");
        Ok(Some(()))
    })
    .await
}

/// What tauri gives to a page, as far as the form's page uses it.
fn script(answers: &Value) -> String {
    let label = json!({"label": "new-ticket", "windowLabel": "new-ticket"});
    format!(
        "const ANSWERS = {answers};
        window.__TAURI_INTERNALS__ = {{
            metadata: {{currentWindow: {label}, currentWebview: {label}}},
            transformCallback: () => 1,
            unregisterCallback: () => undefined,
            convertFileSrc: (path, scheme) => `${{scheme}}://localhost/${{path}}`,
            invoke: async (command) => ANSWERS[command] ?? null,
        }};
        window.__TAURI_EVENT_PLUGIN_INTERNALS__ = {{unregisterListener: () => undefined}};"
    )
}
