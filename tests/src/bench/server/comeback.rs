//! `server.return`: every agent comes back at the same moment, each with a ticket. Real ones spread themselves
//! over some seconds; these do not.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;

use super::{
    live::{agents, connected, prepared},
    wire::Wire,
};
use crate::bench::{Extent, Figure, floor::percentile};

const REACH: f64 = 30.0;

pub(super) async fn run(extent: Extent) -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    let count = agents(extent);
    let (mut helpdesk, fleet) = prepared(folder.path(), count, true).await?;
    let before = connected(&helpdesk.server, &fleet, 0..count).await?;
    helpdesk.server.kill().await?;
    drop(before);
    let requests: Vec<_> =
        (0..count).map(|device| Ok((fleet.sync(device, 1)?, fleet.live(device)?))).collect::<Result<_>>()?;
    helpdesk.server.start().await?;
    let port = helpdesk.server.port();
    let begun = Instant::now();
    let each = requests.iter().enumerate().map(async |(device, (sync, live))| {
        let mut wire = Wire::open(port, device).await?;
        let answer = wire.ask(sync).await?;
        wire.follow(live).await?;
        anyhow::Ok((begun.elapsed().as_secs_f64(), answer, wire))
    });
    let back = tokio::time::timeout(Duration::from_secs(100), try_join_all(each)).await;
    let back = back.context("not everybody came back")??;
    for (device, (_, answer, _)) in back.iter().enumerate() {
        fleet.answered(device, answer, 1)?;
    }
    let stored = helpdesk.tickets()?;
    ensure!(stored == i64::try_from(count)?, "{count} came back, {stored} tickets are stored");
    let times: Vec<f64> = back.iter().map(|(seconds, ..)| *seconds).collect();
    let value = percentile(&times, 1.0).context("nobody")?;
    drop(back);
    helpdesk.server.stop().await?;
    Ok(Figure {
        name: format!("server.return {count}"),
        value,
        unit: "s",
        floor: None,
        floor_is: "none lost",
        ratio: None,
        p50: percentile(&times, 0.5),
        p95: percentile(&times, 0.95),
        rounds: 1,
        reach: Some((format!("≤ {REACH} s"), value <= REACH)),
    })
}
