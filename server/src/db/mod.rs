//! The database: SQLite or PostgreSQL, behind one SQL text.
//!
//! `db/<table>.rs` holds the functions of a table. Each takes a transaction, and a [`Scope`] where
//! rows belong to a client. The shared subset of SQL is TEXT ids, BIGINT milliseconds, BOOLEAN,
//! JSON as TEXT, `ON CONFLICT` and `RETURNING`; what differs between the two stands in this file,
//! by name, and nowhere else.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    str::FromStr,
    time::Duration,
};

use futures::TryFutureExt;
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, PgPool, Postgres, Transaction,
    migrate::MigrateError,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

pub mod agent_settings;
pub mod attachments;
pub mod attempts;
pub mod challenges;
pub mod clients;
pub mod devices;
pub mod enrolment_keys;
pub mod handovers;
pub mod history;
pub mod installations;
pub mod jobs;
pub mod live_events;
pub mod messages;
pub mod nonces;
pub mod organization;
pub mod portal_sessions;
pub mod requesters;
mod row;
mod scope;
pub mod search;
pub mod sessions;
mod sqlite;
pub mod technicians;
mod text;
pub mod tickets;

pub use row::{Cells, Part, Row, read_all};
pub use scope::Scope;
pub use sqlite::{Sqlite, SqliteTx};
pub use text::Text;

/// How long a request waits for a connection: a database that is gone is said to be gone soon.
const ACQUIRE: Duration = Duration::from_secs(5);

/// A connection that was used so shortly before is there still, and is not asked first.
const IDLE: Duration = Duration::from_secs(1);
/// Prepared statements of one connection: more than there are.
const STATEMENTS: usize = 500;

/// Where servers on one PostgreSQL wake each other.
const CHANNEL: &str = "deskbell_live";

#[derive(Clone, Debug)]
pub enum Db {
    Sqlite(Sqlite),
    Postgres(PgPool),
}

/// What PostgreSQL's statements are carried out on: a transaction, or for [`Db::look`] a connection by itself.
#[derive(Debug)]
pub enum On {
    Transaction(Transaction<'static, Postgres>),
    Connection(PoolConnection<Postgres>),
}

impl Deref for On {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        match self {
            Self::Transaction(tx) => tx,
            Self::Connection(connection) => connection,
        }
    }
}

impl DerefMut for On {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Transaction(tx) => tx,
            Self::Connection(connection) => connection,
        }
    }
}

impl On {
    /// For a statement that changes something.
    ///
    /// # Errors
    /// Outside of a transaction.
    pub fn changing(&mut self) -> sqlx::Result<&mut PgConnection> {
        match self {
            Self::Transaction(tx) => Ok(tx),
            Self::Connection(_) => Err(sqlx::Error::Protocol("a look changes nothing".to_owned())),
        }
    }

    async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Transaction(tx) => tx.commit().await,
            Self::Connection(_) => Ok(()),
        }
    }
}

/// A transaction. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub enum Tx {
    Sqlite(SqliteTx),
    Postgres(On),
}

/// Runs one statement on whichever database the transaction is of. Arguments bind to `$1`, `$2` …
///
/// ```text
/// sql!(execute tx, "update clients set name = $1 where id = $2", name, id.to_string())  // → u64, rows affected
/// sql!(optional tx, ClientRow, "select … where id = $1", id)                            // → Option<ClientRow>
/// sql!(one tx, (i64,), "select count(*) from clients")                                  // → (i64,)
/// sql!(all tx, ClientRow, "select … order by name")                                     // → Vec<ClientRow>
/// ```
///
/// The text may also be a `String` put together from fixed parts; what people typed is always bound. A row is a tuple,
/// or what [`row!`] makes.
#[macro_export]
macro_rules! sql {
    (execute $tx:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => tx.execute(&$sql, rusqlite::params![$($arg),*]),
            $crate::db::Tx::Postgres(tx) => match tx.changing() {
                Ok(on) => sqlx::query(sqlx::AssertSqlSafe($sql))$(.bind($arg))*
                    .execute(on).await.map(|done| done.rows_affected()),
                Err(error) => Err(error),
            },
        }
    };
    (optional $tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => tx.optional::<$row>(&$sql, rusqlite::params![$($arg),*]),
            $crate::db::Tx::Postgres(tx) => sqlx::query(sqlx::AssertSqlSafe($sql))$(.bind($arg))*
                .fetch_optional(&mut **tx).await
                .and_then(|row| Ok($crate::db::read_all::<$row>(row.as_slice())?.pop())),
        }
    };
    (one $tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        $crate::sql!(optional $tx, $row, $sql $(, $arg)*).and_then(|row| row.ok_or(sqlx::Error::RowNotFound))
    };
    (all $tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => tx.all::<$row>(&$sql, rusqlite::params![$($arg),*]),
            $crate::db::Tx::Postgres(tx) => sqlx::query(sqlx::AssertSqlSafe($sql))$(.bind($arg))*
                .fetch_all(&mut **tx).await
                .and_then(|rows| $crate::db::read_all::<$row>(&rows)),
        }
    };
}

