//! What a person and a machine read at the end.

use serde_json::json;

use super::{Found, Kind, Part};

/// Violations of one part that are said again below its row.
const TOLD: usize = 10;

/// A row for each part, and a line for each that could not be led.
#[must_use]
pub fn table(rows: &[(Part, Found)], failed: &[(Part, String)]) -> String {
    let mut text = format!(
        "{:<12} {:>8} {:>6} {:>10} {:>7} {:>8} {:>6} {:>15}\n",
        "what", "runs", "lost", "duplicated", "leaked", "crashed", "wrong", "mutants caught"
    );
    for (part, found) in rows {
        let mutants =
            if found.mutants > 0 { format!("{}/{}", found.mutants_caught, found.mutants) } else { "–".into() };
        let count = |kind| found.count(kind);
        text += &format!(
            "{:<12} {:>8} {:>6} {:>10} {:>7} {:>8} {:>6} {:>15}\n",
            name(*part),
            found.runs,
            count(Kind::Lost),
            count(Kind::Duplicated),
            count(Kind::Leaked),
            count(Kind::Crashed),
            count(Kind::Wrong),
            mutants
        );
        for note in &found.notes {
            text += &format!("    {note}\n");
        }
        // They were said when they were found. Of a long run only the end is read.
        for (kind, what) in found.violations.iter().take(TOLD) {
            text += &format!("    ✗ {kind:?}: {what}\n");
        }
    }
    for (part, why) in failed {
        text += &format!("{:<12} could not be led: {why}\n", name(*part));
    }
    text
}

/// The sums, as one line of JSON.
#[must_use]
pub fn sums(rows: &[(Part, Found)], failed: &[(Part, String)]) -> serde_json::Value {
    let mut sum = Found::default();
    for (_, found) in rows {
        sum += found.clone();
    }
    json!({
        "runs": sum.runs,
        "lost": sum.count(Kind::Lost),
        "duplicated": sum.count(Kind::Duplicated),
        "leaked": sum.count(Kind::Leaked),
        "crashed": sum.count(Kind::Crashed),
        "wrong": sum.count(Kind::Wrong),
        "mutants": sum.mutants,
        "mutants_caught": sum.mutants_caught,
        "failed": failed.iter().map(|(part, _)| name(*part)).collect::<Vec<_>>(),
    })
}

/// As it is written on the command line.
#[must_use]
pub fn name(part: Part) -> String {
    clap::ValueEnum::to_possible_value(&part).map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_summed() {
        let mut bad = Found { runs: 3, mutants: 2, mutants_caught: 1, ..Found::default() };
        bad.violations.push((Kind::Lost, "seed 7".into()));
        let rows = [(Part::Crash, Found { runs: 500, ..Found::default() }), (Part::Mutants, bad)];
        let failed = [(Part::Power, "no disk".to_owned())];
        let sums = sums(&rows, &failed);
        assert_eq!(sums["failed"], json!(["power"]));
        assert!(table(&rows, &failed).ends_with("power        could not be led: no disk\n"));
        assert_eq!((&sums["runs"], &sums["lost"], &sums["leaked"]), (&json!(503), &json!(1), &json!(0)));
        assert_eq!((&sums["mutants"], &sums["mutants_caught"]), (&json!(2), &json!(1)));
        assert!(table(&rows, &[]).contains("✗ Lost: seed 7\n"), "what was found is said again");
        assert!(rows[0].1.holds() && !rows[1].1.holds());
        assert!(!Found::default().holds(), "no run proves nothing");
    }
}
