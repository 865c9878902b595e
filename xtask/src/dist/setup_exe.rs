//! setup.exe, made by NSIS.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{Plan, numbers};
use crate::shell::{self, command};

pub(super) fn make(plan: &Plan, stage: &Path) -> Result<PathBuf> {
    let output = plan.out.join(format!("deskbell-{}-setup.exe", plan.version));
    let texts = plan.stages.join("texts.nsh");
    fs::write(&texts, texts_of_both_languages()?)?;
    let icon = shell::root().join("src-tauri/icons/icon.ico");
    let [major, minor, patch] = numbers(&plan.version)?;
    let mut nsis = command(&["makensis", "-V2", "-WX"]);
    for (name, value) in [
        ("VERSION", plan.version.as_str()),
        ("VERSION_FULL", &format!("{major}.{minor}.{patch}.0")),
        // A debug build is packed often and handed to nobody.
        ("COMPRESSION", if plan.debug { "zlib" } else { "lzma" }),
        ("STAGE", path(stage)?),
        ("ICON", path(&icon)?),
        ("TEXTS", path(&texts)?),
        ("OUTPUT", path(&output)?),
    ] {
        nsis.arg(format!("-D{name}={value}"));
    }
    if let Some(script) = plan.signing.script() {
        let file = plan.stages.join("sign-uninstaller.sh");
        fs::write(&file, script)?;
        nsis.arg(format!("-DSIGN_UNINSTALLER={}", path(&file)?));
    }
    nsis.arg(shell::root().join("installer/windows/deskbell.nsi"));
    nsis.env("SOURCE_DATE_EPOCH", plan.epoch.to_string());
    shell::run(nsis)?;
    plan.signing.sign(&output)?;
    Ok(output)
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not Unicode", path.display()))
}

fn texts_of_both_languages() -> Result<String> {
    let mut script = String::new();
    for (language, nsis) in [("en", "${LANG_ENGLISH}"), ("fr", "${LANG_FRENCH}")] {
        let file = shell::root().join(format!("ui/locales/{language}.json"));
        let texts: BTreeMap<String, String> = serde_json::from_slice(&fs::read(file)?)?;
        script += &lang_strings(&texts, nsis)?;
    }
    Ok(script)
}

/// The texts below `setup.` as NSIS declares them.
fn lang_strings(texts: &BTreeMap<String, String>, language: &str) -> Result<String> {
    let mut script = String::new();
    let texts = texts.iter().filter_map(|(key, text)| Some((key.strip_prefix("setup.")?, text)));
    for (name, text) in texts {
        ensure!(!name.contains('.'), "setup.{name} has a dot that NSIS has no name for");
        let text = text.replace('$', "$$").replace('"', "$\\\"").replace('\n', "$\\r$\\n");
        writeln!(script, "LangString setup_{name} {language} \"{text}\"")?;
    }
    ensure!(!script.is_empty(), "ui/locales holds no text for setup.exe");
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_reaches_nsis_as_it_is() {
        let texts = [("setup.a", "1 $ of \"two\"\nlines"), ("cli.b", "not for setup.exe")];
        let texts = texts.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
        let script = lang_strings(&texts, "7").unwrap();
        assert_eq!(script, "LangString setup_a 7 \"1 $$ of $\\\"two$\\\"$\\r$\\nlines\"\n");
    }
}