/// Why a database could not be opened. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the bundled SQLite is {0}, and before 3.51.3 it can lose commits; build with a newer one")]
    SqliteTooOld(String),
    #[error("the database was written by a newer Deskbell; start that version, or restore a back-up: {0}")]
    Newer(MigrateError),
    #[error("the database cannot be brought up to date; where it is damaged, restore a back-up: {0}")]
    Migrate(MigrateError),
    #[error("the database cannot be opened: {0}")]
    Sqlx(#[from] sqlx::Error),
}

impl From<MigrateError> for OpenError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(_) => Self::Newer(error),
            _ => Self::Migrate(error),
        }
    }
}

impl Db {
    /// Opens the SQLite database in a file, makes it where there is none, and migrates it.
    ///
    /// # Errors
    /// Where the file cannot be used, or was written by a newer version.
    pub async fn sqlite(file: &Path) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true);
        // Migrations are sqlx's on both databases.
        let mut connection = options.connect().await?;
        let (version,): (String,) = sqlx::query_as("select sqlite_version()").fetch_one(&mut connection).await?;
        if older_than(&version, [3, 51, 3]) {
            return Err(OpenError::SqliteTooOld(version));
        }
        sqlx::migrate!("migrations/sqlite").run(&mut connection).await?;
        connection.close().await?;
        Ok(Self::Sqlite(Sqlite::new(file)))
    }

    /// Connects to PostgreSQL by its URL, and migrates it.
    ///
    /// # Errors
    /// Where no connection can be made, or the schema is a newer version's.
    pub async fn postgres(url: &str) -> Result<Self, OpenError> {
        let pool = PgPoolOptions::new()
            .max_connections(20)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(|connection, used| {
                Box::pin(async move { Ok(used.idle_for < IDLE || connection.ping().await.is_ok()) })
            })
            // To compile a statement takes longer than any of ours does.
            .after_connect(|connection, _| Box::pin(connection.execute("set jit = off").map_ok(drop)))
            .connect_with(PgConnectOptions::from_str(url)?.statement_cache_capacity(STATEMENTS))
            .await?;
        sqlx::migrate!("migrations/postgres").run(&pool).await?;
        Ok(Self::Postgres(pool))
    }

    /// Begins a transaction that writes. On SQLite it holds the write lock from the start: one that
    /// reads first and writes later can fail at once, whatever the timeout.
    ///
    /// # Errors
    /// Where the database cannot be reached.
    pub async fn write(&self) -> sqlx::Result<Tx> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write().await.map(Tx::Sqlite),
            Self::Postgres(pool) => begun(pool, "BEGIN").await,
        }
    }

    /// Begins a transaction that only reads, and sees one state of the database throughout.
    ///
    /// # Errors
    /// Where the database cannot be reached.
    pub async fn read(&self) -> sqlx::Result<Tx> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read().await.map(Tx::Sqlite),
            Self::Postgres(pool) => begun(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        }
    }

    /// Reads without a transaction, whose beginning and end cost more than a short statement: for one of them, or for
    /// several that need not see the same state.
    ///
    /// # Errors
    /// Where the database cannot be reached.
    pub async fn look(&self) -> sqlx::Result<Tx> {
        match self {
            Self::Sqlite(sqlite) => sqlite.look().await.map(Tx::Sqlite),
            Self::Postgres(pool) => Ok(Tx::Postgres(On::Connection(pool.acquire().await?))),
        }
    }

    /// Waits until no other server is at the thing of this name; the next one waits until the
    /// transaction that is given ends. SQLite has one server, and nothing to wait for.
    ///
    /// # Errors
    /// Where the database cannot be reached.
    pub async fn exclusive(&self, name: &str) -> sqlx::Result<Option<Tx>> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(pool) => {
                let mut tx = begun(pool, "BEGIN").await?;
                tx.serialize_on(name).await?;
                Ok(Some(tx))
            }
        }
    }

    /// Wakes the other servers, where there may be any: events were written for connections that they hold. Outside
    /// of the transaction that wrote them, because PostgreSQL lets those that notify commit one after the other.
    ///
    /// # Errors
    /// Where the database cannot be reached.
    pub async fn wake_others(&self) -> sqlx::Result<()> {
        if let Self::Postgres(pool) = self {
            sqlx::query("select pg_notify($1, '')").bind(CHANNEL).execute(pool).await?;
        }
        Ok(())
    }

    /// Hears when another server wakes this one; nothing on SQLite, which has no other server.
    ///
    /// # Errors
    /// Where the database cannot be reached.
    pub async fn listen(&self) -> sqlx::Result<Option<PgListener>> {
        let Self::Postgres(pool) = self else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(listener))
    }

    /// Closes every connection, after those in use have finished.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Begins on PostgreSQL, to the end, also where the one who asked hangs up meanwhile: a `BEGIN` that is dropped
