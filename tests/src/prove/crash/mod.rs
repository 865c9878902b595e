//! Agent and server, killed with SIGKILL at every point that the code names, over a line that misbehaves, on
//! both databases. What the agent called saved is what the server has to hold in the end.

use std::{
    collections::BTreeSet,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{Found, Kind, Order, line::Fault};
use crate::postgres::Postgres;
use ledger::Past;
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
/// A line for each run, for who looks for one.
const TALK: &str = "DESKBELL_PROVE_TALK";

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
    let (start, world) = (Instant::now(), World::open(base).await?);
    let mut runs =
        Runs { order, world, past: Past::default(), reached: BTreeSet::new(), kills: 0, found: Found::default() };
    let mut queue: Vec<Point> = Vec::new();
    let mut chance = StdRng::seed_from_u64(order.seed);
    while order.more(runs.found.runs, least) {
        if queue.is_empty() {
            queue = points.to_vec();
            queue.shuffle(&mut chance);
        }
        let Some(point) = queue.pop() else { break };
        let first = !order.quick && !runs.reached.contains(&point);
        runs.one(&point, first, None).await?;
        // What comes late is wrong, and may be lost where a kill comes before it: that is looked for still.
        if order.quick && runs.found.violations.iter().any(|(kind, _)| *kind != Kind::Wrong) {
            return Ok(runs.found);
        }
    }
    if !order.quick {
        runs.the_rest(points).await?;
        runs.the_other_faults(points).await?;
    }
    last::look(&mut runs.world, &runs.past.all, &mut runs.found).await?;
    runs.note(start.elapsed());
    Ok(runs.found)
}

/// The runs of one world, one after the other.
struct Runs {
    order: Order,
    world: World,
    past: Past,
    reached: BTreeSet<Point>,
    /// Runs in which somebody died of the order.
    kills: u64,
    found: Found,
}

impl Runs {
    async fn one(&mut self, point: &Point, first: bool, fault: Option<&str>) -> Result<()> {
        // Runs of one world differ, and those of neighbouring seeds do too.
        let seed = (self.order.seed % 100_000) * 1_000_000 + self.found.runs;
        let (mut run, begun) = (plan::run(seed, point, first), Instant::now());
        if let Some(name) = fault {
            run = plan::with_fault(run, name);
        }
        let shown = format!("{}: run {seed} at {}:{} with {:?}", self.world.name, point.name, run.pass, run.faults);
        let mut scene = Scene::new(&mut self.world, &run, &mut self.past);
        scene.play().await.with_context(|| shown.clone())?;
        let (died, broken) = (scene.reached, std::mem::take(&mut scene.broken));
        if died {
            self.kills += 1;
            self.reached.insert(point.clone());
        }
        if std::env::var_os(TALK).is_some() {
            println!("  {shown}: {:.2} s{}", begun.elapsed().as_secs_f64(), if died { ", died" } else { "" });
        }
        if !broken.is_empty() {
            // The runs that follow begin with a whole one.
            self.past.forget();
        }
        for (kind, what) in broken {
            self.found.violation(kind, format!("{shown}: {what}"));
        }
        self.found.runs += 1;
        Ok(())
    }

    /// A point that was not passed yet gets some more runs; one that none of them reaches is no proof.
    async fn the_rest(&mut self, points: &[Point]) -> Result<()> {
        for point in points {
            for _ in 0..TRIES {
                if !self.reached.contains(point) {
                    self.one(point, true, None).await?;
                }
            }
            if !self.reached.contains(point) {
                let what = format!("{}: {} was not reached in any run", self.world.name, point.name);
                self.found.violation(Kind::Wrong, what);
            }
        }
        Ok(())
    }

    /// The same for the faults of the line.
    async fn the_other_faults(&mut self, points: &[Point]) -> Result<()> {
        for name in Fault::NAMES {
            for point in points.iter().filter(|point| plan::is_work(point)).take(TRIES as usize) {
                if !self.world.line.hit().contains_key(name) {
                    self.one(point, false, Some(name)).await?;
                }
            }
            if !self.world.line.hit().contains_key(name) {
                self.found.violation(Kind::Wrong, format!("{}: no exchange had the fault {name}", self.world.name));
            }
        }
        let hit = self.world.line.hit();
        let counts: Vec<_> = hit.iter().map(|(name, count)| format!("{name} {count}")).collect();
        self.found.notes.push(format!("{}: faults of the line: {}", self.world.name, counts.join(", ")));
        Ok(())
    }

    fn note(&mut self, time: Duration) {
        let count = |side| self.reached.iter().filter(|point| point.side == side).count();
        let note = format!(
            "{}: {} runs, {} kills, {} points of the agent and {} of the server reached, {} ms a run",
            self.world.name,
            self.found.runs,
            self.kills,
            count(Side::Agent),
            count(Side::Server),
            time.as_millis() / u128::from(self.found.runs.max(1))
        );
        self.found.notes.push(note);
    }
}
