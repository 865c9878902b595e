//! What is done in one run: a pure function of its seed.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::prove::{line::Fault, names};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Agent,
    Server,
}

/// A name from the code, and whose code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) side: Side,
    pub(super) name: String,
}

/// Every point that the sources name.
pub(super) fn points() -> Result<Vec<Point>> {
    let mut found = BTreeSet::new();
    for (package, names) in names::of("crash_point")? {
        let side = if package == "server" { Side::Server } else { Side::Agent };
        for name in names {
            ensure!(found.insert(Point { side, name: name.clone() }), "two points are called {name}");
        }
    }
    let mut names: Vec<_> = found.iter().map(|point| &point.name).collect();
    names.sort();
    ensure!(names.windows(2).all(|two| two[0] != two[1]), "both programs have a point of one name");
    Ok(found.into_iter().collect())
}

/// What has to be done so that a point is passed at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Tickets, replies and their files.
    Work,
    /// An agent that nobody knows introduces itself.
    Introduce,
    /// A person proves their address at an agent that is new.
    Confirm,
    /// The agent starts.
    Start,
    /// It starts, and its queue is damaged.
    Damage,
    /// The agent loses the line.
    Fault,
    /// The mail server refuses for now.
    NoMail,
    /// A technician answers.
    Technician,
}

fn way(point: &str) -> Way {
    match point.split('.').next().unwrap_or_default() {
        "key" | "enrol" | "device" => Way::Introduce,
        "ask" | "confirm" | "token" | "person" => Way::Confirm,
        "hello" => Way::Start,
        "recover" => Way::Damage,
        "fault" => Way::Fault,
        "technician" => Way::Technician,
        _ if point == "job.again.before" => Way::NoMail,
        _ => Way::Work,
    }
}

/// Passed by everybody who writes.
pub(super) fn is_work(point: &Point) -> bool {
    way(&point.name) == Way::Work
}

#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Makes texts and files of different runs different.
    pub(super) seed: u64,
    pub(super) point: Point,
    /// Which time it is passed.
    pub(super) pass: u32,
    pub(super) way: Way,
    pub(super) faults: Vec<Option<Fault>>,
    /// The sizes of the files of each new ticket.
    pub(super) tickets: Vec<Vec<usize>>,
    /// The same of each reply to a ticket of an earlier run.
    pub(super) replies: Vec<Vec<usize>>,
}

/// `first`: the point has not been reached so far, so nothing is tried that may keep the run from it.
pub(super) fn run(seed: u64, point: &Point, first: bool) -> Run {
    let mut chance = StdRng::seed_from_u64(seed);
    let way = way(&point.name);
    let pass = if first { 1 } else { *[1, 1, 1, 2, 2, 3, 5].choose(&mut chance).unwrap_or(&1) };
    let faulty = way == Way::Fault || (!first && chance.random_bool(0.6));
    let mut faults = Vec::new();
    if faulty {
        faults.extend((0..chance.random_range(0..4)).map(|_| None));
        faults.extend((0..chance.random_range(1..3)).map(|_| Some(fault(&mut chance))));
    }
    if way == Way::Fault {
        faults = vec![Some(Fault::CutBefore)];
    }
    let count = if chance.random_bool(0.5) { 1 } else { chance.random_range(2..=3) };
    let mut tickets: Vec<_> = (0..count).map(|_| files(&mut chance)).collect();
    let mut replies: Vec<_> = (0..chance.random_range(0..3)).map(|_| files(&mut chance)).collect();
    if first {
        tickets[0] = vec![1000];
        replies.resize_with(1, Vec::new);
    }
    Run { seed, point: point.clone(), pass, way, faults, tickets, replies }
}

fn files(chance: &mut StdRng) -> Vec<usize> {
    let count = *[0, 0, 1, 1, 2].choose(chance).unwrap_or(&0);
    (0..count)
        .map(|_| match chance.random_range(0..30) {
            // More than a piece: it resumes.
            0 => 1_100_000,
            _ => *[1, 700, 4_000, 20_000, 60_000].choose(chance).unwrap_or(&1),
        })
        .collect()
}

/// A fault of this kind alone, at the first exchange.
pub(super) fn with_fault(mut run: Run, name: &str) -> Run {
    let mut chance = StdRng::seed_from_u64(run.seed);
    let wanted = std::iter::repeat_with(|| fault(&mut chance)).find(|fault| fault.name() == name);
    run.faults = vec![wanted];
    run
}

fn fault(chance: &mut StdRng) -> Fault {
    match chance.random_range(0..13) {
        0 => Fault::CutRequest,
        1 | 2 => Fault::CutBefore,
        3 => Fault::CutWithin(chance.random_range(1..100)),
        4 => Fault::CutAfter,
        5 => Fault::HoldRequest,
        6 => Fault::HoldAnswer,
        7 => Fault::Dribble(chance.random_range(3..60)),
        8 => Fault::Twice { second: chance.random() },
        9 => Fault::Replay,
        10 => Fault::Late,
        11 => Fault::FlipRequest(chance.random()),
        _ => Fault::FlipAnswer(chance.random_range(0..100)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_one_run() {
        let point = Point { side: Side::Server, name: "db.commit.before".into() };
        for seed in 0..50 {
            let (one, other) = (run(seed, &point, false), run(seed, &point, false));
            assert_eq!((one.pass, one.faults, one.tickets), (other.pass, other.faults, other.tickets));
        }
    }

    #[test]
    fn every_fault_can_be_had() {
        let point = Point { side: Side::Server, name: "db.commit.before".into() };
        for name in Fault::NAMES {
            let faults = with_fault(run(1, &point, true), name).faults;
            assert_eq!(faults.into_iter().flatten().map(Fault::name).collect::<Vec<_>>(), [name]);
        }
    }

    #[test]
    fn the_code_has_points_on_both_sides() {
        let points = points().unwrap();
        for side in [Side::Agent, Side::Server] {
            assert!(points.iter().filter(|point| point.side == side).count() > 20, "{side:?}");
        }
    }
}
