//! How much the server takes in, how fast it tells, and what a connection costs.

use anyhow::Result;

use super::{Extent, Figure};

mod bare;
mod comeback;
mod drain;
mod enable;
mod fleet;
mod live;
mod processor;
pub mod stream;
mod submit;
mod wire;

pub(super) async fn run(wanted: &dyn Fn(&str) -> bool, extent: Extent) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if wanted("server.submit") {
        figures.extend(submit::sqlite(extent).await?);
    }
    if wanted("server.submit.pg") {
        figures.extend(submit::postgres(extent).await?);
    }
    if wanted("agent.drain") {
        figures.push(drain::run(extent).await?);
    }
    if wanted("server.live") {
        figures.push(live::run(extent).await?);
    }
    if wanted("server.enable") {
        figures.push(enable::run(extent).await?);
    }
    if wanted("server.return") {
        figures.push(comeback::run(extent).await?);
    }
    Ok(figures)
}
