//! Texts that people read, from the same files as the windows': `ui/locales/<language>.json`.

use std::{collections::HashMap, sync::LazyLock};

use deskbell_protocol::ticket::Language;

type Texts = HashMap<String, String>;

static ENGLISH: LazyLock<Texts> = LazyLock::new(|| read(include_str!("../../ui/locales/en.json")));
static FRENCH: LazyLock<Texts> = LazyLock::new(|| read(include_str!("../../ui/locales/fr.json")));

fn read(json: &str) -> Texts {
    serde_json::from_str(json).expect("the locale files are flat JSON; a test reads them all")
}

/// The text of a key with its placeholders filled; the key itself where there is none.
#[must_use]
pub(crate) fn text(language: Language, key: &str, values: &[(&str, &str)]) -> String {
    let texts = match language {
        Language::En => &ENGLISH,
        Language::Fr => &FRENCH,
    };
    let text = texts.get(key).map_or(key, String::as_str);
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}
