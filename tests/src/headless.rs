//! The real agent without a screen: orders go in as lines of JSON, and what happens comes out.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, Command},
};

use crate::{
    process::{self, Process},
    server::program,
    wine::{self, Wine},
};

#[derive(Debug)]
pub struct Headless {
    folder: PathBuf,
    settings: Vec<(String, String)>,
    system: System,
    running: Option<(Process, ChildStdin)>,
}

/// Which of the agent's programs it is.
#[derive(Clone, Debug)]
enum System {
    Here,
    Windows(Rc<Wine>),
}

impl Headless {
    /// Prepared, not started. Nothing of the caller's session reaches it: no desktop, no key store, no proxy.
    #[must_use]
    pub fn new(folder: &Path, server_url: &str, enrolment_key: &str) -> Self {
        let folder = folder.to_owned();
        let settings = [("DESKBELL_SERVER_URL", server_url), ("DESKBELL_ENROLMENT_KEY", enrolment_key)];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { folder, settings, system: System::Here, running: None }
    }

    /// The program that was built for Windows, under wine. What is not in `settings` it has from the registry.
    #[must_use]
    pub fn on_windows(wine: &Rc<Wine>, settings: &[(&str, &str)]) -> Self {
        let folder = wine.desktop().folder().join("windows");
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { folder, settings, system: System::Windows(Rc::clone(wine)), running: None }
    }

