//! A recorder in the place of the desktop's notification service.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::sync::watch;
use zbus::{object_server::SignalEmitter, zvariant::OwnedValue};

use crate::desktop::Desktop;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

#[derive(Clone, Debug)]
pub struct Notification {
    pub id: u32,
    pub title: String,
    pub body: String,
    /// Pairs of a key and its label, flat, as they came.
    pub actions: Vec<String>,
}

#[derive(Debug)]
pub struct Recorder {
    bus: zbus::Connection,
    shown: watch::Receiver<Vec<Notification>>,
}

impl Recorder {
    pub async fn start(desktop: &Desktop) -> Result<Self> {
        let (sender, shown) = watch::channel(Vec::new());
        let bus = desktop.bus().await?;
        bus.object_server().at(PATH, Service { shown: Arc::new(Mutex::new(sender)) }).await?;
        bus.request_name(NAME).await.context("another program shows notifications on this desktop")?;
        Ok(Self { bus, shown })
    }

    #[must_use]
    pub fn shown(&self) -> Vec<Notification> {
        self.shown.borrow().clone()
    }

    /// Waits for a notification that `matches`, already shown or to come.
    pub async fn wait(
        &self,
        what: &str,
        within: Duration,
        matches: impl Fn(&Notification) -> bool,
    ) -> Result<Notification> {
        let mut shown = self.shown.clone();
        let found = shown.wait_for(|all| all.iter().any(&matches));
        let all = tokio::time::timeout(within, found)
            .await
            .with_context(|| format!("no notification: {what}; shown were {:?}", self.shown()))??
            .clone();
        all.into_iter().rev().find(|one| matches(one)).context("a notification that was there a moment ago")
    }

    /// What the notification service says when a person clicks one.
    pub async fn click(&self, id: u32, action: &str) -> Result<()> {
        let emitter = SignalEmitter::new(&self.bus, PATH)?;
        Service::action_invoked(&emitter, id, action).await?;
        Ok(Service::notification_closed(&emitter, id, 2).await?)
    }
}

struct Service {
    shown: Arc<Mutex<watch::Sender<Vec<Notification>>>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[expect(clippy::too_many_arguments, reason = "the Desktop Notifications Specification names these")]
    fn notify(
        &self,
        _app_name: String,
        replaces_id: u32,
        _app_icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(shown.borrow().len()).unwrap_or(u32::MAX).saturating_add(1);
        let id = if replaces_id == 0 { next } else { replaces_id };
        shown.send_modify(|all| all.push(Notification { id, title: summary, body, actions }));
        id
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "body-markup", "persistence"].map(str::to_owned).to_vec()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("deskbell-tests".into(), "Deskbell".into(), "1".into(), "1.2".into())
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action_key: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}
