//! `agent.drain`: what an agent wrote while the server was away, until both ends hold it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use super::{fleet::Fleet, submit};
use crate::{
    bench::{Extent, Figure},
    headless::Headless,
    helpdesk::Helpdesk,
    server::{Database, Server},
    wait::until,
};

const REACH: f64 = 0.8;
const CONNECTIONS: usize = 16;
const UNDELIVERED: &str = "select count(*) from outbox where delivered_at is null";
const WRITING: Duration = Duration::from_secs(600);

pub(super) async fn run(extent: Extent) -> Result<Figure> {
    let count: u32 = if extent.quick { 60 } else { 10_000 };
    let folder = tempfile::tempdir()?;
    let server = Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?.with_log("warn");
    let mut helpdesk = Helpdesk::with(server).await?;
    let mut agent = Headless::new(&folder.path().join("agent"), &helpdesk.server.url(), &helpdesk.enrolment_key);
    agent.start()?;
    helpdesk.welcome().await?;
    agent.welcomed().await?;
    let submitted = if extent.quick { 60 } else { 2_000 };
    let (fleet, sql) = Fleet::new(helpdesk.server.http(), &helpdesk.server.url(), submitted).await?;
    helpdesk.server.change(&format!("begin immediate; {sql}; update clients set enablement = true; commit"))?;
    // Before and after the agent's turn: what else this machine does comes and goes.
    let mut floor = submit::Rounds::default();
    submit::measured(&helpdesk.server, &fleet, CONNECTIONS, submitted, &mut floor).await?;
    helpdesk.server.stop().await?;
    for number in 0..count {
        let order =
            json!({"submit": {"subject": format!("Ticket {number}"), "description": super::fleet::DESCRIPTION}});
        agent.order(order).await?;
    }
    let outbox = agent.data().join("deskbell.db");
    let waiting = i64::from(count);
    until("everything is written", WRITING, async || {
        let written = Database::open(&outbox)?.count(UNDELIVERED, [])?;
        Ok((written == waiting).then_some(()))
    })
    .await?;
    helpdesk.server.start().await?;
    let before = helpdesk.tickets()?;
    let begun = Instant::now();
    agent.order(json!({"retry_now": {}})).await?;
    until("everything is delivered", WRITING, async || {
        let left = Database::open(&outbox)?.count(UNDELIVERED, [])?;
        Ok((left == 0).then_some(()))
    })
    .await?;
    let value = f64::from(count) / begun.elapsed().as_secs_f64();
    let stored = helpdesk.tickets()? - before;
    ensure!(stored == waiting, "{count} are delivered, {stored} are stored");
    agent.stop().await?;
    submit::measured(&helpdesk.server, &fleet, CONNECTIONS, submitted, &mut floor).await?;
    helpdesk.server.stop().await?;
    let floor = floor.ours.iter().sum::<f64>() / floor.ours.len() as f64;
    let ratio = value / floor;
    Ok(Figure {
        name: format!("agent.drain {count}"),
        value,
        unit: "tickets/s",
        floor: Some(floor),
        floor_is: "the server's submit rate, 16 connections",
        ratio: Some(ratio),
        p50: None,
        p95: None,
        rounds: 1,
        reach: Some((format!("≥ {REACH}"), ratio >= REACH)),
    })
}
