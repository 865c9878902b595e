//! From the key to the form.

use std::time::Duration;

use anyhow::Result;

use super::{
    Pair,
    screen::{F11, F12},
    stage::Stage,
};
use crate::bench::{Extent, Figure};

/// What a program still does once its form is painted is over by then: nobody presses the key sooner again.
const REST: Duration = Duration::from_millis(200);
/// Typed at the moment that the window has the focus.
const TYPED: &str = "the printer in the hall is on fire";

/// The second press, and every later one; and what of it a page in a window takes by itself.
pub(super) async fn warm(stage: &mut Stage, extent: Extent) -> Result<Vec<Figure>> {
    let rounds = if extent.quick { 5 } else { 100 };
    stage.log_on().await?;
    let floor = stage.floor("floor-window").await?;
    let (screen, spot) = (&stage.screen, stage.spot);
    let floor_spot = screen.find(F11).await?;
    screen.close(floor_spot).await?;
    screen.open(F12, spot, "").await?;
    screen.close(spot).await?;
    let (mut values, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floors.push(screen.open(F11, floor_spot, "").await?.painted.as_secs_f64() * 1000.0);
        screen.close(floor_spot).await?;
        tokio::time::sleep(REST).await;
        values.push(screen.open(F12, spot, "").await?.painted.as_secs_f64() * 1000.0);
        screen.close(spot).await?;
        tokio::time::sleep(REST).await;
    }
    floor.stop().await?;
    // Both floors hold the same key, so that they cannot take turns.
    let page = stage.floor("floor-webview").await?;
    let (screen, mut pages) = (&stage.screen, Vec::new());
    let page_spot = screen.find(F11).await?;
    screen.close(page_spot).await?;
    for _ in 0..rounds {
        pages.push(screen.open(F11, page_spot, "").await?.painted.as_secs_f64() * 1000.0);
        screen.close(page_spot).await?;
        tokio::time::sleep(REST).await;
    }
    page.stop().await?;
    stage.agent.stop().await?;
    let floor_is = "a bare GTK window shown by the same key grab";
    let pair = Pair { name: "key.warm", unit: "ms", floor_is, values: &values, floors: &floors, most: 1.5 };
    let page = Pair { name: "key.warm, a bare page", values: &pages, most: f64::INFINITY, ..pair };
    Ok(pair.at(0.95).into_iter().chain(page.at(0.95).map(|figure| Figure { reach: None, ..figure })).collect())
}

/// The first press after log-on.
pub(super) async fn first(stage: &mut Stage, extent: Extent) -> Result<Vec<Figure>> {
    let rounds = if extent.quick { 1 } else { 15 };
    let floor = stage.floor("floor-webview").await?;
    let floor_spot = stage.screen.find(F11).await?;
    floor.stop().await?;
    let (mut values, mut floors, mut lost) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        let floor = stage.floor("floor-webview").await?;
        floors.push(stage.screen.open(F11, floor_spot, TYPED).await?.painted.as_secs_f64() * 1000.0);
        floor.stop().await?;
        stage.log_on().await?;
        values.push(stage.screen.open(F12, stage.spot, TYPED).await?.painted.as_secs_f64() * 1000.0);
        let kept = stage.typed(TYPED).await?;
        lost += if kept == TYPED { 0 } else { TYPED.len().saturating_sub(kept.len()).max(1) };
        stage.agent.stop().await?;
    }
    let floor_is = "a bare WebKitGTK window, cold, with the same page";
    let pair = Pair { name: "key.first", unit: "ms", floor_is, values: &values, floors: &floors, most: 1.5 };
    Ok(pair.at(0.5).into_iter().chain([strokes(lost, rounds)]).collect())
}

fn strokes(lost: usize, rounds: u64) -> Figure {
    Figure {
        name: "key.first lost".to_owned(),
        value: lost as f64,
        unit: "strokes",
        floor: None,
        floor_is: "typed from the focus on, and not kept",
        ratio: None,
        p50: None,
        p95: None,
        rounds,
        reach: Some(("0".to_owned(), lost == 0)),
    }
}
