//! What the agent does while nobody asks anything of it.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{processes::Work, stage::Stage};
use crate::bench::{Extent, Figure};

const FLOOR: &str = "a bare tray icon made with the same crates, at the same time";

pub(super) async fn run(stage: &mut Stage, extent: Extent) -> Result<Vec<Figure>> {
    let time = Duration::from_secs(if extent.quick { 5 } else { 300 });
    let floor = stage.floor("floor-tray").await?;
    let agent = stage.log_on().await?;
    let (before, floor_before, begun) = (agent.work()?, floor.tree.work()?, Instant::now());
    tokio::time::sleep(time).await;
    let seconds = begun.elapsed().as_secs_f64();
    let (work, floor_work) = (agent.since(&before)?, floor.tree.since(&floor_before)?);
    floor.stop().await?;
    stage.agent.stop().await?;
    let wake_ups = |work: &Work| work.wake_ups as f64 / seconds;
    let busy = |work: &Work| work.nanoseconds as f64 / seconds / 1e6;
    let beyond = wake_ups(&work) - wake_ups(&floor_work);
    let reach = Some(("≤ 1/s beyond it".to_owned(), beyond <= 1.0));
    Ok(vec![
        figure("agent.idle wake-ups", "1/s", wake_ups(&work), wake_ups(&floor_work), reach),
        figure("agent.idle processor", "ms/s", busy(&work), busy(&floor_work), None),
    ])
}

fn figure(name: &str, unit: &'static str, value: f64, floor: f64, reach: Option<(String, bool)>) -> Figure {
    Figure {
        name: name.to_owned(),
        value,
        unit,
        floor: Some(floor),
        floor_is: FLOOR,
        // A floor that did nothing at all says nothing.
        ratio: (floor > 0.0).then(|| value / floor),
        p50: None,
        p95: None,
        rounds: 1,
        reach,
    }
}
