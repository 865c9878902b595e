//! From *Send* to durable.

use std::{path::Path, time::Instant};

use anyhow::Result;
use rusqlite::{Connection, params};

use super::Pair;
use crate::{
    bench::{Extent, Figure},
    headless::Headless,
    helpdesk::Helpdesk,
};

pub(super) async fn run(extent: Extent) -> Result<Option<Figure>> {
    let rounds = if extent.quick { 10 } else { 200 };
    let folder = tempfile::tempdir()?;
    let helpdesk = Helpdesk::open(folder.path()).await?;
    let mut agent = Headless::new(&folder.path().join("agent"), &helpdesk.server.url(), &helpdesk.enrolment_key);
    agent.start()?;
    helpdesk.welcome().await?;
    agent.welcomed().await?;
    let floor = bare(&folder.path().join("bare.db"))?;
    let description = "It does not print. ".repeat(20);
    let (mut values, mut floors) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let subject = format!("Ticket {round}");
        values.push(agent.send_timed(&subject, &description).await?.as_secs_f64() * 1000.0);
        agent.delivered(&subject).await?;
        let size: usize = agent_row(&agent.data(), &subject)?;
        let begun = Instant::now();
        floor.execute("insert into rows (id, bytes) values (?1, ?2)", params![subject, "x".repeat(size)])?;
        floors.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    agent.stop().await?;
    let floor_is = "one flushed commit of a row as long, bare SQLite";
    Ok(Pair { name: "agent.save", unit: "ms", floor_is, values: &values, floors: &floors, most: 1.5 }.at(0.5))
}

fn bare(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch("create table rows (id text primary key, bytes text not null) strict")?;
    Ok(connection)
}

fn agent_row(data: &Path, subject: &str) -> Result<usize> {
    let database = crate::server::Database::open(&data.join("deskbell.db"))?;
    let size: i64 = database.one("select length(item) from outbox where subject = ?1", [subject])?;
    Ok(usize::try_from(size)?)
}
