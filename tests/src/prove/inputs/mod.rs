//! Every address with every kind of input: schemathesis reads the description of the API and tries what it
//! says, and what it does not. And fuzzers for what is read before anybody is known.

mod described;
mod fuzzed;

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Found, Order};
use crate::postgres::Postgres;
use described::{Database, Who};

/// What CI gives to each of the four runs: the first two try everything, the others little.
const SHORT: [Duration; 4] =
    [Duration::from_secs(18), Duration::from_secs(18), Duration::from_secs(6), Duration::from_secs(8)];

pub(super) async fn run(order: Order) -> Result<Found> {
    let mut found = Found::default();
    let postgres = Postgres::start().await?;
    let runs = [
        (Database::Sqlite, Who::Admitted),
        (Database::Postgres(&postgres), Who::Admitted),
        (Database::Postgres(&postgres), Who::Leaving),
        (Database::Sqlite, Who::Nobody),
    ];
    for ((database, who), short) in runs.into_iter().zip(SHORT) {
        let mut time = if order.quick { short / 2 } else { short.max(order.time / 6) };
        if order.quick && !found.violations.is_empty() {
            return Ok(found);
        }
        // On a machine that is busy with other things the time is over before the first request.
        while described::run(database, who, order.seed, time, &mut found).await? == 0 {
            time *= 2;
            ensure!(time < Duration::from_secs(200), "schemathesis tries nothing");
        }
    }
    if !order.quick {
        fuzzed::run(order, &mut found).await?;
    }
    Ok(found)
}
