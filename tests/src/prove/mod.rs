//! The proofs of what is promised: nothing lost, nothing twice, nothing seen by the wrong eyes, and no
//! program that falls over. docs/PROOF.md says what each part does and what it does not cover.

use std::time::{Duration, Instant};

use anyhow::Result;

pub mod crash;
pub mod damage;
pub mod hostile;
pub mod inputs;
pub mod isolation;
pub mod line;
pub mod mutants;
pub mod names;
pub mod power;
pub mod simulation;
pub mod table;
pub mod tokens;

/// One kind of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Agent and server killed at every named point, through a line that misbehaves.
    Crash,
    /// Outbox and ingest under virtual time, by seeds.
    Simulation,
    /// A disk that forgets what was not flushed.
    Power,
    /// Truncated and altered files, full disks, errors of the disk.
    Damage,
    /// Every route for every kind of person, on own, foreign and missing things.
    Isolation,
    /// Guessing the tokens of the confirmation.
    Tokens,
    /// Texts that want to be programs, in the real console.
    Hostile,
    /// Every address with every kind of input, and the fuzzers.
    Inputs,
    /// Seeded defects, each of which one of the others has to find.
    Mutants,
}

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Where chance begins. The same seed gives the same plan.
    pub seed: u64,
    /// Runs go on until this long after the part's start, at least.
    pub time: Duration,
    /// What a mutant needs: a small number of runs, ended by the first violation.
    pub quick: bool,
    start: Instant,
}

impl Order {
    #[must_use]
    pub fn new(seed: u64, time: Duration, quick: bool) -> Self {
        Self { seed, time, quick, start: Instant::now() }
    }

    /// Whether there is another run, after `done` of the `least` that have to be.
    #[must_use]
    pub fn more(&self, done: u64, least: u64) -> bool {
        done < least || self.start.elapsed() < self.time
    }
}

/// How a promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was said to be saved, or accepted, and is not there or not the same.
    Lost,
    /// It is there more than once.
    Duplicated,
    /// Somebody saw or did what is not theirs.
    Leaked,
    /// A program ended, or failed inside, and the proof had not caused that.
    Crashed,
    /// Anything else that differs from what is documented.
    Wrong,
}

/// What one part found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub runs: u64,
    pub violations: Vec<(Kind, String)>,
    /// Mutants that were tried, and those of them that were caught.
    pub mutants: u64,
    pub mutants_caught: u64,
    /// Lines for the person who reads the table: sizes, seeds, what was measured.
    pub notes: Vec<String>,
}

impl Found {
    /// Notes a broken promise, and says it at once: with its seed, so that it can be made a test.
    pub fn violation(&mut self, kind: Kind, what: impl Into<String>) {
        let what = what.into();
        println!("  ✗ {kind:?}: {what}");
        self.violations.push((kind, what));
    }

    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|(found, _)| *found == kind).count()
    }

    #[must_use]
    pub fn holds(&self) -> bool {
        self.runs > 0 && self.violations.is_empty() && self.mutants == self.mutants_caught
    }
}

impl std::ops::AddAssign for Found {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.violations.extend(other.violations);
        self.mutants += other.mutants;
        self.mutants_caught += other.mutants_caught;
        self.notes.extend(other.notes);
    }
}

/// Carries out one part.
///
/// # Errors
/// Where the proof itself cannot be led: that proves nothing, and is no violation either.
pub async fn run(part: Part, order: Order) -> Result<Found> {
    match part {
        Part::Crash => crash::run(order).await,
        Part::Simulation => simulation::run(order).await,
        Part::Power => power::run(order).await,
        Part::Damage => damage::run(order).await,
        Part::Isolation => isolation::run(order).await,
        Part::Tokens => tokens::run(order).await,
        Part::Hostile => hostile::run(order).await,
        Part::Inputs => inputs::run(order).await,
        Part::Mutants => mutants::run(order).await,
    }
}
