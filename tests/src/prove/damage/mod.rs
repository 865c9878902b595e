//! Files that are not what was written, disks that are full or fail, and two programs where there may be one.

use anyhow::Result;

use super::{Found, Order};

mod sample;
mod stores;

/// Damaged folders of the agent's, at least.
const STORES: u64 = 1_000;

pub(super) async fn run(order: Order) -> Result<Found> {
    let folder = tempfile::tempdir()?;
    let sample = sample::make(folder.path()).await?;
    let least = if order.quick { 50 } else { STORES };
    let found = std::thread::scope(|scope| {
        let looking = scope.spawn(|| stores::run(order, &sample, least));
        looking.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the proof itself fell over")))
    })?;
    Ok(found)
}
