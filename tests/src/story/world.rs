//! Everything that the story is played with.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context, Result};

use super::Fact;
use crate::{
    agent::Agent,
    api::Api,
    desktop::Desktop,
    device::Device,
    mail::MailServer,
    notifications::Recorder,
    picture::{self, Album},
    server::Server,
    tray_host::TrayHost,
    wait::{SOON, until},
    webdriver::Session,
};

/// What is broken on purpose, to show that the story can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    Smtp,
    TrayHost,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Leave the data for inspection.
    #[arg(long)]
    pub keep: bool,
    /// Play without this part: the steps that depend on it turn red.
    #[arg(long)]
    pub without: Vec<Fault>,
    /// Drop the server's unique index over tickets while it is down in step 8.
    #[arg(long)]
    pub drop_unique_index: bool,
}

/// What the people of the story are called, and what they type.
pub(super) mod people {
    pub(crate) const ORGANIZATION: &str = "Harbour IT";
    pub(crate) const OWNER: (&str, &str, &str) = ("Ada Byron", "ada@harbour.example", "correct horse battery");
    pub(crate) const CLIENT: (&str, &str) = ("Northwind Clinics", "northwind.example");
    pub(crate) const EMPLOYEE: (&str, &str) = ("Camille Martin", "camille.martin@northwind.example");
}

pub struct World {
    pub options: Options,
    pub facts: HashSet<Fact>,
    pub album: Album,
    /// The owner's browser.
    pub browser: Session,
    pub agent: Option<Agent>,
    /// The second computer, which no agent runs on.
    pub offline: Option<Device>,
    pub server: Server,
    pub api: Option<Api>,
    pub mail: MailServer,
    pub tray: Option<TrayHost>,
    pub notifications: Recorder,
    pub desktop: Rc<Desktop>,
    /// The enrolment key, as the page showed it once.
    pub key: String,
    /// Ids, as the database names them.
    pub client: String,
    pub device: String,
    /// The ticket that the hotkey made.
    pub number: Option<i64>,
    failures: Vec<String>,
    pictures: PathBuf,
    /// Removed last.
    folder: Option<tempfile::TempDir>,
}

impl World {
    pub async fn new(options: Options, pictures: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("deskbell-story-").tempdir()?;
        let desktop = Rc::new(Desktop::start(folder.path()).await?);
        let notifications = Recorder::start(&desktop).await?;
        let without = |fault| options.without.contains(&fault);
        let tray = if without(Fault::TrayHost) { None } else { Some(TrayHost::start(&desktop).await?) };
        let mut mail = MailServer::start(&folder.path().join("mailbox"), &desktop.log("smtp")).await?;
        if without(Fault::Smtp) {
            mail.stop().await?;
        }
        let server = Server::new(&folder.path().join("server"), &desktop.log("server"))?.with_mail(mail.port());
        let browser = Session::chromium(&desktop, "owner", "en").await?;
        Ok(Self {
            facts: HashSet::new(),
            album: Album::new(pictures)?,
            agent: None,
            offline: None,
            api: None,
            key: String::new(),
            client: String::new(),
            device: String::new(),
            number: None,
            failures: Vec::new(),
            pictures: pictures.to_owned(),
            folder: Some(folder),
            options,
            browser,
            server,
            mail,
            tray,
            notifications,
            desktop,
        })
    }

    /// Notes a check that did not hold, and goes on: a later one may still tell something.
    pub fn check<T>(&mut self, what: &str, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.failures.push(format!("{what}: {error:#}"));
                None
            }
        }
    }

    pub fn holds(&mut self, what: &str, holds: bool) {
        if !holds {
            self.failures.push(what.to_owned());
        }
    }

    pub(super) fn take_failures(&mut self) -> Vec<String> {
        std::mem::take(&mut self.failures)
    }

    pub fn agent(&mut self) -> Result<&mut Agent> {
        self.agent.as_mut().context("there is no agent")
    }

    pub fn api(&self) -> Result<&Api> {
        self.api.as_ref().context("nobody has signed in")
    }

    /// Switches to an agent's window once it is ready.
    pub async fn open_window(&mut self, label: &str) -> Result<()> {
        self.agent()?.window(label).await.map(drop)
    }

    /// The tray, where this run has one.
    pub fn tray(&self) -> Result<&TrayHost> {
        self.tray.as_ref().context("there is no tray")
    }

    /// Keeps a picture of the browser.
    pub async fn picture_console(&mut self, name: &str) -> Result<()> {
        let png = self.browser.picture().await?;
        self.album.keep(name, &png)
    }

    /// Keeps a picture of the agent's window that has the focus, as the screen shows it.
    pub async fn picture_window(&mut self, name: &str) -> Result<()> {
        let file = self.desktop.folder().join("window.png");
        picture::focused_window(&self.desktop, &file).await?;
        self.album.keep(name, &std::fs::read(&file)?)
    }

    /// Keeps a picture of the whole screen.
    pub async fn picture_screen(&mut self, name: &str) -> Result<image::RgbaImage> {
        let file = self.desktop.folder().join("screen.png");
        let screen = until("the screen shows something", SOON, async || {
            let screen = picture::screen(&self.desktop, &file).await?;
            Ok((!picture::is_blank(&screen)).then_some(screen))
        })
        .await?;
        self.album.keep(name, &std::fs::read(&file)?)?;
        Ok(screen)
    }

    /// What screen and browser looked like when a step failed.
    pub(super) async fn keep_evidence(&self, step: &str) {
        let file = self.pictures.join(format!("failed-{step}-screen.png"));
        picture::screen(&self.desktop, &file).await.ok();
        if let Ok(png) = self.browser.picture().await {
            std::fs::write(self.pictures.join(format!("failed-{step}-console.png")), png).ok();
        }
    }

    pub fn ticket_number(&self) -> Option<String> {
        self.number.map(|number| format!("#{number}"))
    }

    /// Ends everything, and leaves the data where that was asked for; where.
    pub fn end(mut self) -> Option<PathBuf> {
        let folder = self.folder.take();
        let keep = self.options.keep;
        drop(self);
        folder.filter(|_| keep).map(tempfile::TempDir::keep)
    }
}
