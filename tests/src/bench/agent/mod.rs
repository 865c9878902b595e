//! What a person feels of the agent, and what it takes of their machine.

use anyhow::Result;

use super::{Extent, Figure, floor::percentile};

mod idle;
mod key;
mod memory;
mod processes;
mod save;
mod screen;
mod stage;

use stage::Stage;

pub(super) async fn run(wanted: &dyn Fn(&str) -> bool, extent: Extent) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if ["key.warm", "key.first", "agent.memory", "agent.idle"].into_iter().any(wanted) {
        let mut stage = Stage::open().await?;
        if wanted("key.warm") {
            figures.extend(key::warm(&mut stage, extent).await?);
        }
        if wanted("key.first") {
            figures.extend(key::first(&mut stage, extent).await?);
        }
        if wanted("agent.memory") {
            figures.extend(memory::run(&mut stage, extent).await?);
        }
        if wanted("agent.idle") {
            figures.extend(idle::run(&mut stage, extent).await?);
        }
    }
    if wanted("agent.save") {
        figures.extend(save::run(extent).await?);
    }
    Ok(figures)
}

/// What was measured beside its floor, as often as that: the medians, and how far apart they are.
#[derive(Clone, Copy)]
struct Pair<'a> {
    name: &'a str,
    unit: &'static str,
    floor_is: &'static str,
    values: &'a [f64],
    floors: &'a [f64],
    /// The most that the ratio may be.
    most: f64,
}

impl Pair<'_> {
    /// Compares what `part` of all rounds do not exceed: 0.5 is the median.
    fn at(&self, part: f64) -> Option<Figure> {
        let (value, floor) = (percentile(self.values, part)?, percentile(self.floors, part)?);
        let ratio = value / floor;
        Some(Figure {
            name: self.name.to_owned(),
            value,
            unit: self.unit,
            floor: Some(floor),
            floor_is: self.floor_is,
            ratio: Some(ratio),
            p50: percentile(self.values, 0.5),
            p95: percentile(self.values, 0.95),
            rounds: self.values.len() as u64,
            reach: Some((format!("≤ {} ×", self.most), ratio <= self.most)),
        })
    }
}
