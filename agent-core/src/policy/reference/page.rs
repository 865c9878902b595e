//! `docs/settings.md`.

use std::fmt::Write;

use super::{Kind, SETTINGS, Setting, Texts};

const HEAD: &str = "\
# The agent's settings

Made by `cargo xtask codegen` from the list in `agent-core/src/policy/list.rs`; do not edit. Where each is set, and who beats whom, is in
[configure.md](configure.md#the-agent); the Windows policy templates are in `installer/windows/policy`, a sample of a macOS profile is
`installer/macos/deskbell.mobileconfig`.

The name is the same everywhere: in `agent.toml`, as a value's name in the registry, as a key of a configuration profile. In the
environment it is `DESKBELL_` and the name in capitals. A switch may also be `true`, `false`, 1 or 0.
";

pub(super) fn page(texts: &Texts) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n| setting | values | default | example | the server may send it | meaning |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for setting in SETTINGS {
        let default = setting.default.map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"));
        let _ = writeln!(
            page,
            "| `{}` | {} | {default} | `{}` | {} | **{}.** {}{} |",
            setting.name,
            values(setting.kind),
            setting.example,
            if setting.by_server() { "yes" } else { "no" },
            texts.title(setting),
            texts.text(setting),
            notes(setting),
        );
    }
    page
}

fn values(kind: Kind) -> String {
    match kind {
        Kind::Text => "a text".to_owned(),
        Kind::Address => "an address".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::Proxy => "`system`, `none`, an address".to_owned(),
        Kind::Switch => "`on`, `off`".to_owned(),
        Kind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
    }
}

fn notes(setting: &Setting) -> &'static str {
    match (setting.secret, setting.choice) {
        (true, _) => " Never shown, never logged.",
        (_, true) => " People pick it in *Personal settings*, where nobody has locked it.",
        _ => "",
    }
}
