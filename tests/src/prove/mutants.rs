//! Seeded defects: a proof that does not find them proves nothing. Each is a row here and a `mutant!` in the
//! code of the programs, and is looked for by the part that has to find it.

use std::{collections::BTreeSet, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use deskbell_protocol::proof;
use serde_json::Value;

use super::{Found, Kind, Order, Part, names, table};
use crate::process;

/// A defect, the part that has to find it, and as what.
type Mutant = (&'static str, Part, Kind);

const MUTANTS: &[Mutant] = &[
    // Durability: the disk forgets what was not flushed.
    ("synchronous.off", Part::Power, Kind::Lost),
    ("attachment.row_first", Part::Power, Kind::Lost),
    ("piece.unflushed", Part::Power, Kind::Lost),
    // The agent says that it is saved, and commits later.
    ("saved.early", Part::Crash, Kind::Lost),
    // The agent forgets what it sent, before it has a receipt.
    ("outbox.early", Part::Crash, Kind::Lost),
    // The server answers, and commits later.
    ("receipt.early", Part::Crash, Kind::Lost),
    ("mail.outside", Part::Crash, Kind::Lost),
    ("unique.dropped", Part::Crash, Kind::Duplicated),
    ("retry.new_id", Part::Crash, Kind::Duplicated),
    ("scope.dropped", Part::Isolation, Kind::Leaked),
    ("signature.unchecked", Part::Isolation, Kind::Leaked),
    ("enabled.unchecked", Part::Isolation, Kind::Leaked),
    ("nonce.memory", Part::Tokens, Kind::Leaked),
    ("limits.per_process", Part::Tokens, Kind::Leaked),
    // Attachments are served as pages.
    ("headers.dropped", Part::Hostile, Kind::Leaked),
];

/// A quick run takes a quarter of this where nothing else is going on.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) async fn run(order: Order) -> Result<Found> {
    let mut found = Found::default();
    complete(&mut found)?;
    let parts: BTreeSet<String> = MUTANTS.iter().map(|(_, part, _)| table::name(*part)).collect();
    for part in parts {
        let verdict = quick(&part, order.seed, None).await?;
        found.runs += 1;
        // Where the programs as they are do not pass, a defect that is found means nothing.
        if verdict.code != 0 {
            found.violation(Kind::Wrong, format!("{part} does not pass without a mutant: {}", verdict.why));
        }
    }
    for (name, part, kind) in MUTANTS {
        let verdict = quick(&table::name(*part), order.seed, Some(name)).await?;
        found.runs += 1;
        found.mutants += 1;
        if verdict.code == 1 && verdict.count(*kind) > 0 {
            found.mutants_caught += 1;
            println!("  ✓ {name}: {kind:?} by {}", table::name(*part));
        } else {
            found.violation(Kind::Wrong, format!("{name} survives {}: {}", table::name(*part), verdict.why));
        }
    }
    Ok(found)
}

/// The table and the code name the same ones.
fn complete(found: &mut Found) -> Result<()> {
    let code: BTreeSet<String> = names::of("mutant")?.into_iter().flat_map(|(_, names)| names).collect();
    let table: BTreeSet<String> = MUTANTS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    for name in code.symmetric_difference(&table) {
        let place = if code.contains(name) { "in the code and in no row" } else { "a row, and not in the code" };
        found.violation(Kind::Wrong, format!("{name} is {place}"));
    }
    Ok(())
}

/// How a quick run of a part ended.
struct Verdict {
    code: i32,
    sums: Value,
    /// What it said last, for the person who has to find out why.
    why: String,
}

impl Verdict {
    fn count(&self, kind: Kind) -> u64 {
        self.sums[format!("{kind:?}").to_lowercase()].as_u64().unwrap_or(0)
    }
}

async fn quick(part: &str, seed: u64, mutant: Option<&str>) -> Result<Verdict> {
    let mut command = process::command(std::env::current_exe()?);
    command.args([part, "--quick", "--seed", &seed.to_string()]).env_remove(proof::CRASH);
    match mutant {
        Some(name) => command.env(proof::MUTANT, name),
        None => command.env_remove(proof::MUTANT),
    };
    let running = command.stdin(Stdio::null()).output();
    let Ok(output) = tokio::time::timeout(PATIENCE, running).await else {
        bail!("{part} with {mutant:?} does not end within {PATIENCE:?}")
    };
    let output = output.with_context(|| part.to_owned())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let sums = said.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null);
    let last = said.lines().filter(|line| line.contains('✗')).chain(said.lines().rev().take(1)).next();
    let why = last.unwrap_or("it said nothing").trim().to_owned();
    // Killed by a signal: as little a verdict as a proof that could not be led.
    Ok(Verdict { code: output.status.code().unwrap_or(2), sums, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_is_there_once() {
        let names: BTreeSet<_> = MUTANTS.iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), MUTANTS.len());
        assert!(names.len() >= 10, "{} are too few", names.len());
    }
}
