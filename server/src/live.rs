//! Live connections. Rows of `live_events` are the truth; waking is a hint, so a lost one costs a
//! poll and never an event. Each event is handed to those whom it concerns, and to nobody else: what it
//! costs does not grow with the connections that it does not concern.

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Bytes;
use deskbell_protocol::{Millis, device::Registration, id::InstallationId, limits::LIVE_HEARTBEAT_SECONDS};
// While nothing is said, it holds less than tokio's.
use futures::{Stream, StreamExt, channel::mpsc};
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::{
    App,
    clock::Clock,
    db::{Db, installations, live_events, live_events::LiveEvent},
};

/// How long an event that was skipped may still come: longer than any transaction takes to commit.
const OVERLAP: Millis = 60_000;
/// Ids that one gap may hold: more than one transaction writes.
const WIDEST: i64 = 100_000;
/// What comes within this time of a commit is read with it: nobody sees the difference, and a server that stores
/// hundreds of tickets a second reads less often.
const GATHER: Duration = Duration::from_millis(10);
/// How often the table is read where nothing wakes us.
const POLL: Duration = Duration::from_secs(5);
/// Events that a console may fall behind; beyond it, the connection is closed and comes back.
const CONSOLE_BACKLOG: usize = 4096;
/// The same for an agent: whatever it is told, it syncs once.
const AGENT_BACKLOG: usize = 32;

/// Connections that are noted together: other writers need not wait for long.
const TOGETHER: usize = 500;
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(LIVE_HEARTBEAT_SECONDS);

/// What connections subscribe to.
#[derive(Clone, Debug)]
pub struct Live {
    consoles: broadcast::Sender<Arc<LiveEvent>>,
    agents: Arc<Mutex<Agents>>,
    wake: Arc<Notify>,
}

/// The connections of each installation, each with a name of its own.
#[derive(Debug, Default)]
struct Agents {
    of: HashMap<InstallationId, Vec<(u64, mpsc::Sender<Bytes>)>>,
    named: u64,
}

impl Default for Live {
    fn default() -> Self {
        let consoles = broadcast::channel(CONSOLE_BACKLOG).0;
        Self { consoles, agents: Arc::default(), wake: Arc::new(Notify::new()) }
    }
}

/// What one connection of an agent is told, as it goes over the wire.
#[derive(Debug)]
pub struct Following {
    said: mpsc::Receiver<Bytes>,
    live: Live,
    installation: InstallationId,
    name: u64,
}

/// It ends where the connection has to: its registration has ended, or it is too far behind.
impl Stream for Following {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.said.poll_next_unpin(context)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut agents = self.live.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = agents.of.get_mut(&self.installation) {
            connections.retain(|(name, _)| *name != self.name);
            if connections.is_empty() {
                agents.of.remove(&self.installation);
            }
        }
    }
}

