//! A fresh PostgreSQL cluster of Debian's packages, gone at the end.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::{
    process::{self, Process, START, free_port},
    wait::until,
};

#[derive(Debug)]
pub struct Postgres {
    _process: Process,
    port: u16,
    programs: PathBuf,
    made: std::sync::atomic::AtomicU32,
    /// Dropped last: the server has ended by then.
    folder: tempfile::TempDir,
}

impl Postgres {
    pub async fn start() -> Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("deskbell-postgres-").tempdir()?;
        hand_over(folder.path()).await?;
        let data = folder.path().join("data");
        let mut initdb = unprivileged(&programs.join("initdb"));
        initdb
            .args(["--username=deskbell", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data);
        process::run(initdb).await?;
        let port = free_port()?;
        let mut command = unprivileged(&programs.join("postgres"));
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories=", "-c", "max_connections=400"]);
        let log = folder.path().join("postgres.log");
        let process = Process::start("postgres", command, &log)?;
        let made = std::sync::atomic::AtomicU32::new(0);
        let postgres = Self { _process: process, port, programs, made, folder };
        until("PostgreSQL accepts connections", START, async || postgres.sql("select 1").await.map(Some)).await?;
        Ok(postgres)
    }

    /// Runs SQL as the superuser; the answer unaligned, one line a row.
    pub async fn sql(&self, sql: &str) -> Result<String> {
        self.sql_in("postgres", sql).await
    }

    pub async fn sql_in(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql]);
        Ok(String::from_utf8(process::run(psql).await?)?.trim().to_owned())
    }

    /// Runs a file of SQL: more of it than fits on a command line.
    pub async fn run_file(&self, database: &str, file: &Path) -> Result<()> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-Xq", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-f"]).arg(file);
        process::run(psql).await.map(drop)
    }

    /// One of PostgreSQL's own programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A new, empty database; its name.
    pub async fn database(&self) -> Result<String> {
        let name = format!("deskbell_{}", self.made.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        self.sql(&format!("create database {name}")).await?;
        Ok(name)
    }

    /// What it says, line by line.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }

    /// The address of the server, to which a database's name is added.
    #[must_use]
    pub fn server(&self) -> String {
        format!("postgres://deskbell@127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.server())
    }
}

/// The newest version that Debian has installed.
fn programs() -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is missing: cargo xtask setup")?;
    let newest = versions.filter_map(|v| v.ok()?.file_name().to_str()?.parse::<u32>().ok()).max();
    let newest = newest.context("PostgreSQL is missing: cargo xtask setup")?;
    Ok(PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin")))
}

/// PostgreSQL refuses to run as root; `postgres` is the user that Debian's package makes for it.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    // A fast shutdown; the default TERM would wait for clients to leave.
    command.args(["--pdeathsig", "INT", "--"]).arg(program);
    command.current_dir("/").kill_on_drop(true);
    command
}

async fn hand_over(folder: &Path) -> Result<()> {
    if !is_root() {
        return Ok(());
    }
    let mut chown = Command::new("chown");
    chown.arg("postgres:postgres").arg(folder);
    process::run(chown).await.map(drop)
}

/// PostgreSQL refuses to run as root.
fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}
