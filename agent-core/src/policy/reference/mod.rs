//! What administrators read and import, made from [`SETTINGS`]: the reference page, the Windows policy
//! templates and a sample of a macOS profile. `cargo xtask codegen` writes them; the test below is red
//! where one is stale.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use deskbell_protocol::ticket::Language;

use super::list::{Kind, SETTINGS, Setting};

mod admx;
mod page;
mod profile;

/// Texts of one language, from `ui/locales`.
struct Texts(HashMap<String, String>);

impl Texts {
    fn of(language: Language) -> Self {
        Self(
            serde_json::from_str(match language {
                Language::En => include_str!("../../../../ui/locales/en.json"),
                Language::Fr => include_str!("../../../../ui/locales/fr.json"),
            })
            .unwrap(),
        )
    }

    fn get(&self, key: &str) -> &str {
        self.0.get(key).unwrap_or_else(|| panic!("ui/locales lacks {key}"))
    }

    fn title(&self, setting: &Setting) -> &str {
        self.get(&format!("setting.{}", setting.name))
    }

    fn text(&self, setting: &Setting) -> &str {
        self.get(&format!("setting.{}.text", setting.name))
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn files() -> Vec<(&'static str, String)> {
    vec![
        ("docs/settings.md", page::page(&Texts::of(Language::En))),
        ("installer/windows/policy/deskbell.admx", admx::admx()),
        ("installer/windows/policy/en-US/deskbell.adml", admx::adml(&Texts::of(Language::En))),
        ("installer/windows/policy/fr-FR/deskbell.adml", admx::adml(&Texts::of(Language::Fr))),
        ("installer/macos/deskbell.mobileconfig", profile::profile(&Texts::of(Language::En))),
    ]
}

fn path_of(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

/// Set by `cargo xtask codegen`: the committed ones are written anew.
#[test]
fn the_committed_policy_files_are_the_ones_of_the_list() {
    for (file, content) in files() {
        let path = path_of(file);
        if std::env::var_os("DESKBELL_CODEGEN").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &content).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert!(committed == content, "{file} is stale: run `cargo xtask codegen` and commit it");
    }
}

#[test]
fn every_example_is_a_value() {
    for setting in SETTINGS {
        assert_eq!(setting.check(setting.example), Ok(()), "{}", setting.name);
    }
}
