//! A disk that forgets what was not flushed, under the real agent and the real server.

use anyhow::Result;

use super::{Found, Order};

mod agent;
pub(super) mod cuts;
mod disk;
pub(super) mod kept;
mod server;
pub(super) mod stored;
pub(super) mod witness;

/// Disks that are looked at, at least; a round over all boundaries that has begun goes to its end.
const AGENT: u64 = 1_500;
const SERVER: u64 = 1_000;

pub(super) async fn run(order: Order) -> Result<Found> {
    // Half of the time for each.
    let half = Order::new(order.seed, order.time / 2, order.quick);
    let agent = agent::record(order.quick).await?;
    let mut found = agent.cut(half, AGENT, kept::check)?;
    found.notes.push(format!("agent: {} events recorded, {} disks", agent.events.len(), found.runs));
    if order.quick && !found.violations.is_empty() {
        return Ok(found);
    }
    let server = server::record(order.quick).await?;
    let half = Order::new(order.seed, order.time / 2, order.quick);
    let stored = server.cut(half, SERVER, stored::check)?;
    found.notes.push(format!("server: {} events recorded, {} disks", server.events.len(), stored.runs));
    found += stored;
    Ok(found)
}
