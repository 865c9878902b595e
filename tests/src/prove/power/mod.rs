//! A disk that forgets what was not flushed, under the real agent and the real server.

use anyhow::Result;

use super::{Found, Order};

mod agent;
mod cuts;
mod disk;
mod kept;
pub(super) mod witness;

/// Disks that are looked at, at least.
const AGENT: u64 = 1_200;

pub(super) async fn run(order: Order) -> Result<Found> {
    let agent = agent::record(order.quick).await?;
    let mut found = agent.cut(order, AGENT, kept::check)?;
    found.notes.push(format!("agent: {} events recorded, {} disks", agent.events.len(), found.runs));
    Ok(found)
}
