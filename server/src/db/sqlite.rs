//! SQLite: one connection that writes, others that read beside it. A statement is carried out by whoever asks, where
//! they stand: handing it to another thread and back costs more than most statements do. Where one may take a while
//! (a commit waits for the disk, a list is long, another program has the database), tokio hears of it beforehand and
//! has another thread go on with everything else.

use std::{borrow::Cow, error::Error, fmt, path::Path, sync::Arc};

use rusqlite::{Connection, ToSql};
use sqlx::error::{DatabaseError, ErrorKind};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::row::{Cells, Row, Value, check};
use pool::{Held, Pool};

mod pool;

/// Connections that read at the same time.
const READERS: usize = 8;

/// The connections of one database file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    write: Arc<Pool>,
    read: Arc<Pool>,
}

impl Sqlite {
    /// Of a file that is migrated already.
    pub(super) fn new(file: &Path) -> Self {
        Self { write: Arc::new(Pool::new(file, true, 1)), read: Arc::new(Pool::new(file, false, READERS)) }
    }

    /// A transaction that holds the write lock from the start: one that reads first and writes later can fail at once,
    /// whatever the time limit.
    pub(super) async fn write(&self) -> sqlx::Result<SqliteTx> {
        SqliteTx::begun(Pool::turn(&self.write).await?, "begin immediate")
    }

    /// A transaction that sees one state of the database throughout.
    pub(super) async fn read(&self) -> sqlx::Result<SqliteTx> {
        SqliteTx::begun(Pool::turn(&self.read).await?, "begin")
    }

    /// No transaction, and a connection that cannot write.
    pub(super) async fn look(&self) -> sqlx::Result<SqliteTx> {
        Ok(SqliteTx { on: Pool::turn(&self.read).await?, begun: false, failed: false })
    }

    /// Waits for whoever has a connection, and closes them all. The one that writes goes last: it tidies up.
    pub(super) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

#[derive(Debug)]
pub struct SqliteTx {
    on: Held,
    /// It is a transaction, and no look.
    begun: bool,
    /// A statement has failed. As on PostgreSQL, nothing of the transaction can be committed any more; SQLite itself may
    /// have ended it, and every further statement would be one by itself.
    failed: bool,
}

impl SqliteTx {
    fn begun(on: Held, how: &str) -> sqlx::Result<Self> {
        let connection = on.connection()?;
        a_while(|| connection.prepare_cached(how).and_then(|mut begin| begin.execute([]))).map_err(told)?;
        Ok(Self { on, begun: true, failed: false })
    }

    /// How many rows it changed.
    ///
    /// # Errors
    /// Where it fails, or one before it has.
    pub fn execute(&mut self, statement: &str, values: &[&dyn ToSql]) -> sqlx::Result<u64> {
        let connection = self.sound()?;
        let changed = connection.prepare_cached(&numbered(statement)).and_then(|mut s| s.execute(values));
        self.heard(changed.map(|rows| rows as u64).map_err(told))
    }

    /// The first row, where there is one.
    ///
    /// # Errors
    /// Where it fails, or one before it has.
    pub fn optional<R: Row>(&mut self, statement: &str, values: &[&dyn ToSql]) -> sqlx::Result<Option<R>> {
        let found = fetch(self.sound()?, statement, values, 1);
        Ok(self.heard(found)?.pop())
    }

    /// The first row.
    ///
    /// # Errors
    /// Where it fails, or one before it has, or there is no row.
    pub fn one<R: Row>(&mut self, statement: &str, values: &[&dyn ToSql]) -> sqlx::Result<R> {
        self.optional(statement, values)?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Every row.
    ///
    /// # Errors
    /// Where it fails, or one before it has.
    pub fn all<R: Row>(&mut self, statement: &str, values: &[&dyn ToSql]) -> sqlx::Result<Vec<R>> {
        let connection = self.sound()?;
        let found = a_while(|| fetch(connection, statement, values, usize::MAX));
        self.heard(found)
    }

    /// # Errors
    /// Where it fails, or a statement has, or SQLite has ended the transaction by itself: nothing is stored then.
    pub(super) fn commit(self) -> sqlx::Result<()> {
        let connection = self.sound()?;
        if !self.begun {
            return Ok(());
        }
        a_while(|| connection.prepare_cached("commit").and_then(|mut commit| commit.execute([])))
            .map(drop)
            .map_err(told)
    }

    fn sound(&self) -> sqlx::Result<&Connection> {
        if self.failed {
            return Err(sqlx::Error::Protocol("a statement of this transaction has failed".to_owned()));
        }
        self.on.connection()
    }

    fn heard<T>(&mut self, outcome: sqlx::Result<T>) -> sqlx::Result<T> {
        self.failed |= outcome.is_err();
        outcome
    }
}

/// Carries out what may take a while. On one of tokio's threads, another one takes over everything else first: a thread
/// that has found one thing to do wakes nobody for the next. A test's runtime has one thread, and nobody to take over.
fn a_while<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// The first rows, up to `most`.
fn fetch<R: Row>(connection: &Connection, statement: &str, values: &[&dyn ToSql], most: usize) -> sqlx::Result<Vec<R>> {
    let mut statement = connection.prepare_cached(&numbered(statement)).map_err(told)?;
    check::<R>(statement.column_names().into_iter())?;
    let changes = !statement.readonly();
    let mut rows = statement.query(values).map_err(told)?;
    let mut found = Vec::new();
    while found.len() < most
        && let Some(row) = rows.next().map_err(told)?
    {
        found.push(R::read(&mut SqliteCells { row, next: 0 })?);
    }
    // What changes something may fail at its very end.
    while changes && rows.next().map_err(told)?.is_some() {}
    Ok(found)
}

struct SqliteCells<'r> {
    row: &'r rusqlite::Row<'r>,
    next: usize,
}

impl Cells for SqliteCells<'_> {
    fn next<T: Value>(&mut self) -> sqlx::Result<T> {
        let index = self.next;
        self.next += 1;
        self.row.get(index).map_err(told)
    }
}