/// while it is under way leaves its connection inside a transaction of which the pool knows nothing (sqlx 0.9),
/// and whoever gets that connection next works in it: read-only, perhaps, or with what was true long ago.
async fn begun(pool: &PgPool, statement: &'static str) -> sqlx::Result<Tx> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(statement).await });
    begun.await.map_err(|_| sqlx::Error::WorkerCrashed)?.map(|tx| Tx::Postgres(On::Transaction(tx)))
}

impl Tx {
    /// Makes it durable.
    ///
    /// # Errors
    /// Where it could not be; nothing of it is stored then.
    pub async fn commit(self) -> sqlx::Result<()> {
        deskbell_protocol::crash_point!("db.commit.before");
        match self {
            Self::Sqlite(tx) => tx.commit(),
            Self::Postgres(tx) => tx.commit().await,
        }?;
        deskbell_protocol::crash_point!("db.commit.after");
        Ok(())
    }

    /// Until this transaction ends, no other one passes here with the same name: what is counted
    /// and then written stays true. On SQLite a writer is alone anyway.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn serialize_on(&mut self, name: &str) -> sqlx::Result<()> {
        if let Self::Postgres(tx) = self {
            sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 0))").bind(name).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Lets PostgreSQL plan every statement of this transaction for the words that it is asked with: a plan for words
    /// in general is wrong for most of them. SQLite has one plan for all words.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn plan_anew(&mut self) -> sqlx::Result<()> {
        if let Self::Postgres(tx) = self {
            sqlx::query("set local plan_cache_mode = force_custom_plan").execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Has SQLite read a table by this index. It looks at the values of a statement and takes what seems cheapest for
    /// all rows, however few are asked for. PostgreSQL counts those that are.
    #[must_use]
    pub fn by_index(&self, name: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("indexed by {name}"),
            Self::Postgres(_) => String::new(),
        }
    }

    /// What follows a column to say that it is among the ids that are bound as one text, with commas between.
    #[must_use]
    pub fn among_first(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => r#"in (select value from json_each('["' || replace($1, ',', '","') || '"]'))"#,
            Self::Postgres(_) => "= any(string_to_array($1, ','))",
        }
    }

    /// Keeps two servers from claiming the same row; SQLite's one writer needs no such words.
    #[must_use]
    pub fn skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "for update skip locked",
        }
    }

    /// Takes the next ticket's number, and gives the expression that holds it for the next statement. It is taken also
    /// where nothing comes of the ticket: numbers have gaps.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn next_ticket_number(&mut self) -> sqlx::Result<&'static str> {
        if let Self::Postgres(_) = self {
            return Ok("nextval('ticket_numbers')");
        }
        sql!(execute self, "update ticket_numbers set next = next + 1")?;
        Ok("(select next - 1 from ticket_numbers)")
    }
}

/// A pattern for `like` that finds a text anywhere, whatever signs it has, in lower case.
#[must_use]
pub fn contains(query: &str) -> String {
    let plain: String = query.to_lowercase().chars().filter(|c| !matches!(c, '%' | '_' | '\\')).collect();
    format!("%{plain}%")
}

fn older_than(version: &str, least: [u32; 3]) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let version = [parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0)];
    version < least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(older_than("3.51.2", [3, 51, 3]));
        assert!(older_than("3.9.9", [3, 51, 3]));
        assert!(!older_than("3.51.3", [3, 51, 3]));
        assert!(!older_than("3.100.0", [3, 51, 3]));
    }
}
