//! A transaction of SQLite. Each statement is handed to the connection's own thread and back, which costs more than
//! most statements do: what nobody waits for an answer of goes along with the next one that somebody does.

use std::fmt::Write as _;

use sqlx::{
    Arguments as _, AssertSqlSafe, Execute as _, Row as _, Sqlite, SqliteConnection,
    query::{Query, QueryAs},
    sqlite::{SqliteArguments, SqliteRow},
};

use super::On;

/// Statements that go together. As many texts of them as there may be are kept prepared, so that there must not be too
/// many different ones.
const TOGETHER: usize = 16;

#[derive(Debug)]
pub struct SqliteTx {
    on: On<Sqlite>,
    /// What has not been carried out yet: statements, each with its end, the arguments of all of them, and how many.
    waiting: (String, SqliteArguments),
    count: usize,
    /// A statement has failed. As on PostgreSQL, nothing of the transaction can be committed any more: it may have been
    /// one that waited, of whoever came before.
    failed: bool,
}

impl SqliteTx {
    pub(super) fn new(on: On<Sqlite>) -> Self {
        Self { on, waiting: Default::default(), count: 0, failed: false }
    }

    /// A statement to bind arguments to, behind those that wait.
    pub fn query(&mut self, statement: &str) -> Query<'static, Sqlite, SqliteArguments> {
        let (text, arguments) = self.behind_waiting(statement);
        sqlx::query_with(AssertSqlSafe(text), arguments)
    }

    /// The same, for its rows.
    pub fn query_as<R>(&mut self, statement: &str) -> QueryAs<'static, Sqlite, R, SqliteArguments>
    where
        R: for<'r> sqlx::FromRow<'r, SqliteRow>,
    {
        let (text, arguments) = self.behind_waiting(statement);
        sqlx::query_as_with(AssertSqlSafe(text), arguments)
    }

    /// Where they are carried out; [`Self::heard`] has to hear how.
    ///
    /// # Errors
    /// Where a statement has failed: SQLite may have ended the transaction, and this one would be one by itself.
    pub fn connection(&mut self) -> sqlx::Result<&mut SqliteConnection> {
        self.sound()?;
        Ok(&mut self.on)
    }

    fn sound(&self) -> sqlx::Result<()> {
        if self.failed {
            return Err(sqlx::Error::Protocol("a statement of this transaction has failed".to_owned()));
        }
        Ok(())
    }

    /// How a statement came out, with those that waited. That there is no row is no failure.
    ///
    /// # Errors
    /// The same.
    pub fn heard<T>(&mut self, outcome: sqlx::Result<T>) -> sqlx::Result<T> {
        self.count = 0;
        self.failed |= matches!(&outcome, Err(error) if !matches!(error, sqlx::Error::RowNotFound));
        outcome
    }

    /// Carries out a statement made with [`Self::counting`], and says how many rows it changed.
    ///
    /// # Errors
    /// Where it fails, or one that waited.
    pub async fn count(&mut self, query: Query<'static, Sqlite, SqliteArguments>) -> sqlx::Result<u64> {
        self.sound()?;
        let counted = query.fetch_one(self.on.changing()?).await;
        self.heard(counted)?.try_get::<i64, _>(0).map(i64::unsigned_abs)
    }

    /// [`Self::query`] for [`Self::count`]: of several statements, sqlx adds up what they changed.
    pub fn counting(&mut self, statement: &str) -> Query<'static, Sqlite, SqliteArguments> {
        self.query(&format!("{statement}; select changes()"))
    }

    /// Keeps a statement for later: it is carried out before the next one, or with the commit.
    ///
    /// # Errors
    /// Where an argument cannot be written, or what waits has become enough and fails.
    pub async fn later(&mut self, mut query: Query<'static, Sqlite, SqliteArguments>) -> sqlx::Result<()> {
        self.sound()?;
        self.on.changing()?;
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode);
        let arguments = arguments.inspect_err(|_| self.failed = true)?.unwrap_or_default();
        self.waiting = (format!("{}; ", query.sql().as_str()), arguments);
        self.count += 1;
        if self.count < TOGETHER { Ok(()) } else { self.carry_out().await }
    }

    /// Carries out what waits, before the commit.
    ///
    /// # Errors
    /// Where it fails, or any statement has: nothing may be committed then.
    pub(super) async fn settle(&mut self) -> sqlx::Result<()> {
        self.sound()?;
        if self.count > 0 {
            self.carry_out().await?;
        }
        Ok(())
    }

    /// # Errors
    /// Where the commit fails.
    pub(super) async fn commit(self) -> sqlx::Result<()> {
        self.on.commit().await
    }

    async fn carry_out(&mut self) -> sqlx::Result<()> {
        let query = self.query("select 1");
        let done = query.fetch_one(&mut *self.on).await.map(drop);
        self.heard(done)
    }

    fn behind_waiting(&mut self, statement: &str) -> (String, SqliteArguments) {
        let (mut text, arguments) = std::mem::take(&mut self.waiting);
        push_renumbered(&mut text, statement, arguments.len());
        (text, arguments)
    }
}

