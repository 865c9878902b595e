//! What the agent keeps on this PC: one SQLite file, in which a commit is durable.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, Params, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};
use serde::{Serialize, de::DeserializeOwned};

use crate::view::{CommandError, LocalErrorCode};

pub(crate) use peek::peek;
pub(crate) use recovery::settled;

pub(crate) mod outbox;
mod peek;
mod recovery;
mod sense;
pub(crate) mod settings;
pub(crate) mod tickets;

const FILE: &str = "deskbell.db";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the queue cannot be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the queue was written by another version: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    #[error("what is stored cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a file cannot be kept: {0}")]
    Io(#[from] std::io::Error),
    /// It can lose a commit when its log is reset.
    #[error("SQLite {0} is too old for a queue that must lose nothing")]
    SqliteTooOld(&'static str),
    #[error("some of what is stored makes no sense")]
    Senseless,
    #[error("the thread that writes has ended")]
    Thread,
}

impl StoreError {
    /// The file is not what was written. A disk that refuses is another thing, and so is a newer version's.
    fn is_damage(&self) -> bool {
        match self {
            Self::Sqlite(error) | Self::Migration(rusqlite_migration::Error::RusqliteError { err: error, .. }) => {
                matches!(
                    error.sqlite_error_code(),
                    // None: it could be read, and is nothing that was ever written.
                    None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
                )
            }
            Self::Migration(rusqlite_migration::Error::InvalidUserVersion) | Self::Json(_) | Self::Senseless => true,
            Self::Migration(_) | Self::Io(_) | Self::SqliteTooOld(_) | Self::Thread => false,
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let full = match &error {
            StoreError::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            StoreError::Io(error) => {
                matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        };
        let code = if full { LocalErrorCode::DiskFull } else { LocalErrorCode::StoreFailed };
        crate::error::local(code, error.to_string())
    }
}

pub(crate) type StoreResult<T> = Result<T, StoreError>;

/// One connection, used by one thread at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Store(Arc<Mutex<Connection>>);

/// A store, and whether a damaged one had to be set aside for it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens the queue in a folder. A file that is damaged is set aside, never deleted, and what can be
    /// read of it goes into a new one.
    pub(crate) fn open(folder: &Path, now: deskbell_protocol::Millis) -> StoreResult<Opened> {
        recovery::finish(folder)?;
        let file = folder.join(FILE);
        let store = match connect(&file) {
            Err(error) if error.is_damage() => {
                tracing::warn!(%error, "the queue is damaged");
                recovery::replace(folder, now)?;
                connect(&file)?
            }
            store => store?,
        };
        let set_aside = recovery::set_aside(&store.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(Opened { store, set_aside })
    }

    /// Runs `work` in one transaction on a thread for such work. It is durable when this returns.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = store.0.lock().unwrap_or_else(PoisonError::into_inner);
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&tx)?;
            deskbell_protocol::crash_point!("store.commit.before");
            tx.commit()?;
            deskbell_protocol::crash_point!("store.commit.after");
            Ok(value)
        });
        done.await.map_err(|_| StoreError::Thread)?
    }

    /// Like [`Store::write`], for what only reads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&store.0.lock().unwrap_or_else(PoisonError::into_inner)));
        done.await.map_err(|_| StoreError::Thread)?
    }
}

/// The first version without a bug that loses commits when the log is reset.
const SQLITE: i32 = 3_051_003;

/// Statements that stay prepared: more than there are.
const STATEMENTS: usize = 64;

fn connect(file: &Path) -> StoreResult<Store> {
    if rusqlite::version_number() < SQLITE {
        return Err(StoreError::SqliteTooOld(rusqlite::version()));
    }
    let mut connection = Connection::open(file)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A commit is on the disk when it returns: the window says *saved* after that.
    let flushed = if deskbell_protocol::mutant!("synchronous.off") { "off" } else { "full" };
    connection.pragma_update(None, "synchronous", flushed)?;
    // macOS alone: an ordinary flush leaves the bytes in the drive's own memory.
    connection.pragma_update(None, "fullfsync", "on")?;
    connection.pragma_update(None, "checkpoint_fullfsync", "on")?;
    connection.pragma_update(None, "foreign_keys", "on")?;
    let sound: String = connection.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(StoreError::Sqlite(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(sound),
        )));
    }
    migrate(&mut connection)?;
    if !sense::makes_sense(&connection)? {
        return Err(StoreError::Senseless);
    }
    Ok(Store(Arc::new(Mutex::new(connection))))
}

const STEPS: &[M<'_>] = &[M::up(include_str!("0001_first.sql")), M::up(include_str!("0002_counted.sql"))];

fn migrate(connection: &mut Connection) -> StoreResult<()> {
    Ok(Migrations::from_slice(STEPS).to_latest(connection)?)
}

/// A store that nothing is left of: for simulations.
pub(crate) fn in_memory() -> StoreResult<Connection> {
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "foreign_keys", "on")?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Runs a statement whose text is always the same: it is prepared once.
fn execute(connection: &Connection, sql: &str, values: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(values)
}

fn to_json(value: &impl Serialize) -> StoreResult<String> {
    Ok(serde_json::to_string(value)?)
}

fn from_json<T: DeserializeOwned>(text: &str) -> StoreResult<T> {
    Ok(serde_json::from_str(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_committed_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let opened = Store::open(folder.path(), 0).unwrap();
        opened.store.write(|tx| settings::set(tx, "theme", &"dark")).await.unwrap();
        drop(opened);
        let opened = Store::open(folder.path(), 0).unwrap();
        assert!(opened.set_aside.is_none());
        let theme: Option<String> = opened.store.read(|c| settings::get(c, "theme")).await.unwrap();
        assert_eq!(theme.as_deref(), Some("dark"));
    }

    #[tokio::test]
    async fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), 0).unwrap().store;
        let failed = store
            .write(|tx| {
                settings::set(tx, "theme", &"dark")?;
                Err::<(), _>(StoreError::Thread)
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(store.read(|c| settings::get::<String>(c, "theme")).await.unwrap(), None);
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), b"this has never been a database, not for one page of it").unwrap();
        let opened = Store::open(folder.path(), 42).unwrap();
        let aside = opened.set_aside.unwrap();
        assert!(std::fs::read(aside).unwrap().starts_with(b"this has never"));
    }

    #[tokio::test]
    async fn a_recovery_that_was_cut_off_is_finished_by_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), 0).unwrap().store;
        store.write(|tx| settings::set(tx, "theme", &"dark")).await.unwrap();
        drop(store);
        let file = folder.path().join(FILE);
        std::fs::rename(&file, folder.path().join("deskbell.db.recovered-42")).unwrap();
        std::fs::write(folder.path().join("deskbell.db.recovered-43.part"), b"half").unwrap();
        // Killed in the midst of it: the log was moved already, the damaged file was not.
        std::fs::write(&file, b"damaged").unwrap();
        std::fs::write(folder.path().join("deskbell.db.damaged-42-wal"), b"its log").unwrap();

        let opened = Store::open(folder.path(), 99).unwrap();
        let theme: Option<String> = opened.store.read(|c| settings::get(c, "theme")).await.unwrap();
        assert_eq!(theme.as_deref(), Some("dark"), "what was recovered takes the place");
        assert_eq!(std::fs::read(folder.path().join("deskbell.db.damaged-42")).unwrap(), b"damaged");
        assert_eq!(std::fs::read(folder.path().join("deskbell.db.damaged-42-wal")).unwrap(), b"its log");
        assert!(!folder.path().join("deskbell.db.recovered-43.part").exists());
    }
}
