//! The two databases: how each is filled, and asked without our server.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use sqlx::{Connection as _, Row as _};

use super::filled::{MESSAGE, Rows, TICKET, people};
use crate::{helpdesk::Helpdesk, postgres::Postgres, server::Server};

/// What the server asks for a page of what was searched for, as the engine gets it.
const LINE: &str = "t.id, t.number, t.client_id, c.name, t.requester_id, r.name, t.type, t.subject, t.status,
    t.can_work, t.affected, t.priority, t.assignee_id, a.name, t.files_pending, t.received_at, t.updated_at";
const NAMES: &str = "join clients c on c.id = t.client_id join requesters r on r.id = t.requester_id
    left join technicians a on a.id = t.assignee_id";
const PAGE: i64 = 51;

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are two of them at a time")]
pub(in crate::bench) enum Engine {
    Sqlite { file: PathBuf, bare: Option<rusqlite::Connection> },
    Postgres { _cluster: Postgres, url: String, bare: Option<sqlx::PgConnection> },
}

impl Engine {
    pub(in crate::bench) fn sqlite(folder: &Path) -> Self {
        Self::Sqlite { file: folder.join("server/deskbell.db"), bare: None }
    }

    pub(in crate::bench) async fn postgres() -> Result<Self> {
        let cluster = Postgres::start().await?;
        let url = cluster.url(&cluster.database().await?);
        Ok(Self::Postgres { _cluster: cluster, url, bare: None })
    }

    pub(in crate::bench) const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }

    /// A helpdesk over it that is set up, with the people whose tickets are to come.
    pub(in crate::bench) async fn helpdesk(&mut self, folder: &Path) -> Result<Helpdesk> {
        let server = Server::new(&folder.join("server"), &folder.join("server.log"))?;
        let server = match self {
            Self::Sqlite { .. } => server,
            Self::Postgres { url, .. } => server.with("DATABASE_URL", url),
        };
        let helpdesk = Helpdesk::with(server).await?;
        match self {
            Self::Sqlite { file, .. } => rusqlite::Connection::open(file)?.execute_batch(&people())?,
            Self::Postgres { url, .. } => {
                let mut database = sqlx::PgConnection::connect(url).await?;
                sqlx::raw_sql(sqlx::AssertSqlSafe(people())).execute(&mut database).await?;
            }
        }
        Ok(helpdesk)
    }

    /// Adds the tickets of these places. The server may be running; it is not told.
    pub(in crate::bench) async fn fill(&mut self, from: u64, to: u64) -> Result<()> {
        match self {
            Self::Sqlite { file, bare } => {
                *bare = None;
                fill_sqlite(file, from, to)?;
                *bare = Some(rusqlite::Connection::open(file)?);
            }
            Self::Postgres { url, bare, .. } => {
                *bare = None;
                fill_postgres(url, from, to).await?;
                *bare = Some(sqlx::PgConnection::connect(url).await?);
            }
        }
        Ok(())
    }

    /// The first page of all tickets with these words, without our server. How long it took, and how many rows.
    pub(in crate::bench) async fn bare(&mut self, question: &str) -> Result<(Duration, usize)> {
        match self {
            Self::Sqlite { bare, .. } => bare_sqlite(bare.as_ref().context("not filled")?, question),
            Self::Postgres { bare, .. } => bare_postgres(bare.as_mut().context("not filled")?, question).await,
        }
    }
}

