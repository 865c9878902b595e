//! What Windows' editor would stumble over, without having one here: every reference leads somewhere.

use std::collections::HashSet;

use deskbell_protocol::ticket::Language;
use roxmltree::{Document, Node};
use rstest::rstest;

use super::*;

fn all<'a>(document: &'a Document<'a>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |node| node.has_tag_name(tag_of(tag)))
}

fn tag_of(tag: &'static str) -> (&'static str, &'static str) {
    ("http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions", tag)
}

/// The values of one attribute, each only once.
fn ids<'a>(document: &'a Document<'a>, tag: &'static str, attribute: &str) -> HashSet<&'a str> {
    let mut found = HashSet::new();
    for id in all(document, tag).filter_map(|node| node.attribute(attribute)) {
        assert!(found.insert(id), "{tag} {id} is there twice");
    }
    found
}

/// What stands in `$(kind.…)` anywhere in the attributes.
fn references<'a>(document: &'a Document<'a>, kind: &str) -> HashSet<&'a str> {
    let begin = format!("$({kind}.");
    let values = document.descendants().flat_map(|node| node.attributes().map(|attribute| attribute.value()));
    values.filter_map(|value| value.strip_prefix(&begin)?.strip_suffix(')')).collect()
}

#[rstest]
#[case(Language::En)]
#[case(Language::Fr)]
fn every_string_and_presentation_is_there_and_used(#[case] language: Language) {
    let (admx, adml) = (admx(), adml(&Texts::of(language)));
    let (admx, adml) = (Document::parse(&admx).unwrap(), Document::parse(&adml).unwrap());
    assert_eq!(references(&admx, "string"), ids(&adml, "string", "id"));
    assert_eq!(references(&admx, "presentation"), ids(&adml, "presentation", "id"));
    for presentation in all(&adml, "presentation") {
        let id = presentation.attribute("id").unwrap();
        let policy = all(&admx, "policy").find(|policy| policy.attribute("name") == Some(id)).unwrap();
        let elements: HashSet<_> = policy.descendants().filter_map(|node| node.attribute("id")).collect();
        let shown: HashSet<_> = presentation.descendants().filter_map(|node| node.attribute("refId")).collect();
        assert_eq!(elements, shown, "{id}");
    }
}

#[test]
fn every_policy_stands_in_a_category_and_says_what_supports_it() {
    let admx = admx();
    let admx = Document::parse(&admx).unwrap();
    let (categories, supported) = (ids(&admx, "category", "name"), ids(&admx, "definition", "name"));
    for reference in all(&admx, "parentCategory") {
        assert!(categories.contains(reference.attribute("ref").unwrap()));
    }
    for policy in all(&admx, "policy") {
        let reference = |tag| policy.children().find(|node| node.has_tag_name(tag_of(tag))).unwrap().attribute("ref");
        assert!(reference("parentCategory").is_some());
        assert!(supported.contains(reference("supportedOn").unwrap()));
        assert_eq!(policy.attribute("class"), Some("Machine"));
    }
}

/// Each policy writes where the agent reads, and each value that it offers is one.
#[test]
fn what_a_policy_writes_is_what_the_agent_reads() {
    let admx = admx();
    let admx = Document::parse(&admx).unwrap();
    let mut written: Vec<(String, bool)> = Vec::new();
    for policy in all(&admx, "policy") {
        let key = policy.attribute("key").unwrap();
        let recommended = key == r"SOFTWARE\Policies\Deskbell\recommended";
        assert!(recommended || key == r"SOFTWARE\Policies\Deskbell", "{key}");
        let name = policy.descendants().find_map(|node| node.attribute("valueName")).unwrap();
        let setting = Setting::of(name).unwrap();
        for value in policy.descendants().filter(|node| node.has_tag_name(tag_of("string"))) {
            assert_eq!(setting.check(value.text().unwrap()), Ok(()), "{name}");
        }
        written.push((name.to_owned(), recommended));
    }
    let expected: Vec<_> = policies().map(|(setting, recommended)| (setting.name.to_owned(), recommended)).collect();
    assert_eq!(written, expected);
}

#[test]
fn both_languages_say_their_own() {
    let (english, french) = (adml(&Texts::of(Language::En)), adml(&Texts::of(Language::Fr)));
    assert!(english.contains("Server address") && french.contains("Adresse du serveur"));
}
