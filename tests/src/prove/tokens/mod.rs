//! Guessing, racing and replaying what lets a person, a device or a technician in, at two real servers
//! over one PostgreSQL and at one over SQLite: the limits are the database's, whatever server counts.

mod alike;
mod guess;
mod once;
mod page;
mod place;
mod volley;

use anyhow::Result;
use rand::{SeedableRng, rngs::StdRng};

use super::{Found, Kind, Order};
use crate::postgres::Postgres;
use place::Place;

pub(super) async fn run(order: Order) -> Result<Found> {
    let mut found = Found::default();
    let mut chance = StdRng::seed_from_u64(order.seed);
    let postgres = Postgres::start().await?;
    let mut rounds = 0;
    while order.more(rounds, 1) {
        rounds += 1;
        // What one server forgets in its own memory is seen at two of them only.
        let several = Place::open(Some(&postgres), &mut found).await?;
        examine(&several, &mut chance, order, &mut found).await?;
        if !order.quick {
            guess::set_up(Some(&postgres), &mut found).await?;
            let single = Place::open(None, &mut found).await?;
            examine(&single, &mut chance, order, &mut found).await?;
            guess::set_up(None, &mut found).await?;
        }
        if order.quick && !found.violations.is_empty() {
            break;
        }
    }
    found.notes.push(format!("{rounds} rounds at two servers over PostgreSQL and at one over SQLite"));
    Ok(found)
}

/// Everything that can be tried at one place.
async fn examine(place: &Place<'_>, chance: &mut StdRng, order: Order, found: &mut Found) -> Result<()> {
    once::requests(place, found).await?;
    guess::challenges(place, found).await?;
    if order.quick && !found.violations.is_empty() {
        return Ok(());
    }
    guess::tokens(place, chance, found).await?;
    guess::tokens_at_device_and_page(place, chance, found).await?;
    once::token(place, found).await?;
    once::link(place, found).await?;
    once::enrolment_key(place, found).await?;
    alike::addresses(place, found).await?;
    if order.quick {
        return Ok(());
    }
    alike::technicians(place, found).await?;
    guess::passwords(place, found).await
}

/// Something was tried; `holds` says whether the promise was kept.
fn judge(found: &mut Found, place: &str, holds: bool, what: impl FnOnce() -> String) {
    found.runs += 1;
    if !holds {
        found.violation(Kind::Leaked, format!("{place}: {}", what()));
    }
}