    /// From the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.into(), value.into()));
    }

    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The command that starts it, for who wants to talk to it without this harness.
    pub fn command(&self) -> Result<Command> {
        let mut command = self.program()?;
        command.arg("headless");
        Ok(command)
    }

    fn program(&self) -> Result<Command> {
        match &self.system {
            System::Here => Ok(self.environment(process::command(program("deskbell")?))),
            System::Windows(wine) => {
                let mut command = wine.command(wine::program("deskbell.exe")?);
                command.envs(self.settings.iter().map(|(name, value)| (name, value)));
                Ok(command)
            }
        }
    }

    fn environment(&self, mut command: Command) -> Command {
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "LANG", "LC_ALL", "LANGUAGE"] {
            command.env_remove(name);
        }
        for name in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
            .env("DESKBELL_CONFIG", self.folder.join("absent.toml"))
            .env("DESKBELL_DATA_DIR", self.data())
            .env("RUST_BACKTRACE", "0")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn start(&mut self) -> Result<()> {
        ensure!(self.running.is_none(), "the agent runs already");
        std::fs::create_dir_all(&self.folder)?;
        let command = self.command()?;
        self.running = Some(Process::start_to_talk("deskbell", command, &self.log())?);
        Ok(())
    }

    /// It was started, and has not ended.
    pub fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(|(process, _)| process.running())
    }

    /// Everything that it ever said.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("agent.log")
    }

    pub async fn order(&mut self, order: Value) -> Result<()> {
        let (_, input) = self.running.as_mut().context("the agent does not run")?;
        input.write_all(format!("{order}\n").as_bytes()).await?;
        Ok(input.flush().await?)
    }

    /// Waits for a line in which `find` finds what it looks for, from the start of the program on.
    pub async fn said<T>(&mut self, what: &str, find: impl Fn(&Value) -> Option<T>) -> Result<T> {
        let (process, _) = self.running.as_mut().context("the agent does not run")?;
        let each = |said: &str| said.lines().filter_map(|line| find(&serde_json::from_str(line).ok()?)).next_back();
        process.said(what, each).await
    }

    /// Has it ask how it stands, and waits until somebody may write tickets here. A proxy may keep from it
    /// what the server says by itself.
    pub async fn welcomed(&mut self) -> Result<()> {
        self.order(json!({"retry_now": {}})).await?;
        let find = |line: &Value| {
            let state = &line["status"]["state"];
            (state["enabled"] == true && !state["confirmation"].is_null()).then_some(())
        };
        self.said("that somebody may write tickets", find).await
    }

    /// Writes a ticket, and returns when it is durable.
    pub async fn submit(&mut self, subject: &str) -> Result<()> {
        self.order(json!({"submit": {"subject": subject, "description": "It does not print."}})).await?;
        let subject = subject.to_owned();
        self.said("that the ticket is kept", move |line| (line["done"]["subject"] == subject).then_some(())).await
    }

    /// Writes a ticket, then sends it: how long it takes from there until it is durable and said to be, less the way
    /// there and back of an order that nobody can read.
    pub async fn send_timed(&mut self, subject: &str, description: &str) -> Result<Duration> {
        self.order(json!({"write": {"subject": subject, "description": description}})).await?;
        // Only what comes from here on is looked through, as text: the time is the agent's.
        let (process, _) = self.running.as_mut().context("the agent does not run")?;
        let said = process.output().len();
        process.said("that it is written", |text| text[said..].contains("{\"done\":null}").then_some(())).await?;
        let nothing = self.timed(json!({"nothing": {}}), "{\"unreadable\":").await?;
        let sent = self.timed(json!({"send": {}}), "{\"done\":{").await?;
        Ok(sent.saturating_sub(nothing))
    }

    /// How long an order takes from here until it is answered.
    async fn timed(&mut self, order: Value, answer: &str) -> Result<Duration> {
        let (process, _) = self.running.as_mut().context("the agent does not run")?;
        let said = process.output().len();
        let begun = Instant::now();
        self.order(order).await?;
        let (process, _) = self.running.as_mut().context("the agent does not run")?;
        process.said("that it obeyed", |text| text[said..].contains(answer).then_some(())).await?;
        Ok(begun.elapsed())
    }

    pub async fn delivered(&mut self, subject: &str) -> Result<()> {
        let subject = subject.to_owned();
        let delivered = move |line: &Value| {
            let entry = &line["outbox"];
            (entry["subject"] == subject && entry["state"] == "delivered").then_some(())
        };
        self.said("that the ticket is delivered", delivered).await
    }

    /// What it says to the order of this number, from one on: done, or why not.
    pub async fn answer(&mut self, number: usize) -> Result<Value> {
        let (process, _) = self.running.as_mut().context("the agent does not run")?;
        let answer = |line: &Value| ["done", "refused", "unreadable"].iter().any(|word| line.get(word).is_some());
        let lines = |said: &str| {
            let mut answers = said.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(answer);
            answers.nth(number - 1)
        };
        process.said("what it did", lines).await
    }

    /// Waits for a problem, and returns what it names.
    pub async fn problem(&mut self, code: &str) -> Result<String> {
        let find = |line: &Value| {
            let problem = line["status"]["problems"].as_array()?.iter().find(|problem| problem["code"] == code)?;
            Some(problem["subject"].as_str().unwrap_or_default().to_owned())
        };
        self.said(&format!("{code} as its problem"), find).await
    }

    /// Runs the program once more beside it: its exit code, and what it printed.
    pub async fn run(&self, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        self.run_as(Command::new(program("deskbell")?), arguments).await
    }

    /// The same in another wrapping, such as another clock; `command` ends with the program.
    pub async fn run_as(&self, command: Command, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        std::fs::create_dir_all(&self.folder)?;
        let mut command = self.environment(command);
        command.args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(process::START, command.output()).await.context("it does not end")??;
        let printed = String::from_utf8(output.stdout)?;
        Ok((output.status.code(), printed + &String::from_utf8_lossy(&output.stderr)))
    }

    /// SIGKILL: nothing of the program runs any more.
    pub async fn kill(&mut self) -> Result<()> {
        let (process, _input) = self.running.take().context("the agent does not run")?;
        process.kill().await
    }

    /// The same between two records of its witness (`tests/shim/disk.c`).
    #[cfg(target_os = "linux")]
    pub async fn kill_by_witness(&mut self) -> Result<()> {
        let (process, _input) = self.running.take().context("the agent does not run")?;
        process.kill_by_witness().await
    }

    pub async fn stop(&mut self) -> Result<()> {
        let (mut process, input) = self.running.take().context("the agent does not run")?;
        drop(input);
        process.ended().await;
        Ok(())
    }
}
