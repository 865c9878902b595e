//! The Windows policy templates: one policy for each setting, and one that only recommends it.

use std::fmt::Write;

use super::{Kind, SETTINGS, Setting, Texts, escape};
use crate::policy::file::RECOMMENDED;

const SCHEMA: &str = "xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
    xmlns=\"http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions\" \
    revision=\"1.0\" schemaVersion=\"1.0\"";
const NOTE: &str = "<!-- Made by `cargo xtask codegen` from agent-core/src/policy/list.rs; do not edit. -->";
const KEY: &str = r"SOFTWARE\Policies\Deskbell";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

/// Every policy: a setting, and whether it is only recommended. Nobody recommends a secret.
fn policies() -> impl Iterator<Item = (&'static Setting, bool)> {
    let set = SETTINGS.iter().map(|setting| (setting, false));
    set.chain(SETTINGS.iter().filter(|setting| !setting.secret).map(|setting| (setting, true)))
}

fn name(setting: &Setting, recommended: bool) -> String {
    if recommended { format!("{}_{RECOMMENDED}", setting.name) } else { setting.name.to_owned() }
}

pub(super) fn admx() -> String {
    let mut admx = format!(
        "{DECLARATION}\n{NOTE}\n<policyDefinitions {SCHEMA}>
  <policyNamespaces>
    <target prefix=\"deskbell\" namespace=\"Deskbell.Policies.Agent\"/>
  </policyNamespaces>
  <resources minRequiredRevision=\"1.0\"/>
  <supportedOn>
    <definitions>
      <definition name=\"supported\" displayName=\"$(string.supported)\"/>
    </definitions>
  </supportedOn>
  <categories>
    <category name=\"deskbell\" displayName=\"$(string.deskbell)\"/>
    <category name=\"{RECOMMENDED}\" displayName=\"$(string.{RECOMMENDED})\">
      <parentCategory ref=\"deskbell\"/>
    </category>
  </categories>
  <policies>\n"
    );
    for (setting, recommended) in policies() {
        policy(&mut admx, setting, recommended);
    }
    admx + "  </policies>\n</policyDefinitions>\n"
}

fn policy(admx: &mut String, setting: &Setting, recommended: bool) {
    let (id, value) = (name(setting, recommended), setting.name);
    let (key, category) =
        if recommended { (format!(r"{KEY}\{RECOMMENDED}"), RECOMMENDED) } else { (KEY.to_owned(), "deskbell") };
    let presented = match setting.kind {
        Kind::Switch => format!(" valueName=\"{value}\""),
        _ => format!(" presentation=\"$(presentation.{id})\""),
    };
    let _ = writeln!(
        admx,
        "    <policy name=\"{id}\" class=\"Machine\" displayName=\"$(string.{value})\" explainText=\"$(string.{id}_text)\" key=\"{key}\"{presented}>
      <parentCategory ref=\"{category}\"/>
      <supportedOn ref=\"supported\"/>"
    );
    match setting.kind {
        Kind::Switch => admx.push_str(
            "      <enabledValue><string>on</string></enabledValue>
      <disabledValue><string>off</string></disabledValue>\n",
        ),
        Kind::OneOf(words) => {
            let _ = writeln!(
                admx,
                "      <elements>\n        <enum id=\"{value}\" valueName=\"{value}\" required=\"true\">"
            );
            for word in words {
                let _ = writeln!(
                    admx,
                    "          <item displayName=\"$(string.{value}_{word})\"><value><string>{word}</string></value></item>"
                );
            }
            admx.push_str("        </enum>\n      </elements>\n");
        }
        _ => {
            let _ = writeln!(
                admx,
                "      <elements>\n        <text id=\"{value}\" valueName=\"{value}\" required=\"true\" maxLength=\"1023\"/>\n      </elements>"
            );
        }
    }
    admx.push_str("    </policy>\n");
}

pub(super) fn adml(texts: &Texts) -> String {
    let description = escape(texts.get("policy.description"));
    let mut adml = format!(
        "{DECLARATION}\n{NOTE}\n<policyDefinitionResources {SCHEMA}>
  <displayName>Deskbell</displayName>
  <description>{description}</description>
  <resources>
    <stringTable>\n"
    );
    for (id, text) in strings(texts) {
        let _ = writeln!(adml, "      <string id=\"{id}\">{}</string>", escape(&text));
    }
    adml.push_str("    </stringTable>\n    <presentationTable>\n");
    for (setting, recommended) in policies() {
        presentation(&mut adml, texts, setting, recommended);
    }
    adml + "    </presentationTable>\n  </resources>\n</policyDefinitionResources>\n"
}

fn strings(texts: &Texts) -> Vec<(String, String)> {
    let own = |id: &str, key: &str| (id.to_owned(), texts.get(key).to_owned());
    let mut strings = vec![
        own("deskbell", "policy.category"),
        own(RECOMMENDED, "policy.recommended"),
        own("supported", "policy.supported"),
    ];
    for setting in SETTINGS {
        strings.push((setting.name.to_owned(), texts.title(setting).to_owned()));
        if let Kind::OneOf(words) = setting.kind {
            strings.extend(
                words
                    .iter()
                    .map(|word| own(&format!("{}_{word}", setting.name), &format!("setting.{}.{word}", setting.name))),
            );
        }
    }
    strings.extend(policies().map(|(setting, recommended)| {
        (format!("{}_text", name(setting, recommended)), explanation(texts, setting, recommended))
    }));
    strings
}

fn explanation(texts: &Texts, setting: &Setting, recommended: bool) -> String {
    let mut lines = vec![texts.text(setting).to_owned()];
    if setting.kind == Kind::Switch {
        lines.push(texts.get("policy.switch").to_owned());
    }
    if let Some(default) = setting.default {
        lines.push(texts.get("policy.default").replace("{default}", default));
    }
    lines.push(texts.get(if recommended { "policy.recommended.text" } else { "policy.locked.text" }).to_owned());
    lines.join("\n\n")
}

fn presentation(adml: &mut String, texts: &Texts, setting: &Setting, recommended: bool) {
    let (value, title) = (setting.name, escape(texts.title(setting)));
    let element = match setting.kind {
        Kind::Switch => return,
        Kind::OneOf(_) => {
            format!("<dropdownList refId=\"{value}\" noSort=\"true\" defaultItem=\"0\">{title}</dropdownList>")
        }
        _ => {
            let default = setting.default.map(|text| format!("<defaultValue>{}</defaultValue>", escape(text)));
            format!("<textBox refId=\"{value}\"><label>{title}</label>{}</textBox>", default.unwrap_or_default())
        }
    };
    let _ = writeln!(adml, "      <presentation id=\"{}\">{element}</presentation>", name(setting, recommended));
}

#[cfg(test)]
mod tests;
