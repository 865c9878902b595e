//! The story that must work, from the first start of a server to the technician's answer, played
//! with real parts. Each step is checked by evidence outside the program's own word.

mod client_and_key;
mod confirmation;
mod conversation;
mod device_enrols;
mod enablement;
mod first_run;
mod hotkey_ticket;
mod languages;
mod offline_and_kill;
mod other_ways_in;
mod world;

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

pub use world::{Fault, Options, World};

/// What a step brings about and a later one stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    Server,
    Key,
    Device,
    Enabled,
    Confirmed,
    Ticket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    needs: &'static [Fact],
}

/// The names are fixed: people and tests refer to them.
pub const STEPS: [Step; 10] = [
    Step { name: "server-first-run", needs: &[] },
    Step { name: "client-and-key", needs: &[Fact::Server] },
    Step { name: "device-enrols", needs: &[Fact::Key] },
    Step { name: "enablement", needs: &[Fact::Device] },
    Step { name: "confirmation", needs: &[Fact::Enabled] },
    Step { name: "hotkey-ticket", needs: &[Fact::Confirmed] },
    Step { name: "other-ways-in", needs: &[Fact::Enabled] },
    Step { name: "offline-and-kill", needs: &[Fact::Confirmed] },
    Step { name: "conversation", needs: &[Fact::Ticket] },
    Step { name: "languages-themes-keyboard", needs: &[Fact::Enabled] },
];

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// Each check that did not hold.
    Failed(Vec<String>),
    /// An earlier step did not bring about what this one stands on.
    Blocked(Vec<Fact>),
}

/// The last line of a run.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub steps: usize,
    pub passed: usize,
    pub pictures: usize,
    /// The number of the ticket that the hotkey made.
    pub ticket: Option<String>,
}

/// Plays all steps, says a line for each, and sums up.
pub async fn play(world: &mut World) -> Summary {
    let mut passed = 0;
    for (index, step) in STEPS.iter().enumerate() {
        let start = Instant::now();
        let verdict = one(world, index).await;
        passed += usize::from(verdict == Verdict::Passed);
        println!("{}", line(index, step.name, &verdict, start.elapsed().as_secs_f64()));
    }
    Summary { steps: STEPS.len(), passed, pictures: world.album.taken, ticket: world.ticket_number() }
}

async fn one(world: &mut World, index: usize) -> Verdict {
    let missing: Vec<Fact> = STEPS[index].needs.iter().copied().filter(|fact| !world.facts.contains(fact)).collect();
    if !missing.is_empty() {
        return Verdict::Blocked(missing);
    }
    let outcome = act(world, STEPS[index].name).await;
    let mut failures = world.take_failures();
    if let Err(error) = outcome {
        failures.push(format!("{error:#}"));
        world.keep_evidence(STEPS[index].name).await;
    }
    if failures.is_empty() { Verdict::Passed } else { Verdict::Failed(failures) }
}

async fn act(world: &mut World, name: &str) -> Result<()> {
    match name {
        "server-first-run" => first_run::play(world).await,
        "client-and-key" => client_and_key::play(world).await,
        "device-enrols" => device_enrols::play(world).await,
        "enablement" => enablement::play(world).await,
        "confirmation" => confirmation::play(world).await,
        "hotkey-ticket" => hotkey_ticket::play(world).await,
        "other-ways-in" => other_ways_in::play(world).await,
        "offline-and-kill" => offline_and_kill::play(world).await,
        "conversation" => conversation::play(world).await,
        "languages-themes-keyboard" => languages::play(world).await,
        other => anyhow::bail!("nobody plays {other}"),
    }
}

fn line(index: usize, name: &str, verdict: &Verdict, seconds: f64) -> String {
    let head = |word| format!("{word:8}{:2} {name} ({seconds:.1} s)", index + 1);
    match verdict {
        Verdict::Passed => head("passed"),
        Verdict::Failed(failures) => format!("{}\n          {}", head("FAILED"), failures.join("\n          ")),
        Verdict::Blocked(facts) => format!("{}: needs {facts:?}", head("blocked")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_says_every_check_that_did_not_hold() {
        let failed = Verdict::Failed(vec!["one".into(), "two".into()]);
        assert_eq!(line(2, "x", &failed, 1.0), "FAILED   3 x (1.0 s)\n          one\n          two");
        assert_eq!(line(3, "y", &Verdict::Blocked(vec![Fact::Key]), 0.0), "blocked  4 y (0.0 s): needs [Key]");
    }
}
