//! The texts, each with a mark of its own, so that what runs or leaves names the text that did it.

use anyhow::Result;

const CORPUS: &str = include_str!("corpus.json");

#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) text: String,
}

pub(super) fn corpus() -> Result<Vec<Text>> {
    let all: Vec<(String, String)> = serde_json::from_str(CORPUS)?;
    let marked = all.into_iter().enumerate().map(|(number, (_, text))| {
        let mark = format!("c{number}x");
        Text { text: text.replace("{c}", &mark) }
    });
    Ok(marked.collect())
}

/// As a page shows it: white space and what cannot be seen in a line count as one space.
pub(super) fn shown(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
