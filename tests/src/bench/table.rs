//! The figures as a person reads them.

use super::Figure;

/// A row for each figure.
#[must_use]
pub fn table(figures: &[Figure]) -> String {
    let mut text = format!(
        "{:<34} {:>12} {:<10} {:>12} {:>7} {:>10} {:>10} {:>6}  {:<16} {}\n",
        "name", "value", "unit", "floor", "ratio", "p50", "p95", "rounds", "reach", "the floor is"
    );
    for figure in figures {
        let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), short);
        let reach = figure
            .reach
            .as_ref()
            .map_or_else(String::new, |(reach, reached)| format!("{} {reach}", if *reached { "✓" } else { "✗" }));
        text += &format!(
            "{:<34} {:>12} {:<10} {:>12} {:>7} {:>10} {:>10} {:>6}  {:<16} {}\n",
            figure.name,
            short(figure.value),
            figure.unit,
            number(figure.floor),
            figure.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
            number(figure.p50),
            number(figure.p95),
            figure.rounds,
            reach,
            figure.floor_is
        );
    }
    text
}

/// Three places that mean something.
fn short(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
