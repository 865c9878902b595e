//! The real server, as somebody would run it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    process::{self, Process, START, free_port},
    wait::until,
};

/// The embedded database, in the data folder.
const DATABASE: &str = "deskbell.db";

#[derive(Debug)]
pub struct Server {
    process: Option<Process>,
    folder: PathBuf,
    log: PathBuf,
    port: u16,
    settings: Vec<(String, String)>,
    http: reqwest::Client,
}

impl Server {
    /// Prepared, not started: data in `folder`, a port of its own.
    pub fn new(folder: &Path, log: &Path) -> Result<Self> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        let (folder, log) = (folder.to_owned(), log.to_owned());
        Ok(Self { process: None, folder, log, port: free_port()?, settings: Vec::new(), http })
    }

    /// One setting, `DESKBELL_SERVER_<name>`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((format!("DESKBELL_SERVER_{name}"), value.to_string()));
        self
    }

    /// Any other variable of its environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// What it logs, as `RUST_LOG` says.
    #[must_use]
    pub fn with_log(mut self, filter: &str) -> Self {
        self.settings.push(("RUST_LOG".into(), filter.into()));
        self
    }

    #[must_use]
    pub fn with_mail(self, port: u16) -> Self {
        self.with("SMTP_HOST", "127.0.0.1")
            .with("SMTP_PORT", port)
            .with("SMTP_TLS", "none")
            .with("SMTP_FROM", "Helpdesk <helpdesk@deskbell.example>")
    }

    /// Starts it and returns when `/readyz` says yes.
    pub async fn start(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "the server runs already");
        let mut command = process::command(program("deskbell-server")?);
        command.arg("serve").env("DESKBELL_SERVER_LISTEN", format!("127.0.0.1:{}", self.port));
        command.env("DESKBELL_SERVER_PUBLIC_URL", self.url()).env("DESKBELL_SERVER_DATA_DIR", &self.folder);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start("deskbell-server", command, &self.log)?;
        let ready = until("the server is ready", START, async || {
            if !process.running() {
                return Ok(Some(false));
            }
            // Its port may be another program's by now, which would answer in its place.
            if !process.output().contains("listens on") {
                return Ok(None);
            }
            let answer = self.http.get(format!("{}/readyz", self.url())).send().await?;
            Ok(answer.status().is_success().then_some(true))
        });
        let ready = ready.await?;
        if !ready {
            // Its last words may still be on their way; there is nothing after them.
            process.said("its last words", |_| None::<()>).await.ok();
        }
        ensure!(ready, "the server ended: {}", process.output());
        self.process = Some(process);
        Ok(())
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.take().context("the server does not run")?.kill().await
    }

    /// The same between two records of its witness (`tests/shim/disk.c`).
    #[cfg(target_os = "linux")]
    pub async fn kill_by_witness(&mut self) -> Result<()> {
        self.process.take().context("the server does not run")?.kill_by_witness().await
    }

    /// Waits until it ends by itself; how it ended. Pending where it does not run.
    pub async fn ended(&mut self) -> Result<std::process::ExitStatus> {
        let Some(process) = &mut self.process else { return std::future::pending().await };
        let status = process.status().await;
        self.process = None;
        status
    }

    pub async fn stop(&mut self) -> Result<()> {
        self.process.take().context("the server does not run")?.stop().await
    }

    /// The one-time code that it printed at its first start.
    pub async fn setup_code(&mut self) -> Result<String> {
        let process = self.process.as_mut().context("the server does not run")?;
        process.said("a set-up code", setup_code).await
    }

    /// The tables of tickets as before, without what makes their ids unique. The server has to be down.
    pub fn drop_unique_indexes(&self) -> Result<()> {
        ensure!(self.process.is_none(), "the server runs");
        let database = rusqlite::Connection::open(self.folder.join(DATABASE))?;
        database.execute_batch("pragma foreign_keys = off; pragma legacy_alter_table = on")?;
        for table in ["tickets", "messages", "attachments"] {
            let schema: String =
                database.query_row("select sql from sqlite_schema where name = ?1", [table], |row| row.get(0))?;
            let loose = loosen(&schema, table);
            ensure!(loose != schema, "the table {table} has no unique id");
            // The other indexes, and what happens with each row, stay.
            let mut kept = database.prepare(
                "select coalesce(group_concat(sql, ';'), '') from sqlite_schema
                 where tbl_name = ?1 and type in ('index', 'trigger') and sql is not null",
            )?;
            let kept: String = kept.query_row([table], |row| row.get(0))?;
            let copy = format!("insert into {table} select * from old_{table}; drop table old_{table}");
            database.execute_batch(&format!("alter table {table} rename to old_{table}; {loose}; {copy}; {kept}"))?;
        }
        Ok(())
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Changes the database beside the server.
    pub fn change(&self, sql: &str) -> Result<()> {
        let database = rusqlite::Connection::open(self.folder.join(DATABASE))?;
        database.busy_timeout(Duration::from_secs(10))?;
        Ok(database.execute_batch(sql)?)
    }

    /// What the database holds, read beside the server and not through it.
    pub fn database(&self) -> Result<Database> {
        Database::open(&self.folder.join(DATABASE))
    }
}