impl Live {
    /// What consoles are told.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<LiveEvent>> {
        self.consoles.subscribe()
    }

    /// What this installation is told from now on.
    #[must_use]
    pub fn follow(&self, installation: InstallationId) -> Following {
        // One more than this: each sender has a place of its own.
        let (sender, said) = mpsc::channel(AGENT_BACKLOG - 1);
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        agents.named += 1;
        let name = agents.named;
        agents.of.entry(installation).or_insert_with(|| Vec::with_capacity(1)).push((name, sender));
        Following { said, live: self.clone(), installation, name }
    }

    /// Whether this installation has a connection here.
    #[must_use]
    pub fn is_followed(&self, installation: InstallationId) -> bool {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).of.contains_key(&installation)
    }

    /// Called after every commit that wrote an event.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Announces what is written, until `shutdown`.
    pub async fn run(self, db: Db, clock: Clock, shutdown: CancellationToken) {
        let start = clock();
        let mut progress = None;
        let mut listener = listen(&db).await;
        // What this one wrote before it ended, another one may have to tell.
        let mut others = true;
        loop {
            if others && let Err(error) = db.wake_others().await {
                tracing::warn!(%error, "the other servers cannot be woken; they look by themselves");
            }
            match self.read(&db, &mut progress, start, clock()).await {
                Ok(()) => {}
                Err(error) => tracing::warn!(%error, "live events cannot be read"),
            }
            others = tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.wake.notified() => {
                    tokio::time::sleep(GATHER).await;
                    true
                }
                () = notified(&mut listener) => false,
                () = tokio::time::sleep(POLL) => {
                    if listener.is_none() {
                        listener = listen(&db).await;
                    }
                    false
                }
            };
        }
    }

    /// Passes on what is new. What was written before the start is nobody's news.
    async fn read(&self, db: &Db, progress: &mut Option<Progress>, start: Millis, now: Millis) -> sqlx::Result<()> {
        // Where it begins, several statements have to see the same.
        let mut tx = if progress.is_some() { db.look().await? } else { db.read().await? };
        let progress = match progress {
            Some(progress) => progress,
            None => {
                let recent = live_events::ids_between(&mut tx, start - OVERLAP, start).await?;
                let newest = live_events::newest_before(&mut tx, start).await?;
                progress.insert(Progress::from(&recent, newest, now))
            }
        };
        let events = live_events::after(&mut tx, progress.last, &progress.missed()).await?;
        drop(tx);
        let new: Vec<LiveEvent> = events.into_iter().filter(|event| progress.is_new(event.id, now)).collect();
        progress.forget(now);
        self.pass_on(new);
        Ok(())
    }

    /// Whoever has a connection here.
    fn connected(&self) -> Vec<InstallationId> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).of.keys().copied().collect()
    }

    fn pass_on(&self, events: Vec<LiveEvent>) {
        let mut last = (String::new(), Bytes::new());
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let Some(installation) = event.installation_id else {
                // Nobody may be listening, which is fine.
                let _ = self.consoles.send(Arc::new(event));
                continue;
            };
            if event.registration.is_none_or(|registration| registration.0 != Registration::Accepted) {
                agents.of.remove(&*installation);
                continue;
            }
            let Some(connections) = agents.of.get_mut(&*installation) else { continue };
            // What thousands are told is in memory once.
            if last.0 != event.event {
                last = (event.event.clone(), Bytes::from(format!("data: {}\n\n", event.event)));
            }
            connections.retain_mut(|(_, connection)| connection.try_send(last.1.clone()).is_ok());
        }
    }
}

/// Notes with every heartbeat who is connected here, until `shutdown`: many in a commit, so that thousands
/// who say nothing cost next to nothing.
pub(crate) async fn keep_online(app: App, shutdown: CancellationToken) {
    let mut beat = tokio::time::interval(HEARTBEAT);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = beat.tick() => {}
        }
        for some in app.live.connected().chunks(TOGETHER) {
            let (some, now) = (Arc::<[InstallationId]>::from(some), app.now());
            let noted = app.group.write(move |tx| {
                let some = Arc::clone(&some);
                Box::pin(async move { Ok(installations::keep_online(tx, &some, online_until(now), now).await?) })
            });
            if let Err(error) = noted.await {
                tracing::warn!(?error, "who is connected cannot be noted");
            }
        }
    }
}

/// Until then somebody counts as connected who is connected now: one heartbeat may be late.
#[must_use]
pub(crate) fn online_until(now: Millis) -> Millis {
    now + 2 * 1000 * i64::try_from(LIVE_HEARTBEAT_SECONDS).unwrap_or(0)
}

/// How far the table is read. Its ids are given in order; on PostgreSQL, transactions commit in another
/// one, so that an id may come after a higher one, or never.
#[derive(Debug, Default)]
struct Progress {
    last: i64,
    /// Ids below it that have not come, and since when they are missed.
    missing: BTreeMap<i64, Millis>,
}

impl Progress {
    /// What is there already is not news. `recent` are ids in order, `newest` the highest of all.
    fn from(recent: &[i64], newest: i64, now: Millis) -> Self {
        let mut progress = Self { last: recent.first().map_or(newest, |first| first - 1), ..Self::default() };
        for id in recent {
            progress.is_new(*id, now);
        }
        progress
    }

    /// Ids that may come late, in their order.
    fn missed(&self) -> Vec<i64> {
        self.missing.keys().copied().collect()
    }

    fn is_new(&mut self, id: i64, now: Millis) -> bool {
        if id <= self.last {
            return self.missing.remove(&id).is_some();
        }
        let skipped = (self.last + 1).max(id - WIDEST)..id;
        self.missing.extend(skipped.map(|missed| (missed, now)));
        self.last = id;
        true
    }

    fn forget(&mut self, now: Millis) {
        self.missing.retain(|_, since| now - *since < OVERLAP);
    }
}

async fn listen(db: &Db) -> Option<PgListener> {
    let listening = db.listen().await;
    listening.inspect_err(|error| tracing::warn!(%error, "cannot listen to other servers; polling")).ok().flatten()
}

async fn notified(listener: &mut Option<PgListener>) {
    match listener {
        Some(open) => {
            if let Err(error) = open.recv().await {
                tracing::warn!(%error, "no longer listening to other servers; polling");
                *listener = None;
            }
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