/// To SQLite `$1` is a name, and names are counted as they come; `?1` is the first value.
fn numbered(statement: &str) -> String {
    let mut text = String::with_capacity(statement.len());
    let mut parts = statement.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push(if part.starts_with(|c: char| c.is_ascii_digit()) { '?' } else { '$' });
        text.push_str(part);
    }
    text
}

/// What SQLite says, as both databases' errors are told.
#[derive(Debug)]
struct SqliteError {
    message: String,
    cause: rusqlite::Error,
}

impl fmt::Display for SqliteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for SqliteError {}

impl DatabaseError for SqliteError {
    fn message(&self) -> &str {
        &self.message
    }

    /// SQLite's primary one.
    fn code(&self) -> Option<Cow<'_, str>> {
        let rusqlite::Error::SqliteFailure(error, _) = &self.cause else { return None };
        Some((error.extended_code & 0xff).to_string().into())
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        use rusqlite::ffi;
        let rusqlite::Error::SqliteFailure(error, _) = &self.cause else { return ErrorKind::Other };
        match error.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => ErrorKind::UniqueViolation,
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ErrorKind::ForeignKeyViolation,
            ffi::SQLITE_CONSTRAINT_NOTNULL => ErrorKind::NotNullViolation,
            ffi::SQLITE_CONSTRAINT_CHECK => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}

