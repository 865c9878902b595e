//! The handle that screens hold, and what stands behind it.

use std::{
    collections::HashSet,
    io,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use deskbell_protocol::{
    Millis,
    device::{AgentState, Context, HotkeyState},
    ticket::Language,
};
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    bell,
    clock::{self, Clock},
    error::{Answer, local},
    files::Files,
    http::{Http, Identity},
    keys,
    policy::{Choices, Folders, Policy, Sources},
    store::{Store, StoreError, StoreResult, outbox, settings, tickets},
    sync::Effects,
    view::{AgentStatus, Bell, HotkeyStatus, LocalErrorCode, News, OutboxEntry, Problem, ProblemCode, Theme},
    worker,
};

pub(crate) mod attachment;
pub(crate) mod form;
mod handover;
mod outgoing;
mod person;
mod preferences;
mod ticket;
pub(crate) mod update;

pub(crate) use form::is_draft;
pub(crate) use preferences::kept;

/// Changes that a screen may fall behind; it fetches the whole list when it opens.
const BACKLOG: usize = 256;

/// What an agent is made of.
#[derive(Debug)]
pub struct Setup {
    pub sources: Sources,
    pub folders: Folders,
    pub clock: Clock,
    /// The system's, where neither the person nor the configuration has chosen one.
    pub language: Language,
}

/// Why the agent cannot work at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the folder {folder} cannot be used: {error}")]
    Folder { folder: String, error: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the configuration is refused: {0}")]
    Http(String),
}

/// The agent. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Agent(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(super) sources: Sources,
    /// What holds at the moment.
    policy: Mutex<Policy>,
    said: Mutex<preferences::Said>,
    /// Where nobody has set another.
    system_language: Language,
    pub(crate) folders: Folders,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) files: Files,
    /// Absent where no server is configured.
    pub(crate) http: Option<Http>,
    pub(crate) status: watch::Sender<AgentStatus>,
    news: broadcast::Sender<News>,
    outbox: broadcast::Sender<OutboxEntry>,
    tickets: broadcast::Sender<()>,
    /// Something is to be synced.
    pub(crate) wake: Notify,
    /// Something may be to be uploaded.
    pub(crate) upload: Notify,
    /// A live connection is open.
    pub(crate) live: AtomicBool,
    /// Held while the server is asked something that changes what this PC knows of itself, until the
    /// answer is kept: an older answer must not be kept after a newer one.
    pub(crate) exchange: tokio::sync::Mutex<()>,
    /// Held while the screen is told of a change.
    showing: tokio::sync::Mutex<()>,
    /// Known once the key is read and the server is found to be the right one.
    identity: Mutex<Option<Identity>>,
    /// What *What will be sent* showed last: exactly that is sent.
    context: Mutex<Option<Context>>,
    /// Names this run of the program.
    run: Uuid,
}

impl Agent {
    /// Opens the queue. The server need not be there.
    ///
    /// # Errors
    /// Where the folder or the queue cannot be used, or a setting cannot be followed.
    pub async fn open(setup: Setup) -> Result<Self, OpenError> {
        let Setup { sources, folders, clock, language } = setup;
        let now = clock();
        let folder = |error| OpenError::Folder { folder: folders.data.display().to_string(), error };
        crate::make_private(&folders.data).map_err(folder)?;
        let files = Files::open(&folders.data).map_err(folder)?;
        let opened = Store::open(&folders.data, now)?;
        let store = opened.store;
        let start = store.write(move |tx| Start::read(tx, now)).await?;
        match &opened.set_aside {
            Some(_) => {
                let aside = folders.data.join(format!("files.damaged-{now}"));
                files.set_aside(&start.needed, &aside).map_err(folder)?;
                // From now on, what nobody needs may be removed again.
                store.write(crate::store::settled).await?;
            }
            None => files.sweep(&start.needed).map_err(folder)?,
        }
        let policy = sources.resolve(start.choices, start.state.as_ref().map_or(&[], |state| &state.settings));
        for fault in &policy.faults {
            tracing::warn!(%fault, "a setting cannot be used");
        }
        let http = match &policy.config.server_url {
            Some(url) => Some(Http::new(&policy.config, url.clone(), clock).map_err(OpenError::Http)?),
            None => None,
        };
        let sent = start.state.as_ref().map_or_else(Vec::new, |state| state.settings.clone());
        let said = preferences::Said { choices: start.choices, sent };
        let mut status = AgentStatus {
            bell: Bell::Inactive,
            state: start.state,
            online: false,
            waiting: 0,
            attention: 0,
            unread: 0,
            problems: Vec::new(),
            hotkey: HotkeyStatus { key: None, state: HotkeyState::Off },
            language,
            theme: Theme::System,
            server_url: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: Vec::new(),
        };
        preferences::show(&mut status, &policy, language);
        let agent = Self(Arc::new(Inner {
            sources,
            policy: Mutex::new(policy),
            said: Mutex::new(said),
            system_language: language,
            folders,
            clock,
            store,
            files,
            http,
            status: watch::Sender::new(status),
            news: broadcast::Sender::new(BACKLOG),
            outbox: broadcast::Sender::new(BACKLOG),
            tickets: broadcast::Sender::new(BACKLOG),
            wake: Notify::new(),
            upload: Notify::new(),
            live: AtomicBool::new(false),
            exchange: tokio::sync::Mutex::new(()),
            showing: tokio::sync::Mutex::new(()),
            identity: Mutex::new(None),
            context: Mutex::new(None),
            run: clock::new_id(now),
        }));
        if let Some(aside) = opened.set_aside {
            let subject = Some(aside.display().to_string());
            agent.0.set_problem(Problem { code: ProblemCode::StoreRecovered, subject });
        }
        agent.0.count(Vec::new()).await?;
        Ok(agent)
    }

