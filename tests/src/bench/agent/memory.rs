//! What the agent keeps of the machine's memory.

use std::time::Duration;

use anyhow::Result;

use super::{
    Pair,
    screen::{F11, F12},
    stage::Stage,
};
use crate::bench::{Extent, Figure};

pub(super) async fn run(stage: &mut Stage, extent: Extent) -> Result<Vec<Figure>> {
    let (rounds, closed_for) = if extent.quick { (1, 5) } else { (5, 600) };
    let floor = stage.floor("floor-webview").await?;
    let floor_spot = stage.screen.find(F11).await?;
    floor.stop().await?;
    let (mut trays, mut tray_floors, mut forms, mut form_floors) = (vec![], vec![], vec![], vec![]);
    let mut closed = Vec::new();
    for round in 1..=rounds {
        let floor = stage.floor("floor-tray").await?;
        tray_floors.push(floor.tree.memory()?);
        floor.stop().await?;
        let floor = stage.floor("floor-webview").await?;
        stage.screen.open(F11, floor_spot, "").await?;
        floor.tree.settled().await?;
        form_floors.push(floor.tree.memory()?);
        floor.stop().await?;
        let tree = stage.log_on().await?;
        trays.push(tree.memory()?);
        stage.screen.open(F12, stage.spot, "").await?;
        tree.settled().await?;
        forms.push(tree.memory()?);
        if round == rounds {
            stage.screen.close(stage.spot).await?;
            tokio::time::sleep(Duration::from_secs(closed_for)).await;
            tree.settled().await?;
            closed.push(tree.memory()?);
        }
        stage.agent.stop().await?;
    }
    let tray = "a bare tray icon made with the same crates";
    let page = "a bare WebKitGTK window with the same page";
    let later = format!("agent.memory {closed_for} s after closing");
    let pair = |name, floor_is, values, floors, most| Pair { name, unit: "MB", floor_is, values, floors, most }.at(0.5);
    let figures = [
        pair("agent.memory tray only", tray, &trays, &tray_floors, 1.3),
        pair("agent.memory form open", page, &forms, &form_floors, 1.2),
        pair(&later, tray, &closed, &tray_floors, 1.5),
    ];
    Ok(figures.into_iter().flatten().collect())
}