fn told(cause: rusqlite::Error) -> sqlx::Error {
    match cause {
        rusqlite::Error::FromSqlConversionFailure(column, _, source) => {
            sqlx::Error::ColumnDecode { index: column.to_string(), source }
        }
        rusqlite::Error::ToSqlConversionFailure(source) => sqlx::Error::Encode(source),
        cause => sqlx::Error::Database(Box::new(SqliteError { message: cause.to_string(), cause })),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        db::{Db, Tx},
        row, sql,
    };

    #[test]
    fn values_are_counted_by_their_number() {
        assert_eq!(
            numbered("update b set c = $2, d = '$' where e in ($1,$10)"),
            "update b set c = ?2, d = '$' where e in (?1,?10)"
        );
        assert_eq!(numbered("select 1"), "select 1");
    }

    async fn table(folder: &tempfile::TempDir) -> Db {
        let db = Db::sqlite(&folder.path().join("deskbell.db")).await.unwrap();
        let mut tx = db.write().await.unwrap();
        sql!(execute &mut tx, "create table t (id integer primary key, said text)").unwrap();
        tx.commit().await.unwrap();
        db
    }

    row! {
        #[derive(Debug, PartialEq, Eq)]
        struct Said {
            id: i64,
            said: Option<String>,
        }
    }

    row! {
        #[derive(Debug, PartialEq, Eq)]
        struct Whole {
            said: Said,
            twice: i64,
        }
    }

    async fn rows(db: &Db) -> Vec<(i64, String)> {
        let mut tx = db.read().await.unwrap();
        sql!(all &mut tx, (i64, String), "select id, said from t order by id").unwrap()
    }

    #[tokio::test]
    async fn a_row_is_a_struct_of_columns_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut tx = table(&folder).await.write().await.unwrap();
        let tx = &mut tx;
        assert_eq!(sql!(execute tx, "insert into t values ($2, $1), (3, null)", "one", 1).unwrap(), 2);
        let whole = |id, said: Option<&str>| Whole { said: Said { id, said: said.map(str::to_owned) }, twice: 2 * id };
        let select = "select id, said, 2 * id as twice from t order by id";
        assert_eq!(sql!(all tx, Whole, select).unwrap(), [whole(1, Some("one")), whole(3, None)]);
        assert_eq!(sql!(one tx, Whole, select).unwrap(), whole(1, Some("one")));
        let none: Option<Said> = sql!(optional tx, Said, "select id, said from t where id = $1", 2).unwrap();
        assert_eq!(none, None);
        let swapped = sql!(all tx, Said, "select said, id from t");
        assert!(swapped.unwrap_err().to_string().contains("are not the row's"));
    }

    #[tokio::test]
    async fn what_is_not_committed_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let db = table(&folder).await;
        let mut tx = db.write().await.unwrap();
        sql!(execute &mut tx, "insert into t values (1, 'x')").unwrap();
        drop(tx);
        assert_eq!(rows(&db).await, []);
        let mut tx = db.write().await.unwrap();
        sql!(execute &mut tx, "insert into t values (1, 'y')").unwrap();
        tx.commit().await.unwrap();
        assert_eq!(rows(&db).await, [(1, "y".to_owned())]);
    }

    #[tokio::test]
    async fn a_statement_that_fails_ends_its_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let db = table(&folder).await;
        let mut tx = db.write().await.unwrap();
        sql!(execute &mut tx, "insert into t values (1, 'there')").unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.write().await.unwrap();
        sql!(execute &mut tx, "insert into t values (2, 'before it')").unwrap();
        let failed = sql!(execute &mut tx, "insert into t values ($1, 'another')", 1).unwrap_err();
        assert!(failed.as_database_error().unwrap().is_unique_violation(), "{failed}");
        assert!(sql!(execute &mut tx, "insert into t values (3, 'after it')").is_err());
        assert!(sql!(one &mut tx, (i64,), "select count(*) from t").is_err());
        assert!(tx.commit().await.is_err(), "half of it would be stored");
        assert_eq!(rows(&db).await, [(1, "there".to_owned())]);
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_has_ended_is_not_called_committed() {
        let folder = tempfile::tempdir().unwrap();
        let db = table(&folder).await;
        let mut tx = db.write().await.unwrap();
        sql!(execute &mut tx, "insert into t values (1, 'x')").unwrap();
        let Tx::Sqlite(inner) = &tx else { panic!("it is SQLite") };
        inner.on.connection().unwrap().execute_batch("rollback").unwrap();
        assert!(tx.commit().await.is_err());
        assert_eq!(rows(&db).await, []);
    }

    #[tokio::test]
    async fn what_is_committed_is_flushed_and_belongs_to_something() {
        let folder = tempfile::tempdir().unwrap();
        let mut tx = table(&folder).await.write().await.unwrap();
        assert_eq!(sql!(one &mut tx, (i64,), "pragma synchronous").unwrap(), (2,));
        assert_eq!(sql!(one &mut tx, (i64,), "pragma foreign_keys").unwrap(), (1,));
        assert_eq!(sql!(one &mut tx, (String,), "pragma journal_mode").unwrap(), ("wal".to_owned(),));
    }

    #[test]
    fn who_waits_for_another_program_keeps_nobody_from_working() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let db = runtime.block_on(table(&folder));
        let other = Connection::open(folder.path().join("deskbell.db")).unwrap();
        other.execute_batch("begin immediate").unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        // A timer wakes the one who then waits; another one is due meanwhile.
        let writes = runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            db.write().await.map(drop)
        });
        runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            tell.send(())
        });
        told.recv().unwrap();
        other.execute_batch("rollback").unwrap();
        runtime.block_on(writes).unwrap().expect("nothing else was done until its patience was at an end");
    }

    #[tokio::test]
    async fn a_missing_row_fails_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let db = table(&folder).await;
        let mut tx = db.write().await.unwrap();
        let none = sql!(one &mut tx, (i64,), "select id from t");
        assert!(matches!(none, Err(sqlx::Error::RowNotFound)));
        sql!(execute &mut tx, "insert into t values (1, 'x')").unwrap();
        tx.commit().await.unwrap();
        assert_eq!(rows(&db).await.len(), 1);
    }

    #[tokio::test]
    async fn a_look_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let db = table(&folder).await;
        let mut tx = db.look().await.unwrap();
        assert!(sql!(execute &mut tx, "insert into t values (1, 'x')").is_err());
        assert_eq!(rows(&db).await, []);
    }

    #[tokio::test]
    async fn whoever_wants_to_write_waits_for_who_does() {
        let folder = tempfile::tempdir().unwrap();
        let db = table(&folder).await;
        let mut first = db.write().await.unwrap();
        let other = db.clone();
        let second = tokio::spawn(async move {
            let mut tx = other.write().await.unwrap();
            let (count,): (i64,) = sql!(one &mut tx, (i64,), "select count(*) from t").unwrap();
            count
        });
        tokio::task::yield_now().await;
        sql!(execute &mut first, "insert into t values (1, 'x')").unwrap();
        first.commit().await.unwrap();
        assert_eq!(second.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn nobody_gets_a_connection_that_was_closed() {
        let folder = tempfile::tempdir().unwrap();
        let db = table(&folder).await;
        let tx = db.read().await.unwrap();
        let (closing, closes) = (db.clone(), tokio::sync::oneshot::channel());
        let closed = tokio::spawn(async move {
            closes.0.send(()).unwrap();
            closing.close().await;
        });
        closes.1.await.unwrap();
        drop::<Tx>(tx);
        closed.await.unwrap();
        assert!(matches!(db.read().await, Err(sqlx::Error::PoolClosed)));
        assert!(matches!(db.write().await, Err(sqlx::Error::PoolClosed)));
    }
}