    /// Everything that happens by itself, until `shutdown`. What is cut off is taken up again.
    pub async fn run(&self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = worker::tireless(worker::AFTER_A_FALL, || worker::work(&self.0)) => {}
        }
    }

    /// The present status.
    #[must_use]
    pub fn status(&self) -> AgentStatus {
        self.0.status.borrow().clone()
    }

    /// Every later status.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<AgentStatus> {
        self.0.status.subscribe()
    }

    /// What a person may want to hear of.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.0.news.subscribe()
    }

    /// Each change of an entry, progress of its files among them.
    #[must_use]
    pub fn outbox_changes(&self) -> broadcast::Receiver<OutboxEntry> {
        self.0.outbox.subscribe()
    }

    /// The list of tickets is another one.
    #[must_use]
    pub fn tickets_changes(&self) -> broadcast::Receiver<()> {
        self.0.tickets.subscribe()
    }

    /// Tries now what waits, whatever pause is being made.
    pub fn sync_now(&self) {
        self.0.wake.notify_one();
    }

    /// How the hotkey fares; the server is told as well.
    pub fn set_hotkey_state(&self, state: HotkeyState) {
        self.0.change(|status| status.hotkey.state = state);
        self.sync_now();
    }

    /// A condition outside of this crate that somebody has to act on.
    pub fn report_problem(&self, problem: Problem) {
        self.0.set_problem(problem);
    }

    /// It is over.
    pub fn clear_problem(&self, code: ProblemCode) {
        self.0.clear_problems(&[code]);
    }

    /// Keeps an enrolment key, and introduces the device with it. Where the server keeps this
    /// installation out, it becomes another one, with a key of its own.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub async fn set_enrolment_key(&self, key: String) -> Answer<()> {
        let _alone = self.0.exchange.lock().await;
        let write = self.0.store.write(move |tx| {
            settings::set(tx, "enrolment_key", &key)?;
            worker::forget_refused_key(tx)
        });
        if let Some(account) = write.await? {
            self.0.set_identity(None);
            let folder = self.0.folders.data.clone();
            let retired = tokio::task::spawn_blocking(move || keys::retire(&folder, &account));
            let refused = |error: keys::KeyError| local(LocalErrorCode::KeyStoreRefused, error.to_string());
            retired.await.map_err(|_| StoreError::Thread)?.map_err(refused)?;
        }
        self.sync_now();
        Ok(())
    }
}

/// What is read once, at the start.
struct Start {
    state: Option<AgentState>,
    choices: Choices,
    needed: HashSet<deskbell_protocol::id::AttachmentId>,
}

impl Start {
    fn read(connection: &rusqlite::Connection, now: Millis) -> StoreResult<Self> {
        outbox::prune(connection, now)?;
        let mut needed: HashSet<_> = outbox::needed_files(connection)?.into_iter().collect();
        needed.extend(form::files_of_draft(connection)?);
        Ok(Self { state: settings::get(connection, "state")?, choices: preferences::choices(connection)?, needed })
    }
}

