//! Every address with every kind of input: schemathesis reads the description of the API and tries what it
//! says, and what it does not. And fuzzers for what is read before anybody is known.

mod described;
mod fuzzed;

use std::time::Duration;

use anyhow::Result;

use super::{Found, Order};
use crate::postgres::Postgres;
use described::{Database, Who};

/// What CI gives to each of the four runs.
const SHORT: Duration = Duration::from_secs(11);

pub(super) async fn run(order: Order) -> Result<Found> {
    let mut found = Found::default();
    let postgres = Postgres::start().await?;
    let time = if order.quick { SHORT / 2 } else { SHORT.max(order.time / 6) };
    let runs = [
        (Database::Sqlite, Who::Admitted),
        (Database::Postgres(&postgres), Who::Admitted),
        (Database::Postgres(&postgres), Who::Leaving),
        (Database::Sqlite, Who::Nobody),
    ];
    for (database, who) in runs {
        if order.quick && !found.violations.is_empty() {
            return Ok(found);
        }
        described::run(database, who, order.seed, time, &mut found).await?;
    }
    if !order.quick {
        fuzzed::run(order, &mut found).await?;
    }
    Ok(found)
}