fn fill_sqlite(file: &Path, from: u64, to: u64) -> Result<()> {
    let mut database = rusqlite::Connection::open(file)?;
    // What is measured here is reading; the server that reads has its own connections, and its own rules.
    database.execute_batch("pragma synchronous = off; pragma cache_size = -400000; pragma foreign_keys = off")?;
    let places = |count: usize| (1..=count).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
    let tx = database.transaction()?;
    {
        let mut ticket = tx.prepare(&format!("insert into tickets ({TICKET}) values ({})", places(19)))?;
        let mut message = tx.prepare(&format!("insert into messages ({MESSAGE}) values ({})", places(10)))?;
        let mut words = tx.prepare("insert into search (rowid, words) values (?1, ?2)")?;
        let mut known = tx.prepare("insert or ignore into search_words values (?1)")?;
        for rows in (from..to).map(Rows::of) {
            ticket.execute(rusqlite::params_from_iter(&rows.ticket))?;
            for each in &rows.messages {
                message.execute(rusqlite::params_from_iter(each))?;
            }
            words.execute(rusqlite::params![rows.number, rows.words])?;
            rows.words.split(' ').try_for_each(|word| known.execute([word]).map(drop))?;
        }
        tx.execute("delete from search_due", [])?;
    }
    tx.commit()?;
    database.execute_batch("analyze; pragma wal_checkpoint(truncate)")?;
    Ok(())
}

async fn fill_postgres(url: &str, from: u64, to: u64) -> Result<()> {
    let mut database = sqlx::PgConnection::connect(url).await?;
    // No triggers: the words come with the tickets.
    sqlx::raw_sql("set session_replication_role = replica; set synchronous_commit = off; drop index search_words")
        .execute(&mut database)
        .await?;
    for begin in (from..to).step_by(10_000) {
        let rows: Vec<Rows> = (begin..to.min(begin + 10_000)).map(Rows::of).collect();
        let line = |columns: &Vec<String>| columns.join("\t") + "\n";
        copy(&mut database, "tickets", TICKET, rows.iter().map(|rows| line(&rows.ticket)).collect()).await?;
        let messages = rows.iter().flat_map(|rows| rows.messages.iter().map(line)).collect();
        copy(&mut database, "messages", MESSAGE, messages).await?;
        let words = rows.iter().map(|rows| format!("{}\t{}\n", rows.number, quoted(&rows.words))).collect();
        copy(&mut database, "search", "number, words", words).await?;
    }
    let after = "set maintenance_work_mem = '512MB'; create index search_words on search using gin (words)";
    sqlx::raw_sql(after).execute(&mut database).await?;
    for table in ["tickets", "messages", "search", "requesters", "clients"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("vacuum analyze {table}"))).execute(&mut database).await?;
    }
    Ok(())
}

fn quoted(words: &str) -> String {
    words.split(' ').map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}

async fn copy(database: &mut sqlx::PgConnection, table: &str, columns: &str, rows: String) -> Result<()> {
    let mut into = database.copy_in_raw(&format!("copy {table} ({columns}) from stdin")).await?;
    into.send(rows.into_bytes()).await?;
    into.finish().await?;
    Ok(())
}

fn bare_sqlite(database: &rusqlite::Connection, question: &str) -> Result<(Duration, usize)> {
    let words: Vec<String> = question.split(' ').map(|word| format!("\"{word}\"*")).collect();
    let sql = format!(
        "select {LINE} from search cross join tickets t on t.number = search.rowid {NAMES}
         where search match ?1 order by search.rowid desc limit ?2"
    );
    let begin = Instant::now();
    let mut statement = database.prepare_cached(&sql)?;
    let mut rows = statement.query(rusqlite::params![words.join(" "), PAGE])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        for column in 0..17 {
            std::hint::black_box(row.get::<_, rusqlite::types::Value>(column)?);
        }
        count += 1;
    }
    Ok((begin.elapsed(), count))
}

async fn bare_postgres(database: &mut sqlx::PgConnection, question: &str) -> Result<(Duration, usize)> {
    let words: Vec<String> = question.split(' ').map(|word| format!("'{word}':*")).collect();
    let sql = format!(
        "select {LINE} from search s join tickets t on t.number = s.number {NAMES}
         where s.words @@ $1::tsquery order by s.number desc limit $2"
    );
    let begin = Instant::now();
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).bind(words.join(" & ")).bind(PAGE);
    let rows = query.fetch_all(database).await?;
    for row in &rows {
        std::hint::black_box(row.try_get::<String, _>("subject")?);
    }
    Ok((begin.elapsed(), rows.len()))
}
