//! Live connections. Rows of `live_events` are the truth; waking is a hint, so a lost one costs a
//! poll and never an event.

use std::{collections::HashSet, sync::Arc, time::Duration};

use deskbell_protocol::Millis;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    db::{Db, live_events, live_events::LiveEvent},
};

/// How long events are read again: longer than any transaction takes to commit.
const OVERLAP: Millis = 60_000;
/// How often the table is read where nothing wakes us.
const POLL: Duration = Duration::from_secs(5);
/// Events that a slow connection may fall behind; beyond it, the connection is closed and comes back.
const BACKLOG: usize = 4096;

/// What connections subscribe to.
#[derive(Clone, Debug)]
pub struct Live {
    events: broadcast::Sender<Arc<LiveEvent>>,
    wake: Arc<Notify>,
}

impl Default for Live {
    fn default() -> Self {
        Self { events: broadcast::channel(BACKLOG).0, wake: Arc::new(Notify::new()) }
    }
}

impl Live {
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<LiveEvent>> {
        self.events.subscribe()
    }

    /// Called after every commit that wrote an event.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Announces what is written, until `shutdown`.
    pub async fn run(self, db: Db, clock: Clock, shutdown: CancellationToken) {
        let mut seen = HashSet::new();
        let mut listener = listen(&db).await;
        let start = clock();
        loop {
            match read(&db, (clock() - OVERLAP).max(start)).await {
                Ok(events) => {
                    let current: HashSet<i64> = events.iter().map(|event| event.id).collect();
                    for event in events.into_iter().filter(|event| !seen.contains(&event.id)) {
                        // Nobody may be listening, which is fine.
                        let _ = self.events.send(Arc::new(event));
                    }
                    seen = current;
                }
                Err(error) => tracing::warn!(%error, "live events cannot be read"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.wake.notified() => {}
                () = notified(&mut listener) => {}
                () = tokio::time::sleep(POLL) => {
                    if listener.is_none() {
                        listener = listen(&db).await;
                    }
                }
            }
        }
    }
}

async fn read(db: &Db, since: Millis) -> sqlx::Result<Vec<LiveEvent>> {
    let mut tx = db.read().await?;
    live_events::since(&mut tx, since).await
}

/// PostgreSQL says when another server wrote; SQLite has no other server.
async fn listen(db: &Db) -> Option<sqlx::postgres::PgListener> {
    let Db::Postgres(pool) = db else { return None };
    let listening = async {
        let mut listener = sqlx::postgres::PgListener::connect_with(pool).await?;
        listener.listen("deskbell_live").await?;
        Ok::<_, sqlx::Error>(listener)
    };
    listening.await.inspect_err(|error| tracing::warn!(%error, "cannot listen to other servers; polling")).ok()
}

async fn notified(listener: &mut Option<sqlx::postgres::PgListener>) {
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
