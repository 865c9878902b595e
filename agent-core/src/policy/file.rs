//! Settings in files: TOML, and the property lists of macOS. Both hold a table of names and values, and
//! one named `recommended` with values that the person may change.

use std::{io::ErrorKind, path::Path};

use super::{
    fault::{Fault, Reason},
    sources::{Given, Origin, place},
};

/// Also the name of the registry's key.
pub(super) const RECOMMENDED: &str = "recommended";

/// A value that a file may hold, whatever its format calls it.
enum Held<T> {
    Value(Result<String, Reason>),
    Table(T),
}

pub(super) fn toml(path: &Path, origin: Origin) -> Result<Vec<Given>, Fault> {
    let Some(bytes) = bytes(path)? else { return Ok(Vec::new()) };
    let text = String::from_utf8(bytes).map_err(|_| wrong(path, "it is not UTF-8"))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        wrong(path, format!("line {line}: {}", error.message()))
    })?;
    let held = |value: toml::Value| match value {
        toml::Value::String(text) => Held::Value(Ok(text)),
        toml::Value::Boolean(on) => Held::Value(Ok(on.to_string())),
        toml::Value::Integer(number) => Held::Value(Ok(number.to_string())),
        toml::Value::Table(table) => Held::Table(table.into_iter().collect()),
        _ => Held::Value(Err(Reason::NoText)),
    };
    Ok(given(&place(path), origin, table.into_iter().collect(), held))
}

/// Written by macOS from the configuration profiles of this computer, in either of its two formats.
#[cfg_attr(windows, allow(dead_code, reason = "Windows has the registry instead; the tests read one everywhere"))]
pub(super) fn plist(path: &Path) -> Result<Vec<Given>, Fault> {
    let Some(bytes) = bytes(path)? else { return Ok(Vec::new()) };
    let list = plist::Value::from_reader(std::io::Cursor::new(bytes)).map_err(|error| wrong(path, error))?;
    let Some(list) = list.into_dictionary() else { return Err(wrong(path, "it is no dictionary")) };
    let held = |value: plist::Value| match value {
        plist::Value::String(text) => Held::Value(Ok(text)),
        plist::Value::Boolean(on) => Held::Value(Ok(on.to_string())),
        plist::Value::Integer(number) => Held::Value(Ok(number.to_string())),
        plist::Value::Dictionary(list) => Held::Table(list.into_iter().collect()),
        _ => Held::Value(Err(Reason::NoText)),
    };
    let payload = |name: &str| name.starts_with("Payload");
    let list = list.into_iter().filter(|(name, _)| !payload(name)).collect();
    Ok(given(&place(path), Origin::Machine, list, held))
}

/// Nothing where there is no such file.
fn bytes(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(path, error)),
    }
}

fn wrong(path: &Path, error: impl ToString) -> Fault {
    Fault { place: place(path), setting: None, reason: Reason::Unreadable(error.to_string()) }
}

/// What is recommended comes first: what is set beats it in the same file.
fn given<V>(
    place: &str,
    origin: Origin,
    table: Vec<(String, V)>,
    held: impl Fn(V) -> Held<Vec<(String, V)>>,
) -> Vec<Given> {
    let (mut recommended, mut set) = (Vec::new(), Vec::new());
    let one = |name: String, value, recommended| Given { origin, place: place.to_owned(), name, value, recommended };
    let no_value = || Err(Reason::NoText);
    for (name, value) in table {
        match held(value) {
            Held::Value(value) => set.push(one(name, value, false)),
            Held::Table(table) if name == RECOMMENDED && origin == Origin::Machine => {
                recommended.extend(table.into_iter().map(|(name, value)| match held(value) {
                    Held::Value(value) => one(name, value, true),
                    Held::Table(_) => one(name, no_value(), true),
                }));
            }
            Held::Table(_) => set.push(one(name, no_value(), false)),
        }
    }
    recommended.append(&mut set);
    // An empty text counts as not set.
    recommended.retain(|given| given.value.as_ref().map_or(true, |value| !value.trim().is_empty()));
    recommended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &[u8]) -> Result<Vec<Given>, Fault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        if name.ends_with("plist") { plist(&path) } else { toml(&path, Origin::Machine) }
    }

    fn summary(given: &[Given]) -> Vec<(&str, Option<&str>, bool)> {
        given.iter().map(|g| (g.name.as_str(), g.value.as_deref().ok(), g.recommended)).collect()
    }

    #[test]
    fn a_toml_file_sets_and_recommends() {
        let text = "hotkey = \"F9\"\nautostart = false\ntheme = []\nproxy = \"\"\n[recommended]\nlanguage = \"fr\"";
        let given = read("agent.toml", text.as_bytes()).unwrap();
        assert_eq!(
            summary(&given),
            [
                ("language", Some("fr"), true),
                ("autostart", Some("false"), false),
                ("hotkey", Some("F9"), false),
                ("theme", None, false)
            ]
        );
    }

    #[test]
    fn a_property_list_sets_and_recommends_in_both_formats() {
        let recommended = plist::Dictionary::from_iter([("language", plist::Value::from("fr"))]);
        let list = plist::Value::Dictionary(plist::Dictionary::from_iter([
            ("PayloadUUID", plist::Value::from("1")),
            ("autostart", plist::Value::from(false)),
            (RECOMMENDED, plist::Value::Dictionary(recommended)),
        ]));
        let (mut xml, mut binary) = (Vec::new(), Vec::new());
        list.to_writer_xml(&mut xml).unwrap();
        list.to_writer_binary(&mut binary).unwrap();
        for content in [xml, binary] {
            let given = read("org.deskbell.agent.plist", &content).unwrap();
            assert_eq!(summary(&given), [("language", Some("fr"), true), ("autostart", Some("false"), false)]);
        }
    }

    #[test]
    fn a_person_cannot_recommend() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        std::fs::write(&path, "[recommended]\nhotkey = \"F9\"").unwrap();
        assert_eq!(summary(&toml(&path, Origin::User).unwrap()), [(RECOMMENDED, None, false)]);
    }

    #[test]
    fn what_is_no_file_of_its_kind_is_said_with_its_name() {
        for (name, content) in [("a.toml", "hotkey = ["), ("a.toml", "\u{0}"), ("a.plist", "<plist>"), ("a.plist", "")]
        {
            let fault = read(name, content.as_bytes()).unwrap_err().to_string();
            assert!(fault.contains(name) && !fault.contains('\n'), "{fault}");
        }
    }
}
