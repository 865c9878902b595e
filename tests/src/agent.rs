//! The real agent on a private desktop.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context, Result, ensure};

use crate::{
    desktop::Desktop,
    process::{self, Process, free_port},
    server::{Database, program},
    wait::{SOON, until},
    webdriver::Session,
};

#[derive(Debug)]
pub struct Agent {
    desktop: Rc<Desktop>,
    process: Option<Process>,
    /// Its windows; a new session for each start.
    session: Option<Session>,
    settings: Vec<(String, String)>,
    data: PathBuf,
    inspector: String,
    program: PathBuf,
    /// Started by the agent itself, in its own place.
    successor: Option<process::Found>,
}

impl Agent {
    /// Prepared, not started.
    pub fn new(desktop: &Rc<Desktop>, server_url: &str, enrolment_key: &str) -> Result<Self> {
        let data = desktop.folder().join("agent");
        let settings = vec![
            ("DESKBELL_SERVER_URL".into(), server_url.into()),
            ("DESKBELL_ENROLMENT_KEY".into(), enrolment_key.into()),
            ("DESKBELL_DATA_DIR".into(), data.display().to_string()),
        ];
        Ok(Self { settings, data, ..Self::installed(desktop, &program("deskbell")?) })
    }

    /// As it is installed: it finds its settings and its folder by itself.
    #[must_use]
    pub fn installed(desktop: &Rc<Desktop>, program: &Path) -> Self {
        let data = desktop.folder().join("data/deskbell");
        let (desktop, program) = (Rc::clone(desktop), program.to_owned());
        let (settings, inspector) = (Vec::new(), String::new());
        Self { desktop, process: None, session: None, settings, data, inspector, program, successor: None }
    }

    /// Replaces a setting from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.into(), value.into()));
    }

    fn command(&self) -> Result<tokio::process::Command> {
        let mut command = self.desktop.command(&self.program);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.env("RUST_BACKTRACE", "0");
        Ok(command)
    }

    pub async fn start(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "the agent runs already");
        self.inspector = format!("127.0.0.1:{}", free_port()?);
        let mut command = self.command()?;
        command.env("TAURI_WEBVIEW_AUTOMATION", "true").env("WEBKIT_INSPECTOR_SERVER", &self.inspector);
        self.process = Some(Process::start("deskbell", command, &self.desktop.log("agent"))?);
        Ok(())
    }

    /// The same with nothing in it that drives its windows: as people have it.
    pub async fn start_alone(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "the agent runs already");
        self.process = Some(Process::start("deskbell", self.command()?, &self.desktop.log("agent"))?);
        Ok(())
    }

    /// The window with this label, ready.
    pub async fn window(&mut self, label: &str) -> Result<&Session> {
        if self.session.is_none() {
            let session = until("the agent's windows can be driven", SOON, async || {
                Session::agent(&self.desktop, &self.inspector).await.map(Some)
            });
            self.session = Some(session.await?);
        }
        let session = self.session.as_ref().context("the session that was made just now")?;
        session.window(label).await?;
        Ok(session)
    }

    /// The window last switched to.
    pub fn page(&self) -> Result<&Session> {
        self.session.as_ref().context("no window was opened")
    }

    /// Runs the program once more, with a command line, as a person or a script would.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command()?;
        command.args(arguments);
        Ok(String::from_utf8(process::run(command).await?)?)
    }

    /// Gives the agent without a screen its orders, a line each, and waits for its end.
    pub async fn headless(&self, orders: &[&str]) -> Result<()> {
        let mut command = self.command()?;
        command.arg("headless");
        let input = orders.iter().map(|order| format!("{order}\n")).collect::<String>();
        let log = self.desktop.log("headless");
        let mut process = Process::start_with_input("deskbell headless", &mut command, &log, Some(&input))?;
        tokio::time::timeout(SOON, process.ended()).await.context("deskbell headless does not end")
    }

    /// Waits until this program has ended by itself and started another one in its place, which is
    /// this agent from then on.
    pub async fn succeeded(&mut self) -> Result<()> {
        self.session = None;
        let mut before = self.process.take().context("the agent does not run")?;
        tokio::time::timeout(SOON, before.ended()).await.context("the agent does not end by itself")?;
        let program = self.program.canonicalize()?;
        let found = until("the next agent runs", SOON, async || Ok(process::of_program(&program)?.into_iter().next()));
        self.successor = Some(process::Found::new(found.await?));
        Ok(())
    }

    /// What it last said of itself; null where none runs.
    pub async fn status(&self) -> Result<serde_json::Value> {
        let said: serde_json::Value = serde_json::from_str(&self.run(&["status", "--json"]).await?)?;
        Ok(said["status"].clone())
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> Result<()> {
        let process = self.process.take().context("the agent does not run")?;
        process.kill().await?;
        self.session = None;
        Ok(())
    }

    pub async fn stop(&mut self) -> Result<()> {
        self.session = None;
        if let Some(successor) = self.successor.take() {
            return successor.stop().await;
        }
        self.process.take().context("the agent does not run")?.stop().await
    }

    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    /// Its folder: queue, log, status.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    pub fn running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::running)
    }

    /// Its queue, read beside it and not through it.
    pub fn database(&self) -> Result<Database> {
        Database::open(&self.data.join("deskbell.db"))
    }
}
