//! `server.live`: what an idle connected agent costs in memory.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};

use super::{
    fleet::Fleet,
    processor,
    stream::{Bare, REQUEST},
    wire::Wire,
};
use crate::{
    bench::{Extent, Figure, pss},
    helpdesk::Helpdesk,
    server::Server,
    wait::until,
};

/// Connections that are opened at a time.
const AT_ONCE: usize = 128;

pub(super) const fn agents(extent: Extent) -> usize {
    if extent.quick { 60 } else { 10_000 }
}

pub(super) async fn run(extent: Extent) -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    let count = agents(extent);
    let (mut helpdesk, fleet) = prepared(folder.path(), count, true).await?;
    let bare = Bare::start(&folder.path().join("bare.log")).await?;
    // The first ones warm each up: what a process keeps for good is not what a connection costs. One after the other:
    // this program has as many ends of connections as both together.
    let first = count / 20;
    let server = helpdesk.server.id().unwrap_or_default();
    let each = |after: f64, before: f64| (after - before) / (count - first) as f64 / 1024.0;

    let warm = connected(&helpdesk.server, &fleet, 0..first).await?;
    quiet(&helpdesk.server).await?;
    let before = pss::bytes(server)?;
    let held = connected(&helpdesk.server, &fleet, first..count).await?;
    quiet(&helpdesk.server).await?;
    let value = each(pss::bytes(server)?, before);
    ensure!(held.len() == count - first && warm.len() == first, "some of them have gone");
    drop((warm, held));

    let warm = streams(bare.port, first).await?;
    let before = pss::bytes(bare.id()?)?;
    let held = streams(bare.port, count - first).await?;
    let floor = each(pss::bytes(bare.id()?)?, before);
    drop((warm, held));
    helpdesk.server.stop().await?;
    bare.end().await?;
    let ratio = value / floor;
    Ok(Figure {
        name: format!("server.live {count}"),
        value,
        unit: "KiB/agent",
        floor: Some(floor),
        floor_is: "an empty stream in bare hyper",
        ratio: Some(ratio),
        p50: None,
        p95: None,
        rounds: 1,
        reach: Some(("≤ 2".into(), ratio <= 2.0)),
    })
}

/// A helpdesk in use, with so many devices.
pub(super) async fn prepared(folder: &std::path::Path, count: usize, enabled: bool) -> Result<(Helpdesk, Fleet)> {
    let server = Server::new(&folder.join("server"), &folder.join("server.log"))?;
    let helpdesk = Helpdesk::with(server).await?;
    let (fleet, sql) = Fleet::new(helpdesk.server.http(), &helpdesk.server.url(), count).await?;
    helpdesk.server.change(&format!("begin immediate; {sql}; update clients set enablement = {enabled}; commit"))?;
    Ok((helpdesk, fleet))
}

/// The live connections of these devices, all open.
pub(super) async fn connected(server: &Server, fleet: &Fleet, devices: std::ops::Range<usize>) -> Result<Vec<Wire>> {
    let port = server.port();
    let opening = stream::iter(devices).map(async |device| {
        let mut wire = Wire::open(port, device).await?;
        wire.follow(&fleet.live(device)?).await?;
        anyhow::Ok(wire)
    });
    opening.buffered(AT_ONCE).try_collect().await
}

/// As many streams of the floor.
pub(super) async fn streams(port: u16, count: usize) -> Result<Vec<Wire>> {
    let opening = stream::iter(0..count).map(async |turn| {
        let mut wire = Wire::open(port, turn).await?;
        wire.follow(REQUEST).await?;
        anyhow::Ok(wire)
    });
    opening.buffered(AT_ONCE).try_collect().await
}

/// Waits until the server has done what there was to do.
pub(super) async fn quiet(server: &Server) -> Result<()> {
    let mut before = processor::of(server)?;
    let mut calm = 0;
    until("the server is quiet", Duration::from_secs(120), async || {
        let now = processor::of(server)?;
        // It looks twenty times a second: a second without a hundredth of work.
        calm = if now > before { 0 } else { calm + 1 };
        before = now;
        Ok((calm >= 20).then_some(()))
    })
    .await
}