/// Adds a statement whose `$1` is the one behind this many arguments.
fn push_renumbered(text: &mut String, statement: &str, behind: usize) {
    if behind == 0 {
        text.push_str(statement);
        return;
    }
    let mut parts = statement.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        match number.parse::<usize>() {
            Ok(number) => write!(text, "${}{rest}", number + behind).expect("a String takes everything"),
            Err(_) => *text += &format!("${part}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::{Db, Tx},
        sql,
    };

    #[test]
    fn arguments_are_counted_behind_those_that_wait() {
        let mut text = "insert into a values ($1, $2); ".to_owned();
        push_renumbered(&mut text, "update b set c = $2, d = '$' where e in ($1,$10)", 2);
        assert_eq!(text, "insert into a values ($1, $2); update b set c = $4, d = '$' where e in ($3,$12)");
    }

    async fn table(folder: &tempfile::TempDir) -> (Db, Tx) {
        let db = Db::sqlite(&folder.path().join("deskbell.db")).await.unwrap();
        let mut tx = db.write().await.unwrap();
        sql!(execute & mut tx, "create table t (id integer primary key, said text)").unwrap();
        (db, tx)
    }

    async fn rows(tx: &mut Tx) -> Vec<(i64, String)> {
        sql!(all tx, (i64, String), "select id, said from t order by id").unwrap()
    }

    #[tokio::test]
    async fn what_waits_comes_first_and_is_not_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (_db, mut tx) = table(&folder).await;
        let tx = &mut tx;
        sql!(later tx, "insert into t values ($1, $2)", 1, "one").unwrap();
        sql!(later tx, "insert into t values ($1, $2)", 2, "two").unwrap();
        let changed = sql!(execute tx, "update t set said = said || $2 where id = $1", 2, "!").unwrap();
        assert_eq!(changed, 1);
        sql!(later tx, "insert into t values ($2, $1)", "three", 3).unwrap();
        let found: Option<(String,)> = sql!(optional tx, (String,), "select said from t where id = $1", 3).unwrap();
        assert_eq!(found, Some(("three".to_owned(),)));
        let none = sql!(execute tx, "insert into t values ($1, 'again') on conflict do nothing", 3).unwrap();
        assert_eq!(none, 0);
        assert_eq!(rows(tx).await, [(1, "one".into()), (2, "two!".into()), (3, "three".into())]);
    }

    #[tokio::test]
    async fn what_waits_is_in_the_commit() {
        let folder = tempfile::tempdir().unwrap();
        let (db, mut tx) = table(&folder).await;
        let mut waited = 0;
        for id in 0..3 * i64::try_from(TOGETHER).unwrap() + 1 {
            sql!(later &mut tx, "insert into t values ($1, $2)", id, "x").unwrap();
            let Tx::Sqlite(tx) = &tx else { panic!("it is SQLite") };
            assert_eq!(tx.waiting.0.matches("insert").count(), tx.count);
            waited = waited.max(tx.count);
        }
        assert_eq!(waited, TOGETHER - 1, "not more than {TOGETHER} go together");
        tx.commit().await.unwrap();
        assert_eq!(rows(&mut db.read().await.unwrap()).await.len(), 3 * TOGETHER + 1);
    }

    #[tokio::test]
    async fn what_waits_and_fails_fails_the_next_statement_and_the_commit() {
        let folder = tempfile::tempdir().unwrap();
        let (db, mut tx) = table(&folder).await;
        sql!(execute & mut tx, "insert into t values (1, 'there')").unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.write().await.unwrap();
        sql!(later &mut tx, "insert into t values ($1, 'another')", 1).unwrap();
        assert!(sql!(one &mut tx, (i64,), "select count(*) from t").is_err());
        assert!(sql!(execute &mut tx, "insert into t values (2, 'after it')").is_err());
        assert!(sql!(later &mut tx, "insert into t values (2, 'after it')").is_err());
        assert!(tx.commit().await.is_err(), "half of it would be stored");
        let mut tx = db.write().await.unwrap();
        sql!(later &mut tx, "insert into t values ($1, 'another')", 1).unwrap();
        assert!(tx.commit().await.is_err());
        assert_eq!(rows(&mut db.read().await.unwrap()).await, [(1, "there".into())]);
    }

    #[tokio::test]
    async fn a_look_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (db, mut tx) = table(&folder).await;
        tx.commit().await.unwrap();
        tx = db.look().await.unwrap();
        assert!(sql!(execute & mut tx, "insert into t values (1, 'x')").is_err());
        assert!(sql!(later & mut tx, "insert into t values (1, 'x')").is_err());
        assert_eq!(rows(&mut tx).await, []);
    }
}
