//! The floor of the database: the rows that a submission makes, written by nothing but the engine.

use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use tokio::process::Command;

use super::fleet::{DESCRIPTION, SUBJECT, id_at, milliseconds};
use crate::{postgres::Postgres, process};

/// A copy of the server's database, with its tables, its indexes and its devices.
#[derive(Debug)]
pub(crate) struct Bare {
    connection: Connection,
    /// Client, device, installation, requester and key of each.
    devices: Vec<[String; 5]>,
    next: usize,
}

const DEVICES: &str = "select client_id, device_id, id, requester_id, public_key from installations order by id";

const STATEMENTS: [&str; 8] = [
    "insert into nonces (public_key, nonce, expires_at) values (?1, ?2, ?3)",
    "update installations set epoch = epoch + 1, epoch_before = epoch, signed_at = ?2, last_seen_at = ?2 where id = ?1",
    "update devices set os_user = 'sam', last_seen_at = ?2 where id = ?1",
    "update ticket_numbers set next = next + 1 returning next",
    "insert into tickets (id, number, client_id, requester_id, device_id, installation_id, type, subject, status,
     subject_key, can_work, affected, priority, language, context, content_hash, last_sequence, files_pending,
     written_at, received_at, updated_at, source) values (?1, ?2, ?3, ?4, ?5, ?6, 'incident', ?7, 'open', lower(?7),
     'with_difficulty', 'me', 'normal', 'en', '{}', ?8, 1, 0, ?9, ?9, ?9, 'agent')",
    "insert into messages (id, ticket_id, client_id, sequence, kind, author_kind, requester_id, author_name,
     installation_id, body, content_hash, written_at, received_at)
     values (?1, ?1, ?2, 1, 'reply', 'requester', ?3, 'Sam', ?4, ?5, ?6, ?7, ?7)",
    "insert into jobs (id, kind, payload, run_at, created_at) values (?1, 'ticket_received', ?2, ?3, ?3)",
    "insert into live_events (at, audience, client_id, installation_id, event)
     values (?1, 'console', ?2, null, ?4), (?1, 'agent', ?2, ?3, ?4)",
];

impl Bare {
    /// As durable as the server's: WAL, each commit flushed.
    pub(crate) fn copy(database: &Path, to: &Path) -> Result<Self> {
        Connection::open(database)?.execute("vacuum into ?1", [to.to_str().context("a path that is no text")?])?;
        let connection = Connection::open(to)?;
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on")?;
        let mut statement = connection.prepare(DEVICES)?;
        let rows =
            statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]))?;
        let devices = rows.collect::<rusqlite::Result<_>>()?;
        drop(statement);
        Ok(Self { connection, devices, next: 0 })
    }

    /// The rows of so many tickets, in commits of `batch`.
    pub(crate) fn submit(&mut self, tickets: usize, batch: usize) -> Result<()> {
        let mut left = tickets;
        while left > 0 {
            let now = batch.min(left);
            let transaction = self.connection.unchecked_transaction()?;
            for _ in 0..now {
                let device = &self.devices[self.next % self.devices.len()];
                self.next += 1;
                ticket(&transaction, device, milliseconds()?)?;
            }
            transaction.commit()?;
            left -= now;
        }
        Ok(())
    }
}

