//! The database beside the server: to prepare what no request can, and to see that nothing has changed.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Result;

use crate::{
    hash::sha256,
    postgres::Postgres,
    wait::{SOON, until},
};

/// What every request leaves behind, refused or not, and what the database or the index of words keeps for itself:
/// the words of tickets are read a moment after these.
const TABLES: [&str; 11] = [
    "nonces",
    "attempts",
    "sqlite_sequence",
    "_sqlx_migrations",
    "search",
    "search_config",
    "search_data",
    "search_docsize",
    "search_due",
    "search_idx",
    "search_words",
];
/// What a request that gets past its gate says of the one who asks, whatever it asks for.
const COLUMNS: [(&str, &str); 14] = [
    ("devices", "agent_version"),
    ("devices", "ip"),
    ("devices", "last_seen_at"),
    ("devices", "os"),
    ("devices", "os_user"),
    ("devices", "platform"),
    ("installations", "agent_version"),
    ("installations", "applied_revision"),
    ("installations", "epoch"),
    ("installations", "epoch_before"),
    ("installations", "hotkey"),
    ("installations", "last_seen_at"),
    ("installations", "online_until"),
    ("installations", "signed_at"),
];

/// Those of one table.
fn columns(table: &str) -> Vec<&'static str> {
    COLUMNS.iter().filter(|(of, _)| *of == table).map(|(_, column)| *column).collect()
}

#[expect(clippy::large_enum_variant, reason = "there is one of them at a time")]
pub(super) enum Database {
    Sqlite(PathBuf),
    Postgres(Postgres, String),
}

impl Database {
    pub(super) async fn execute(&self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(file) => {
                let connection = rusqlite::Connection::open(file)?;
                connection.busy_timeout(std::time::Duration::from_secs(10))?;
                connection.execute_batch(sql)?;
            }
            Self::Postgres(postgres, name) => _ = postgres.sql_in(name, sql).await?,
        }
        Ok(())
    }

    /// Waits until the mails of what was let in have left: they change rows by themselves.
    pub(super) async fn settled(&self) -> Result<()> {
        let open = "select count(*) from jobs where done_at is null and failed_at is null";
        until("the mails have left", SOON, async || {
            let open = match self {
                Self::Sqlite(file) => {
                    rusqlite::Connection::open(file)?.query_row(open, [], |row| row.get::<_, i64>(0))?
                }
                Self::Postgres(postgres, name) => postgres.sql_in(name, open).await?.trim().parse()?,
            };
            Ok((open == 0).then_some(()))
        })
        .await
    }

    /// A hash of the rows of every table, without what may change.
    pub(super) async fn rows(&self) -> Result<BTreeMap<String, String>> {
        match self {
            Self::Sqlite(file) => sqlite_rows(file),
            Self::Postgres(postgres, name) => postgres_rows(postgres, name).await,
        }
    }
}

fn sqlite_rows(file: &PathBuf) -> Result<BTreeMap<String, String>> {
    let connection = rusqlite::Connection::open(file)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    let mut names = connection.prepare("select name from sqlite_schema where type = 'table'")?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut hashes = BTreeMap::new();
    for table in names.into_iter().filter(|name| !TABLES.contains(&name.as_str())) {
        let mut statement = connection.prepare(&format!("select * from {table}"))?;
        let unlike = columns(&table);
        let kept: Vec<usize> = statement
            .column_names()
            .iter()
            .enumerate()
            .filter(|(_, name)| !unlike.contains(name))
            .map(|(at, _)| at)
            .collect();
        let rows = statement.query_map([], |row| {
            kept.iter()
                .map(|at| row.get_ref(*at).map(|value| format!("{value:?}")))
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut rows: Vec<String> = rows.map(|row| row.map(|row| row.join("|"))).collect::<rusqlite::Result<_>>()?;
        rows.sort_unstable();
        hashes.insert(table, sha256(rows.join("\n").as_bytes()));
    }
    Ok(hashes)
}

async fn postgres_rows(postgres: &Postgres, database: &str) -> Result<BTreeMap<String, String>> {
    let quoted = |words: &[&str]| words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(",");
    let names = format!(
        "select table_name from information_schema.tables where table_schema = 'public' and table_name not in ({})",
        quoted(&TABLES)
    );
    // One question for all tables; their names never change while a server runs.
    static NAMES: tokio::sync::OnceCell<Vec<String>> = tokio::sync::OnceCell::const_new();
    let names = NAMES
        .get_or_try_init(async || {
            Ok::<_, anyhow::Error>(postgres.sql_in(database, &names).await?.lines().map(str::to_owned).collect())
        })
        .await?;
    let hashes = names.iter().map(|table| {
        format!(
            "select '{table}', md5(coalesce(string_agg(r, ';' order by r), '')) from
             (select (to_jsonb(t) - array[{}]::text[])::text as r from {table} t) as rows",
            quoted(&columns(table))
        )
    });
    let said = postgres.sql_in(database, &hashes.collect::<Vec<_>>().join(" union all ")).await?;
    let pairs = said.lines().filter_map(|line| line.split_once('|'));
    Ok(pairs.map(|(table, hash)| (table.to_owned(), hash.to_owned())).collect())
}
