//! `deskbell policy`: each setting, its value, where it comes from, and whether the person may set it.

use std::fmt::Write;

use deskbell_agent_core::{
    policy::{Folders, Origin, Policy},
    view::SettingView,
};
use deskbell_protocol::ticket::Language;

use crate::{
    setup::StartError,
    texts::{fill, text},
};

pub(crate) fn print(json: bool, language: Language) -> Result<(), StartError> {
    let policy = Policy::of_user(&Folders::of_user()?);
    if json {
        let faults: Vec<String> = policy.faults.iter().map(ToString::to_string).collect();
        println!("{}", serde_json::json!({ "settings": policy.view(), "faults": faults }));
    } else {
        print!("{}", table(&policy, language));
    }
    Ok(())
}

/// A line for each setting, in columns, and one for each value that cannot be used.
fn table(policy: &Policy, language: Language) -> String {
    let settings = policy.view();
    let value = |setting: &SettingView| match &setting.value {
        Some(value) => value.clone(),
        None => text(language, "cli.policy.not_set").to_owned(),
    };
    let widest = |cell: &dyn Fn(&SettingView) -> String| {
        settings.iter().map(|setting| cell(setting).chars().count()).max().unwrap_or_default()
    };
    let (names, values) = (widest(&|setting| setting.name.clone()), widest(&value));
    let mut table = String::new();
    for setting in &settings {
        let (name, value, source) = (&setting.name, value(setting), source(setting, language));
        let _ = writeln!(table, "{name:names$}  {value:values$}  {source}");
    }
    for fault in &policy.faults {
        let reason = fill(language, fault.reason.key(), &[("detail", &fault.reason.detail())]);
        let values = [("subject", fault.subject()), ("reason", reason)];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        let _ = writeln!(table, "{}", fill(language, "cli.policy.fault", &values));
    }
    table
}

fn source(setting: &SettingView, language: Language) -> String {
    let origin = match setting.origin {
        Origin::Default => "origin.default",
        Origin::Server => "origin.server",
        Origin::Machine => "origin.machine",
        Origin::User => "origin.user",
        Origin::Choice => "origin.choice",
    };
    let mut source = text(language, origin).to_owned();
    if !setting.place.is_empty() {
        let _ = write!(source, " ({})", setting.place);
    }
    let managed = matches!(setting.origin, Origin::Server | Origin::Machine);
    if setting.locked || managed {
        let key = if setting.locked { "cli.policy.locked" } else { "cli.policy.recommended" };
        let _ = write!(source, ", {}", text(language, key));
    }
    source
}

#[cfg(test)]
mod tests {
    use deskbell_agent_core::policy::{Choices, Given, Reason, SETTINGS, Sources};

    use super::*;
    use crate::texts;

    fn policy() -> Policy {
        let given = |origin, name: &str, value: &str| Given {
            origin,
            place: "/etc/deskbell/agent.toml".to_owned(),
            name: name.to_owned(),
            value: Ok(value.to_owned()),
            recommended: false,
        };
        let given = vec![
            given(Origin::Machine, "server_url", "https://help.example"),
            given(Origin::Machine, "enrolment_key", "DB-SECRET"),
            given(Origin::Machine, "theme", "blue"),
            given(Origin::Server, "hotkey", "Ctrl+F9"),
        ];
        Sources { given, faults: Vec::new() }.resolve(Choices::default(), &[])
    }

    #[test]
    fn each_setting_has_a_line_and_no_secret_is_in_it() {
        let table = table(&policy(), Language::En);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), SETTINGS.len() + 1, "{table}");
        assert!(lines[0].starts_with("server_url     https://help.example  "), "{table}");
        assert!(lines[0].ends_with("this computer (/etc/deskbell/agent.toml), locked"), "{table}");
        assert!(lines.last().unwrap().contains("theme has to be one of"), "{table}");
        assert!(!table.contains("SECRET"), "{table}");
    }

    #[test]
    fn it_speaks_every_language() {
        for language in Language::ALL {
            let table = table(&policy(), *language);
            assert!(!["cli.", "origin.", "fault."].iter().any(|key| table.contains(key)), "a text is missing: {table}");
            for reason in Reason::all() {
                let said = fill(*language, reason.key(), &[("detail", &reason.detail())]);
                assert!(said.contains(&reason.detail()) && !said.contains(reason.key()), "{said}");
            }
            for setting in SETTINGS {
                for key in [format!("setting.{}", setting.name), format!("setting.{}.text", setting.name)] {
                    assert!(texts::find(*language, &key).is_some(), "{key} in {language}");
                }
            }
        }
    }
}
