//! Files that are not what was written, disks that are full or fail, and two programs where there may be one.

use anyhow::Result;

use super::{Found, Order};

mod databases;
mod faults;
mod full;
mod pairs;
mod sample;
mod stores;

/// Damaged folders of the agent's, at least.
const STORES: u64 = 1_000;
const DATABASES: u64 = 150;
/// With the real programs.
const REAL: u64 = 6;
const AGENTS: u64 = 20;
const SERVERS: u64 = 10;

pub(super) async fn run(order: Order) -> Result<Found> {
    let folder = tempfile::tempdir()?;
    let sample = &sample::make(folder.path()).await?;
    if order.quick {
        let mut found = stores::run(order, sample, 60)?;
        found += faults::agents(order, sample, 6).await?;
        return Ok(found);
    }
    let fallen = |_| anyhow::anyhow!("the proof itself fell over");
    // The programs are started by this thread: they end with it.
    let programs = async {
        let mut found = full::server().await?;
        found += full::agent().await?;
        found += pairs::run(sample).await?;
        found += faults::agents(order, sample, AGENTS).await?;
        found += faults::servers(order, sample, SERVERS).await?;
        found += databases::real(order, sample, REAL).await?;
        Ok::<_, anyhow::Error>(found)
    };
    let stores = {
        let sample = sample.clone();
        tokio::task::spawn_blocking(move || {
            let mut found = stores::run(order, &sample, STORES)?;
            found += databases::run(order, &sample, DATABASES)?;
            Ok::<_, anyhow::Error>(found)
        })
    };
    let mut found = programs.await?;
    found += stores.await.map_err(fallen)??;
    Ok(found)
}
