//! `server.enable`: a click that concerns every device of a client, until the last one knows.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use serde_json::json;

use super::{
    live::{agents, connected, prepared, quiet, streams},
    stream::Bare,
    wire::Wire,
};
use crate::bench::{Extent, Figure, floor::percentile};

/// What every device is told.
const TOLD: &[u8] = b"data: {\"event\":\"state\"}";
const REACH: f64 = 1000.0;

pub(super) async fn run(extent: Extent) -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    let count = agents(extent);
    let (mut helpdesk, fleet) = prepared(folder.path(), count, false).await?;
    let mut wires = connected(&helpdesk.server, &fleet, 0..count).await?;
    let clients = helpdesk.api.get("/clients").await?;
    let client = clients[0]["id"].as_str().context("no client")?;
    let (mut ours, mut last, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = if extent.quick { 2 } else { 10 };
    for round in 0..rounds {
        quiet(&helpdesk.server).await?;
        let begun = Instant::now();
        let choice = json!({"enabled": round % 2 == 0, "include_device_choices": false});
        let path = format!("/clients/{client}/enablement");
        let click = helpdesk.api.put(&path, choice);
        let (_, times) = tokio::try_join!(click, told(&mut wires, begun))?;
        last.push(times.iter().copied().fold(0.0, f64::max));
        ours.extend(times);
    }
    drop(wires);
    helpdesk.server.stop().await?;
    // One after the other: systems let a program have as many connections as that, and not twice as many.
    let mut bare = Bare::start(&folder.path().join("bare.log")).await?;
    let mut wires = streams(bare.port, count).await?;
    for _ in 0..rounds {
        let begun = Instant::now();
        bare.tell().await?;
        let times = told(&mut wires, begun).await?;
        floor.push(times.into_iter().fold(0.0, f64::max));
    }
    drop(wires);
    bare.end().await?;
    let value = percentile(&last, 0.99).context("no rounds")?;
    let floor = percentile(&floor, 0.5).context("no rounds")?;
    Ok(Figure {
        name: format!("server.enable {count}"),
        value,
        unit: "ms",
        floor: Some(floor),
        floor_is: "as many bare sends",
        ratio: Some(value / floor),
        p50: percentile(&ours, 0.5),
        p95: percentile(&ours, 0.95),
        rounds,
        reach: Some((format!("p99 ≤ {REACH} ms"), value <= REACH)),
    })
}

/// Milliseconds after which each of them was told.
async fn told(wires: &mut [Wire], begun: Instant) -> Result<Vec<f64>> {
    let each = wires.iter_mut().map(async |wire| {
        wire.until(TOLD).await?;
        anyhow::Ok(begun.elapsed().as_secs_f64() * 1e3)
    });
    tokio::time::timeout(Duration::from_secs(60), try_join_all(each)).await.context("not everybody was told")?
}
