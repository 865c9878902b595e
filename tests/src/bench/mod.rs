//! How fast it is, and how much it takes: each figure beside the floor that this machine has in the same
//! run. docs/PERFORMANCE.md says what is measured, and what was found.

use anyhow::Result;

pub mod agent;
pub mod console;
pub mod floor;
pub mod pages;
mod pss;
pub mod server;
pub mod size;
pub mod table;

/// What can be asked for by name.
pub const NAMES: [&str; 15] = [
    "key.warm",
    "key.first",
    "agent.memory",
    "agent.idle",
    "agent.save",
    "agent.drain",
    "server.submit",
    "server.submit.pg",
    "server.list",
    "server.search",
    "server.live",
    "server.enable",
    "server.return",
    "console.open",
    "size",
];

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// A few rounds over little, only to see that it works.
    pub quick: bool,
}

/// One figure, beside its floor.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Figure {
    /// `server.submit 16 connections`: the benchmark's name, and what of it.
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// The same on this machine without our part. None where there is none to have.
    pub floor: Option<f64>,
    pub floor_is: &'static str,
    /// `value / floor`.
    pub ratio: Option<f64>,
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub rounds: u64,
    /// What it should reach, and whether it does. Not in the line of JSON.
    #[serde(skip)]
    pub reach: Option<(String, bool)>,
}

/// What was measured, and what could not be.
#[derive(Debug, Default)]
pub struct Measured {
    pub figures: Vec<Figure>,
    pub errors: Vec<anyhow::Error>,
}

impl Measured {
    fn add(&mut self, part: &str, measured: Result<Vec<Figure>>) {
        match measured {
            Ok(figures) => self.figures.extend(figures),
            Err(error) => self.errors.push(error.context(format!("{part} cannot be measured"))),
        }
    }
}

/// Measures what is asked for: a benchmark's name, or the first part of several. What cannot be measured keeps
/// nothing else from it.
pub async fn run(name: Option<&str>, extent: Extent) -> Measured {
    let wanted = |candidate: &str| {
        name.is_none_or(|name| {
            candidate == name || candidate.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let mut measured = Measured::default();
    for &name in NAMES.iter().filter(|name| wanted(name)) {
        let alone = |candidate: &str| candidate == name;
        measured.add(name, agent::run(&alone, extent).await);
        measured.add(name, server::run(&alone, extent).await);
        measured.add(name, console::run(&alone, extent).await);
        measured.add(name, size::run(&alone).await);
    }
    // Both over the same tickets, of which there are many.
    measured.add("server.list and server.search", pages::run(&wanted, extent).await);
    measured
}
