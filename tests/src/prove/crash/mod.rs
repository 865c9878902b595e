//! Agent and server, killed with SIGKILL at every point that the code names, over a line that misbehaves, on
//! both databases. What the agent called saved is what the server has to hold in the end.

use std::{collections::BTreeSet, rc::Rc, time::Instant};

use anyhow::{Context, Result};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{Found, Kind, Order};
use crate::postgres::Postgres;
use ledger::Ticket;
use plan::{Point, Side};
use scene::Scene;
use world::{Base, World};

mod agent;
mod held;
mod last;
mod ledger;
mod plan;
mod post;
mod scene;
mod world;

/// Runs of both worlds together.
const RUNS: u64 = 500;
const QUICK: u64 = 30;
/// How often a point is tried that was not reached.
const TRIES: u32 = 5;

pub(super) async fn run(order: Order) -> Result<Found> {
    let points = plan::points()?;
    if order.quick {
        let points: Vec<_> = points.into_iter().filter(plan::is_work).collect();
        return in_world(&Base::Sqlite, order, &points, QUICK).await;
    }
    let postgres = Base::Postgres(Rc::new(Postgres::start().await?));
    let other = Order { seed: order.seed ^ 0x5EED, ..order };
    let sqlite = in_world(&Base::Sqlite, order, &points, RUNS / 2);
    let (mut found, more) = tokio::try_join!(sqlite, in_world(&postgres, other, &points, RUNS / 2))?;
    found += more;
    Ok(found)
}

async fn in_world(base: &Base, order: Order, points: &[Point], least: u64) -> Result<Found> {
    let start = Instant::now();
    let mut world = World::open(base).await?;
    let (mut found, mut past, mut reached) = (Found::default(), Vec::new(), BTreeSet::new());
    let mut queue: Vec<Point> = Vec::new();
    let mut chance = StdRng::seed_from_u64(order.seed);
    while order.more(found.runs, least) {
        if queue.is_empty() {
            queue = points.to_vec();
            queue.shuffle(&mut chance);
        }
        let Some(point) = queue.pop() else { break };
        let first = !order.quick && !reached.contains(&point);
        one(&mut world, &mut past, &point, seed(order, found.runs), first, &mut found, &mut reached).await?;
        if order.quick && !found.violations.is_empty() {
            return Ok(found);
        }
    }
    if !order.quick {
        for point in points {
            for _ in 0..TRIES {
                if reached.contains(point) {
                    break;
                }
                one(&mut world, &mut past, point, seed(order, found.runs), true, &mut found, &mut reached).await?;
            }
            if !reached.contains(point) {
                let what = format!("{}: {} was not reached in any run", world.name, point.name);
                found.violation(Kind::Wrong, what);
            }
        }
    }
    last::look(&mut world, &mut found).await?;
    let count = |side| reached.iter().filter(|point: &&Point| point.side == side).count();
    found.notes.push(format!(
        "{}: {} runs, {} points of the agent and {} of the server reached, {:.2} s a run",
        world.name,
        found.runs,
        count(Side::Agent),
        count(Side::Server),
        start.elapsed().as_secs_f64() / found.runs.max(1) as f64
    ));
    Ok(found)
}

/// Runs of one world differ, and those of neighbouring seeds do too.
const fn seed(order: Order, run: u64) -> u64 {
    (order.seed % 100_000) * 1_000_000 + run
}

async fn one(
    world: &mut World,
    past: &mut Vec<Ticket>,
    point: &Point,
    seed: u64,
    first: bool,
    found: &mut Found,
    reached: &mut BTreeSet<Point>,
) -> Result<()> {
    let run = plan::run(seed, point, first);
    let begun = Instant::now();
    let mut scene = Scene::new(world, &run, past);
    let shown = || format!("run {seed} at {}:{} with {:?}", point.name, run.pass, run.faults);
    scene.play().await.with_context(|| shown())?;
    let (died, broken) = (scene.reached, std::mem::take(&mut scene.broken));
    if died {
        reached.insert(point.clone());
    }
    if std::env::var_os("DESKBELL_PROVE_TALK").is_some() {
        println!("  {} {} {:.2} s, {}", world.name, shown(), begun.elapsed().as_secs_f64(), if died { "died" } else { "–" });
    }
    for (kind, what) in broken {
        found.violation(kind, format!("{}: {}: {what}", world.name, shown()));
        // What is broken once must not be counted again by the runs that follow.
        past.clear();
    }
    found.runs += 1;
    Ok(())
}
