use deskbell_protocol::settings::{SENDABLE, SWITCH, SentSetting};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{
    policy::{Choices, EnrolmentKey, HIDDEN, Proxy, Sources},
    view::Theme,
};

fn given(origin: Origin, name: &str, value: &str) -> Given {
    let place = format!("{origin:?}").to_lowercase();
    Given { origin, place, name: name.to_owned(), value: Ok(value.to_owned()), recommended: false }
}

fn recommended(origin: Origin, name: &str, value: &str) -> Given {
    Given { recommended: true, ..given(origin, name, value) }
}

/// `server=F1 machine?=F2 user=F3`: who gives the hotkey which value; a question mark recommends.
fn hotkeys(text: &str) -> Vec<Given> {
    let one = |word: &str| {
        let (who, value) = word.split_once('=').unwrap();
        let origin = match who.trim_end_matches('?') {
            "server" => Origin::Server,
            "machine" => Origin::Machine,
            "user" => Origin::User,
            other => panic!("{other}"),
        };
        let make = if who.ends_with('?') { recommended } else { given };
        make(origin, "hotkey", value)
    };
    text.split_whitespace().map(one).collect()
}

fn of<'a>(policy: &'a Policy, name: &str) -> &'a Resolved {
    policy.settings.iter().find(|resolved| resolved.setting.name == name).unwrap()
}

#[rstest]
#[case::nobody("", "Ctrl+F12", Origin::Default, false)]
#[case::server("server=F1", "F1", Origin::Server, true)]
#[case::machine_beats_server("server=F1 machine=F2", "F2", Origin::Machine, true)]
#[case::user_beats_nobody_who_manages("server=F1 machine=F2 user=F3", "F2", Origin::Machine, true)]
#[case::user_alone("user=F3", "F3", Origin::User, false)]
#[case::user_beats_what_is_recommended("machine?=F2 user=F3", "F3", Origin::User, false)]
#[case::what_is_recommended_holds_by_itself("server?=F1", "F1", Origin::Server, false)]
#[case::user_beats_the_server("server?=F1 user=F3", "F3", Origin::User, false)]
#[case::user_does_not_beat_the_server("server=F1 user=F3", "F1", Origin::Server, true)]
#[case::machine_frees_what_the_server_locks("server=F1 machine?=F2 user=F3", "F3", Origin::User, false)]
#[case::machine_locks_what_the_server_frees("server?=F1 machine=F2 user=F3", "F2", Origin::Machine, true)]
#[case::group_policy_after_the_installer("machine=F1 machine=F2", "F2", Origin::Machine, true)]
#[case::group_policy_frees_the_installers("machine=F1 machine?=F2 user=F3", "F3", Origin::User, false)]
#[case::set_beats_recommended_in_one_source("machine?=F1 machine=F2 user=F3", "F2", Origin::Machine, true)]
#[case::environment_after_file("user=F3 user=F4", "F4", Origin::User, false)]
fn who_wins(#[case] text: &str, #[case] value: &str, #[case] origin: Origin, #[case] locked: bool) {
    let policy = resolve(&hotkeys(text));
    let hotkey = of(&policy, "hotkey");
    assert_eq!((hotkey.value.as_deref(), hotkey.origin, hotkey.locked), (Some(value), origin, locked));
    assert_eq!(policy.config.hotkey, value);
    assert_eq!(policy.faults, []);
}

#[test]
fn what_is_picked_beats_file_and_environment_but_nobody_who_manages() {
    let sources = |given| Sources { given, faults: Vec::new() };
    let choices = Choices { language: None, theme: Some(Theme::Dark) };
    let free = sources(vec![given(Origin::User, "theme", "light")]).resolve(choices, &[]);
    assert_eq!((free.config.theme, of(&free, "theme").origin), (Theme::Dark, Origin::Choice));
    let managed = sources(vec![given(Origin::Machine, "theme", "light")]).resolve(choices, &[]);
    assert_eq!((managed.config.theme, of(&managed, "theme").locked), (Theme::Light, true));
}

#[rstest]
#[case("server_url", "ftp://a")]
#[case("server_url", "helpdesk")]
#[case("server_url", "https://a/?b=c")]
#[case("language", "klingon")]
#[case("theme", "blue")]
#[case("proxy", "proxy.internal:3128")]
#[case("proxy", "socks5://SECRET@a")]
#[case("autostart", "perhaps")]
#[case("updates", "2")]
#[case("update_ring", "nightly")]
#[case("update_keys", "RWanybody")]
fn a_wrong_value_is_named_in_one_line_and_the_next_one_holds(#[case] name: &str, #[case] wrong: &str) {
    let before = resolve(&[]);
    let policy = resolve(&[given(Origin::User, name, wrong)]);
    assert_eq!(policy.config, before.config);
    let [fault] = &policy.faults[..] else { panic!("{:?}", policy.faults) };
    let line = fault.to_string();
    assert!(line.starts_with(&format!("user: {name} has to be")) && !line.contains('\n'), "{line}");
    assert!(!line.contains("SECRET"), "a proxy's password is not told: {line}");
}

#[test]
fn a_wrong_policy_stays_locked() {
    let policy = resolve(&[
        given(Origin::Machine, "server_url", "https://installer.example"),
        given(Origin::Machine, "server_url", "nonsense"),
        given(Origin::User, "server_url", "https://elsewhere.example"),
    ]);
    let server = of(&policy, "server_url");
    assert_eq!((server.value.as_deref(), server.locked), (Some("https://installer.example"), true));
    let policy = resolve(&[given(Origin::Machine, "theme", "blue"), given(Origin::User, "theme", "dark")]);
    assert_eq!((policy.config.theme, of(&policy, "theme").locked), (Theme::System, true));
}

