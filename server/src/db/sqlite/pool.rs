//! Who has which connection: each is one request's at a time.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::told;

/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(30);
/// How long a statement waits for another program at the same file: a back-up, or an administrator's command.
const BUSY: Duration = Duration::from_secs(10);
/// Prepared statements of one connection: more than there are.
const STATEMENTS: usize = 500;
/// Of pages, in KiB and so negative: the indexes into which every submission writes.
const WRITER_CACHE: i64 = -32_000;

/// Connections of one kind, opened when they are wanted and kept.
#[derive(Debug)]
pub(super) struct Pool {
    file: PathBuf,
    writes: bool,
    size: u32,
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(file: &Path, writes: bool, size: usize) -> Self {
        Self {
            file: file.to_owned(),
            writes,
            size: u32::try_from(size).unwrap_or(u32::MAX),
            turns: Arc::new(Semaphore::new(size)),
            idle: Mutex::default(),
        }
    }

    /// # Errors
    /// Where its turn does not come in time, or the file cannot be opened.
    pub(super) async fn turn(pool: &Arc<Self>) -> sqlx::Result<Held> {
        let turn = tokio::time::timeout(TURN, pool.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = pool.idle().pop();
        let connection = idle.map_or_else(|| pool.open().map_err(told), Ok)?;
        Ok(Held { connection: Some(connection), pool: pool.clone(), _turn: turn })
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let access = if self.writes { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
        // Whoever has it is alone with it: it needs no lock of its own.
        let connection = Connection::open_with_flags(&self.file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "foreign_keys", true)?;
        if self.writes {
            let mutant = deskbell_protocol::mutant!("synchronous.off");
            connection.pragma_update(None, "synchronous", if mutant { "off" } else { "full" })?;
            connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
        }
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for whoever has a connection, and closes them all.
    pub(super) async fn close(&self) {
        let everybody = self.turns.acquire_many(self.size).await;
        self.turns.close();
        self.idle().clear();
        drop(everybody);
    }
}

/// A connection during its turn.
#[derive(Debug)]
pub(super) struct Held {
    connection: Option<Connection>,
    pool: Arc<Pool>,
    _turn: OwnedSemaphorePermit,
}

impl Held {
    pub(super) fn connection(&self) -> sqlx::Result<&Connection> {
        self.connection.as_ref().ok_or(sqlx::Error::PoolClosed)
    }
}

impl Drop for Held {
    /// What was not committed is rolled back. A connection that cannot do that is closed, and does it so.
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if connection.is_autocommit() || connection.execute_batch("rollback").is_ok() {
            self.pool.idle().push(connection);
        }
    }
}