fn ticket(connection: &Connection, device: &[String; 5], now: i64) -> Result<()> {
    let [client, device, installation, requester, key] = device;
    let [nonce, seen, seen_device, number, new, message, job, live] = STATEMENTS;
    let prepared = |sql: &str| connection.prepare_cached(sql);
    let (id, hash) = (id_at(now).to_string(), "5".repeat(64));
    let payload = format!(
        r#"{{"to":"desk@northwind.example","to_name":"Sam","language":"en","organization":"Harbour IT","kind":"ticket_received","ticket":"{id}","number":1,"subject":"{SUBJECT}"}}"#
    );
    let event = format!(r#"{{"event":"ticket","id":"{id}","client":"{client}"}}"#);
    prepared(nonce)?.execute(params![key, id_at(now).to_string(), now])?;
    prepared(seen)?.execute(params![installation, now])?;
    prepared(seen_device)?.execute(params![device, now])?;
    let number: i64 = prepared(number)?.query_row([], |row| row.get(0))?;
    prepared(new)?.execute(params![id, number, client, requester, device, installation, SUBJECT, hash, now])?;
    prepared(message)?.execute(params![id, client, requester, installation, DESCRIPTION, hash, now])?;
    prepared(job)?.execute(params![id_at(now).to_string(), payload, now])?;
    prepared(live)?.execute(params![now, client, installation, event])?;
    Ok(())
}

/// The same rows with pgbench, a transaction for each ticket.
fn script(devices: &str) -> String {
    format!(
        r#"\set device random(1, {devices})
select gen_random_uuid()::text as id, gen_random_uuid()::text as job, gen_random_uuid()::text as nonce, client_id, device_id, id as installation, requester_id, public_key, 1700000000000 as now from floor_devices where number = :device \gset
begin;
insert into nonces (public_key, nonce, expires_at) values (:public_key, :nonce, :now);
update installations set epoch = epoch + 1, epoch_before = epoch, signed_at = :now, last_seen_at = :now where id = :installation;
update devices set os_user = 'sam', last_seen_at = :now where id = :device_id;
select nextval('ticket_numbers') as ticket_number \gset
insert into tickets (id, number, client_id, requester_id, device_id, installation_id, type, subject, status, subject_key, can_work, affected, priority, language, context, content_hash, last_sequence, files_pending, written_at, received_at, updated_at, source) values (:id, :ticket_number, :client_id, :requester_id, :device_id, :installation, 'incident', '{SUBJECT}', 'open', lower('{SUBJECT}'), 'with_difficulty', 'me', 'normal', 'en', '{{}}', repeat('5', 64), 1, 0, :now, :now, :now, 'agent');
insert into messages (id, ticket_id, client_id, sequence, kind, author_kind, requester_id, author_name, installation_id, body, content_hash, written_at, received_at) values (:id, :id, :client_id, 1, 'reply', 'requester', :requester_id, 'Sam', :installation, '{DESCRIPTION}', repeat('5', 64), :now, :now);
insert into jobs (id, kind, payload, run_at, created_at) values (:job, 'ticket_received', '{{"to":"desk@northwind.example","to_name":"Sam","subject":"{SUBJECT}"}}', :now, :now);
insert into live_events (at, audience, client_id, installation_id, event) values (:now, 'console', :client_id, null, '{{"event":"ticket"}}'), (:now, 'agent', :client_id, :installation, '{{"event":"ticket"}}');
commit;
"#
    )
}

/// A second database like the server's, on the same PostgreSQL.
#[derive(Debug)]
pub(crate) struct BarePostgres<'a> {
    postgres: &'a Postgres,
    database: String,
    script: std::path::PathBuf,
}

impl<'a> BarePostgres<'a> {
    /// Nobody may be connected to the one that is copied.
    pub(crate) async fn copy(postgres: &'a Postgres, of: &str, folder: &Path) -> Result<Self> {
        let database = format!("{of}_bare");
        postgres.sql(&format!("create database {database} template {of}")).await?;
        let make = format!(
            "create table floor_devices as select row_number() over () as number, f.* from ({DEVICES}) f;
             create index floor_devices_number on floor_devices (number); analyze"
        );
        postgres.sql_in(&database, &make).await?;
        let devices = postgres.sql_in(&database, "select count(*) from floor_devices").await?;
        let file = folder.join("submit.pgbench");
        std::fs::write(&file, script(&devices))?;
        Ok(Self { postgres, database, script: file })
    }

    /// Transactions a second.
    pub(crate) async fn submit(&self, each: usize, clients: usize) -> Result<f64> {
        let mut pgbench = Command::new(self.postgres.program("pgbench"));
        let (each, clients) = (each.to_string(), clients.to_string());
        pgbench.args(["-n", "-M", "prepared", "-j", "2", "-c", &clients, "-t", &each, "-f"]).arg(&self.script);
        pgbench.arg(self.postgres.url(&self.database));
        let said = String::from_utf8(process::run(pgbench).await?)?;
        let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")).and_then(|rest| rest.split(' ').next());
        Ok(tps.with_context(|| said.clone())?.parse()?)
    }
}