/// A table without its primary key, and without references to one that has none any more.
fn loosen(schema: &str, table: &str) -> String {
    let mut loose = schema.replace(&format!("constraint {table}_id primary key (id)"), "check (true)");
    for parent in ["tickets", "messages"] {
        loose = loose.replace(&format!(" references {parent} (id)"), "");
    }
    loose
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

/// The word after the last colon of the line that tells the set-up code. On a busy machine, the log shows the
/// slow statement that makes the tables, and that speaks of such a code in a comment.
fn setup_code(output: &str) -> Option<String> {
    let line = output.lines().find(|line| line.to_lowercase().contains("set-up code: "))?;
    line.rsplit([' ', ':']).find(|word| !word.is_empty()).map(str::to_owned)
}

/// A program of this workspace, built beside the one that asks.
pub fn program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built; run `cargo build --workspace`"))
}

/// A SQLite file, opened for reading only.
#[derive(Debug)]
pub struct Database(rusqlite::Connection);

impl Database {
    pub fn open(file: &Path) -> Result<Self> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection =
            rusqlite::Connection::open_with_flags(file, flags).with_context(|| file.display().to_string())?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(Self(connection))
    }

    /// The first column of the only row.
    pub fn one<T: rusqlite::types::FromSql>(&self, sql: &str, values: impl rusqlite::Params) -> Result<T> {
        self.0.query_row(sql, values, |row| row.get(0)).with_context(|| sql.to_owned())
    }

    pub fn count(&self, sql: &str, values: impl rusqlite::Params) -> Result<i64> {
        self.one(sql, values)
    }

    /// The first column of every row.
    pub fn column(&self, sql: &str) -> Result<Vec<String>> {
        let mut statement = self.0.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The same beside whatever else goes on: a question to a large file keeps none of its thread's tasks waiting.
    pub async fn look(file: PathBuf, sql: &str) -> Result<Vec<String>> {
        let sql = sql.to_owned();
        tokio::task::spawn_blocking(move || Self::open(&file)?.column(&sql)).await?
    }

    /// Changes a file that no server works on.
    pub fn change(file: &Path, sql: &str) -> Result<()> {
        Ok(rusqlite::Connection::open(file)?.execute_batch(sql)?)
    }

    /// The first two columns of every row.
    pub fn pairs(&self, sql: &str, values: impl rusqlite::Params) -> Result<Vec<(String, String)>> {
        let mut statement = self.0.prepare(sql)?;
        let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Database;

    #[tokio::test]
    async fn a_long_question_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.db");
        Database::change(&file, "create table numbers (number integer)").unwrap();
        let long = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
                    select 'x' || max(i) from n";
        let mut looked = std::pin::pin!(Database::look(file, long));
        let first = tokio::time::timeout(Duration::ZERO, &mut looked).await;
        assert!(first.is_err(), "who asks is asked back before the answer is there");
        assert_eq!(looked.await.unwrap(), ["x300000"]);
    }

    #[test]
    fn the_set_up_code_is_read_from_what_the_server_prints() {
        assert_eq!(super::setup_code("x\nOne-time set-up code: ABCD-EFGH\n").as_deref(), Some("ABCD-EFGH"));
        assert_eq!(super::setup_code("listening\n"), None);
        let logged = "WARN slow statement -- SHA-256 of the one-time set-up code; null once it is used.\n";
        let said = format!("{logged}Open http://x/ and enter the one-time set-up code: ABCD-EFGH\n");
        assert_eq!(super::setup_code(&said).as_deref(), Some("ABCD-EFGH"), "what a log quotes is none");
    }
}