#[test]
fn the_server_sets_nothing_that_leads_to_it() {
    for name in ["server_url", "enrolment_key", "ca_file", "proxy", "autostart", "update_keys"] {
        let policy = resolve(&[given(Origin::Server, name, "https://evil.example")]);
        assert_eq!(policy.config, Config::default(), "{name}");
        assert!(!of(&policy, name).locked && policy.faults.len() == 1, "{name}: {:?}", policy.faults);
    }
}

#[test]
fn what_a_newer_server_sends_is_passed_over() {
    let sent = |name: &str, value: &str| SentSetting { name: name.into(), value: value.into(), locked: true };
    let policy = Sources::default().resolve(Choices::default(), &[sent("hotkey", "F9"), sent("mood", "good")]);
    assert_eq!((policy.config.hotkey.as_str(), of(&policy, "hotkey").locked), ("F9", true));
    assert_eq!(policy.faults, []);
}

/// What the server takes is what the agent takes.
#[test]
fn both_ends_know_the_same_values() {
    for sendable in SENDABLE {
        let setting = Setting::of(sendable.name).unwrap();
        match setting.kind {
            crate::policy::Kind::OneOf(words) => assert_eq!(words, sendable.words),
            crate::policy::Kind::Switch => assert_eq!(sendable.words, SWITCH),
            other => assert!(sendable.words.is_empty(), "{other:?}"),
        }
    }
}

#[test]
fn a_name_that_is_none_is_said() {
    let policy = resolve(&[given(Origin::Machine, "sever_url", "https://a.example")]);
    assert_eq!(policy.faults[0].to_string(), "machine: sever_url is no setting");
}

/// Of minisign.
const KEY: &str = "RWTOyLnht9wdtKIkKPJnCytMZxbT0bsbEDPl55fp1nhTMmZKUBwlYLx+";

#[test]
fn each_value_arrives_where_it_is_used() {
    let all = [
        ("server_url", "https://help.example/desk"),
        ("enrolment_key", "DB-SECRET"),
        ("hotkey", "none"),
        ("language", "fr"),
        ("theme", "dark"),
        ("ca_file", "/etc/ssl/ours.pem"),
        ("proxy", "http://camille:SECRET@proxy.internal:3128"),
        ("autostart", "false"),
        ("updates", "0"),
        ("update_ring", "early"),
        ("update_keys", KEY),
    ];
    let policy = resolve(&all.map(|(name, value)| given(Origin::User, name, value)));
    assert_eq!(
        policy.config,
        Config {
            server_url: Some("https://help.example/desk".parse().unwrap()),
            enrolment_key: Some(EnrolmentKey("DB-SECRET".into())),
            hotkey: "none".into(),
            language: Some(deskbell_protocol::ticket::Language::Fr),
            theme: Theme::Dark,
            ca_file: Some("/etc/ssl/ours.pem".into()),
            proxy: Proxy::Explicit("http://camille:SECRET@proxy.internal:3128".parse().unwrap()),
            autostart: false,
            updates: false,
            update_ring: deskbell_protocol::update::UpdateRing::Early,
            update_keys: Some(KEY.into()),
        }
    );
    assert_eq!(policy.config.hotkey(), None);
    let shown = serde_json::to_string(&policy.view()).unwrap();
    assert!(!shown.contains("SECRET") && shown.contains(HIDDEN), "{shown}");
    assert!(shown.contains("proxy.internal:3128") && shown.contains("\"off\""), "{shown}");
}

#[test]
fn every_default_is_a_value_and_is_what_holds_without_any() {
    for setting in SETTINGS {
        assert_eq!(setting.default.map(|value| setting.check(value)).transpose(), Ok(setting.default.map(|_| ())));
        assert_eq!(SETTINGS.iter().filter(|other| other.name == setting.name).count(), 1, "{}", setting.name);
    }
    assert_eq!(resolve(&[]).config, Config::default());
}

fn anybody() -> impl Strategy<Value = Given> {
    let origin = prop::sample::select(vec![Origin::Server, Origin::Machine, Origin::User, Origin::Choice]);
    let name =
        prop::sample::select(SETTINGS.iter().map(|setting| setting.name).chain(["nonsense"]).collect::<Vec<_>>());
    let value = prop::sample::select(vec!["on", "dark", "fr", "https://a.example", "none", "", "early", "F9"]);
    (origin, name, value, any::<bool>())
        .prop_map(|(origin, name, value, recommended)| Given { recommended, ..given(origin, name, value) })
}

proptest! {
    #[test]
    fn a_locked_value_is_never_the_persons_and_every_value_can_be_used(given in prop::collection::vec(anybody(), 0..12)) {
        let policy = resolve(&given);
        prop_assert_eq!(policy.settings.len(), SETTINGS.len());
        for resolved in &policy.settings {
            prop_assert!(!(resolved.locked && matches!(resolved.origin, Origin::User | Origin::Choice)));
            prop_assert!(resolved.value.as_deref().is_none_or(|value| resolved.setting.check(value).is_ok()));
        }
    }

    #[test]
    fn what_a_person_adds_changes_nothing_that_is_locked(
        given in prop::collection::vec(anybody(), 0..8),
        more in prop::collection::vec(anybody(), 0..8),
    ) {
        let before = resolve(&given);
        let mine = more.into_iter().filter(|given| matches!(given.origin, Origin::User | Origin::Choice));
        let after = resolve(&given.into_iter().chain(mine).collect::<Vec<_>>());
        for (before, after) in before.settings.iter().zip(&after.settings).filter(|(before, _)| before.locked) {
            prop_assert_eq!(before, after);
        }
    }
}