/// Conditions that the worker finds and that its next success ends.
const FOUND_BY_WORKER: &[ProblemCode] = &[
    ProblemCode::NotConfigured,
    ProblemCode::EnrolmentKeyUnknown,
    ProblemCode::EnrolmentKeyExpired,
    ProblemCode::EnrolmentKeyUsedUp,
    ProblemCode::EnrolmentKeyRevoked,
    ProblemCode::DeviceUnapproved,
    ProblemCode::DeviceQuarantined,
    ProblemCode::DeviceRevoked,
    ProblemCode::ServerNameUnknown,
    ProblemCode::ServerRefused,
    ProblemCode::ServerTimedOut,
    ProblemCode::ServerUnreachable,
    ProblemCode::ProxyUnreachable,
    ProblemCode::ProxyAuthentication,
    ProblemCode::ProxyRefused,
    ProblemCode::CertificateUntrusted,
    ProblemCode::CertificateExpired,
    ProblemCode::CertificateWrongName,
    ProblemCode::TlsFailed,
    ProblemCode::SignInPage,
    ProblemCode::ServerUnintelligible,
    ProblemCode::ServerChanged,
    ProblemCode::AgentTooOld,
    ProblemCode::ServerTooOld,
    ProblemCode::ClockWrong,
    ProblemCode::KeyStoreRefused,
    ProblemCode::DiskFull,
];

impl Inner {
    /// Changes the status, and the bell with it. Whoever watches hears of it where it is another one.
    pub(crate) fn change(&self, change: impl FnOnce(&mut AgentStatus)) {
        self.status.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            status.bell = bell::face(status.state.as_ref(), status.online, status.waiting, status.unread);
            *status != before
        });
    }

    /// Brings to the screen what a change of the store means.
    pub(crate) async fn show(&self, effects: Effects) -> Result<(), StoreError> {
        if let Some(state) = effects.state {
            tracing::info!(registration = %state.registration, enabled = state.enabled, "state");
            self.told(&state.settings);
            self.change(|status| status.state = Some(state));
        }
        // One after the other, and as the store is by then: what an earlier look found is not shown after a later one.
        let shown = self.showing.lock().await;
        for entry in self.count(effects.entries).await? {
            // Nobody may be listening, which is fine.
            let _ = self.outbox.send(entry);
        }
        drop(shown);
        if effects.tickets_changed {
            let _ = self.tickets.send(());
        }
        for news in effects.news {
            let _ = self.news.send(news);
        }
        Ok(())
    }

    /// Counts what waits and what is unread, and gives those of these entries that are still there, as they are now.
    async fn count(&self, changed: Vec<OutboxEntry>) -> Result<Vec<OutboxEntry>, StoreError> {
        let read = self.store.read(move |c| {
            let there = changed.iter().filter_map(|entry| outbox::find(c, entry.id).transpose());
            let entries = there.map(|entry| entry.map(|entry| entry.view())).collect::<StoreResult<Vec<_>>>()?;
            Ok((entries, outbox::counts(c)?, tickets::count_unread(c)?))
        });
        let (entries, (waiting, attention), unread) = read.await?;
        self.change(|status| (status.waiting, status.attention, status.unread) = (waiting, attention, unread));
        Ok(entries)
    }

    pub(crate) fn hotkey(&self) -> HotkeyState {
        self.status.borrow().hotkey.state
    }

    pub(crate) fn set_online(&self, online: bool) {
        let mut back = false;
        self.change(|status| {
            back = online && !status.online;
            status.online = online;
        });
        if back {
            // What a window shows from the copy kept here can be fetched now.
            let _ = self.tickets.send(());
        }
    }

    pub(crate) fn set_problem(&self, problem: Problem) {
        self.change(|status| {
            if !status.problems.contains(&problem) {
                status.problems.retain(|known| known.code != problem.code);
                status.problems.push(problem);
            }
        });
    }

    fn clear_problems(&self, codes: &[ProblemCode]) {
        self.change(|status| status.problems.retain(|known| !codes.contains(&known.code)));
    }

    /// The one that keeps the worker from working comes first; none where it works.
    pub(crate) fn set_worker_problem(&self, problem: Option<Problem>) {
        self.change(|status| {
            status.problems.retain(|known| !FOUND_BY_WORKER.contains(&known.code));
            if let Some(problem) = problem {
                status.problems.insert(0, problem);
            }
        });
    }

    pub(crate) fn identity(&self) -> Option<Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_identity(&self, identity: Option<Identity>) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// For what cannot wait in the outbox: the server, and who asks.
    fn now_or_never(&self) -> Answer<(&Http, Identity)> {
        let http = self.http.as_ref().ok_or_else(|| local(LocalErrorCode::NotEnrolled, "no server is configured"))?;
        let who = self
            .identity()
            .ok_or_else(|| local(LocalErrorCode::ServerUnreachable, "the server has not been reached yet"))?;
        Ok((http, who))
    }
}

#[cfg(test)]
mod tests;
