//! `server.submit`: how many signed tickets a second become durable, each in a request of its own, from a device
//! of its own.

use std::{cell::RefCell, net::Ipv4Addr, time::Instant};

use anyhow::{Context, Result, ensure};
use tokio::net::TcpListener;

use super::{
    bare::{Bare, BarePostgres},
    fleet::Fleet,
    processor,
    wire::Wire,
};
use crate::{
    bench::{Extent, Figure, floor::percentile},
    helpdesk::Helpdesk,
    postgres::Postgres,
    server::Server,
};

/// Connections, and what part of the floor they should reach.
const SQLITE: [(usize, Option<f64>); 3] = [(1, None), (16, Some(0.25)), (64, Some(0.4))];
const POSTGRES: (usize, Option<f64>) = (16, Some(0.5));

/// What the rounds of one number of connections have shown.
#[derive(Default)]
pub(super) struct Rounds {
    /// Tickets a second.
    pub(super) ours: Vec<f64>,
    floor: Vec<f64>,
    /// Seconds of a processor for each ticket: the server's and the harness's.
    server: Vec<f64>,
    harness: Vec<f64>,
}

const fn rounds(extent: Extent) -> usize {
    if extent.quick { 2 } else { 5 }
}

/// Tickets of one round: enough that it takes a while.
fn tickets(connections: usize, extent: Extent) -> usize {
    let each = if extent.quick { 2 } else { 100 };
    (connections * each).clamp(8, if extent.quick { 64 } else { 3_000 })
}

pub(super) async fn sqlite(extent: Extent) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let server = Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?.with_log("warn");
    let mail = silent().await?;
    let mut helpdesk = Helpdesk::with(server.with_mail(mail.local_addr()?.port())).await?;
    let (fleet, sql) = Fleet::new(helpdesk.server.http(), &helpdesk.server.url(), tickets(64, extent)).await?;
    helpdesk.server.change(&format!("begin immediate; {sql}; update clients set enablement = true; commit"))?;
    let database = helpdesk.server.folder().join("deskbell.db");
    let mut bare = Bare::copy(&database, &folder.path().join("bare.db"))?;
    let mut figures = Vec::new();
    let mut sent = 0;
    for (connections, reach) in SQLITE {
        let count = tickets(connections, extent);
        let mut found = Rounds::default();
        for _ in 0..rounds(extent) {
            measured(&helpdesk.server, &fleet, connections, count, &mut found).await?;
            sent += count;
            let begun = Instant::now();
            bare.submit(count, connections)?;
            found.floor.push(count as f64 / begun.elapsed().as_secs_f64());
        }
        figures.push(figure("server.submit", connections, reach, "flushed batches, bare SQLite", &found)?);
    }
    let stored = helpdesk.tickets()?;
    ensure!(stored == i64::try_from(sent)?, "{sent} were answered, {stored} are stored");
    helpdesk.server.stop().await?;
    Ok(figures)
}

pub(super) async fn postgres(extent: Extent) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let postgres = Postgres::start().await?;
    let database = postgres.database().await?;
    let server = Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?.with_log("warn");
    let mail = silent().await?;
    let server = server.with_mail(mail.local_addr()?.port()).with("DATABASE_URL", postgres.url(&database));
    let mut helpdesk = Helpdesk::with(server).await?;
    let (connections, reach) = POSTGRES;
    let count = tickets(connections, extent);
    let (fleet, sql) = Fleet::new(helpdesk.server.http(), &helpdesk.server.url(), count).await?;
    helpdesk.server.stop().await?;
    let file = folder.path().join("fleet.sql");
    std::fs::write(&file, format!("begin; {sql}; update clients set enablement = true; commit; analyze;"))?;
    postgres.run_file(&database, &file).await?;
    let bare = BarePostgres::copy(&postgres, &database, folder.path()).await?;
    helpdesk.server.start().await?;
    let mut found = Rounds::default();
    for _ in 0..rounds(extent) {
        measured(&helpdesk.server, &fleet, connections, count, &mut found).await?;
        found.floor.push(bare.submit((count / connections).max(1), connections).await?);
    }
    let stored: usize = postgres.sql_in(&database, "select count(*) from tickets").await?.parse()?;
    ensure!(stored == count * rounds(extent), "{} were answered, {stored} are stored", count * rounds(extent));
    helpdesk.server.stop().await?;
    Ok(vec![figure("server.submit.pg", connections, reach, "pgbench, the same rows one by one", &found)?])
}

/// A mail server that says nothing: the floor writes the jobs, and nobody carries them out there.
async fn silent() -> Result<TcpListener> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)
}

fn figure(
    name: &str,
    connections: usize,
    reach: Option<f64>,
    floor_is: &'static str,
    found: &Rounds,
) -> Result<Figure> {
    let middle = |values: &[f64]| percentile(values, 0.5).context("no rounds");
    let (value, floor) = (middle(&found.ours)?, middle(&found.floor)?);
    // Of rounds that lie beside each other: what else this machine does comes and goes.
    let ratios: Vec<f64> = found.ours.iter().zip(&found.floor).map(|(ours, floor)| ours / floor).collect();
    let ratio = middle(&ratios)?;
    eprintln!(
        "{name} {connections}: the server takes {:.0} µs of a processor for a ticket, the harness {:.0} µs",
        middle(&found.server)? * 1e6,
        middle(&found.harness)? * 1e6
    );
    Ok(Figure {
        name: format!("{name} {connections}"),
        value,
        unit: "tickets/s",
        floor: Some(floor),
        floor_is,
        ratio: Some(ratio),
        p50: Some(value),
        // What 95 of 100 rounds reach.
        p95: percentile(&found.ours, 0.05),
        rounds: found.ours.len() as u64,
        reach: reach.map(|reach| (format!("≥ {reach}"), ratio >= reach)),
    })
}

/// One round: everything is signed before the clock runs, and read after it.
pub(super) async fn measured(
    server: &Server,
    fleet: &Fleet,
    connections: usize,
    count: usize,
    found: &mut Rounds,
) -> Result<()> {
    let requests: Vec<Vec<u8>> = (0..count).map(|device| fleet.sync(device, 1)).collect::<Result<_>>()?;
    let mut wires = Vec::with_capacity(connections);
    for turn in 0..connections {
        wires.push(Wire::open(server.port(), turn).await?);
    }
    let (mut own, mut theirs) = (processor::own()?, processor::of(server)?);
    let begun = Instant::now();
    let answers = exchanged(wires, &requests).await?;
    found.ours.push(count as f64 / begun.elapsed().as_secs_f64());
    own = processor::own()? - own;
    theirs = processor::of(server)? - theirs;
    found.harness.push(own / count as f64);
    found.server.push(theirs / count as f64);
    for (device, answer) in answers {
        fleet.answered(device, &answer, 1)?;
    }
    Ok(())
}

type Answers = Vec<(usize, (u16, Vec<u8>))>;

/// Each connection takes the next request as soon as its last one is answered.
async fn exchanged(wires: Vec<Wire>, requests: &[Vec<u8>]) -> Result<Answers> {
    let state = RefCell::new((0, Vec::with_capacity(requests.len())));
    let each = wires.into_iter().map(async |mut wire| {
        loop {
            let device = {
                let next = &mut state.borrow_mut().0;
                *next += 1;
                *next - 1
            };
            let Some(request) = requests.get(device) else { return Ok(()) };
            let answer = wire.ask(request).await?;
            state.borrow_mut().1.push((device, answer));
        }
    });
    let done: Result<Vec<()>> = futures::future::try_join_all(each).await;
    done?;
    Ok(state.into_inner().1)
}
