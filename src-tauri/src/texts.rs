//! What the tray, the notifications and the command line say, from `ui/locales`.

use std::{collections::HashMap, sync::LazyLock};

use deskbell_protocol::ticket::Language;

type Table = HashMap<String, String>;

static ENGLISH: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../ui/locales/en.json")));
static FRENCH: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../ui/locales/fr.json")));

fn read(json: &str) -> Table {
    serde_json::from_str(json).expect("ui/locales holds one flat object of texts per language")
}

/// The text under a key. A key without a text is shown as it is: ugly, and found at the first look.
pub(crate) fn text(language: Language, key: &str) -> &str {
    find(language, key).unwrap_or(key)
}

pub(crate) fn find(language: Language, key: &str) -> Option<&'static str> {
    let table = match language {
        Language::En => &*ENGLISH,
        Language::Fr => &*FRENCH,
    };
    table.get(key).map(String::as_str)
}

/// A text with its `{name}` places filled in. What is put in is not looked at again, so that a
/// subject such as `{count}` stays what the person wrote.
pub(crate) fn fill(language: Language, key: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = text(language, key);
    while let Some((before, tail)) = rest.split_once('{') {
        let Some((name, after)) = tail.split_once('}') else { break };
        filled.push_str(before);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => filled.push_str(value),
            None => filled.extend(["{", name, "}"]),
        }
        rest = after;
    }
    filled + rest
}

/// A text that depends on a number, which it may show as `{count}`.
pub(crate) fn counted(language: Language, key: &str, count: u32) -> String {
    let form = if one(language, count) { "one" } else { "other" };
    fill(language, &format!("{key}.{form}"), &[("count", &count.to_string())])
}

/// The plural rules of CLDR, for whole numbers: French counts 0 as one.
fn one(language: Language, count: u32) -> bool {
    match language {
        Language::En => count == 1,
        Language::Fr => count <= 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_texts_of_this_program() {
        let ours = |table: &Table| {
            let mut keys: Vec<_> = table
                .keys()
                .filter(|key| ["tray.", "notification.", "cli.", "doctor."].iter().any(|p| key.starts_with(p)))
                .cloned()
                .collect();
            keys.sort();
            keys
        };
        assert!(!ours(&ENGLISH).is_empty());
        assert_eq!(ours(&ENGLISH), ours(&FRENCH));
    }

    #[test]
    fn a_number_chooses_its_form() {
        assert!(!one(Language::En, 0) && one(Language::En, 1) && !one(Language::En, 2));
        assert!(one(Language::Fr, 0) && one(Language::Fr, 1) && !one(Language::Fr, 2));
        assert!(counted(Language::En, "tray.status.offline", 2).contains('2'));
    }

    #[test]
    fn what_is_filled_in_is_not_filled_in_again() {
        let filled = fill(Language::En, "{a} and {b} and {c}", &[("a", "{b}"), ("b", "2")]);
        assert_eq!(filled, "{b} and 2 and {c}", "an unknown place stays, a value is left alone");
    }
}
