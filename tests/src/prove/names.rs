//! The names that the code gives to its crash points and mutants, read from the sources.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};

/// The crates that are handed out.
const CRATES: [&str; 4] = ["protocol", "agent-core", "src-tauri", "server"];

/// Every name that `macro_name!("…")` is called with, by crate.
///
/// # Errors
/// Where the sources cannot be read.
pub fn of(macro_name: &str) -> Result<Vec<(&'static str, BTreeSet<String>)>> {
    CRATES.into_iter().map(|name| Ok((name, in_folder(&root().join(name).join("src"), macro_name)?))).collect()
}

/// The repository's root.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

fn in_folder(folder: &Path, macro_name: &str) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for file in crate::server::files(folder)? {
        if file.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            found.extend(in_text(&text, macro_name));
        }
    }
    Ok(found)
}

fn in_text(text: &str, macro_name: &str) -> Vec<String> {
    let call = format!("{macro_name}!(\"");
    text.split(&call).skip(1).filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_read_from_calls() {
        let text = r#"a(); crash_point!("outbox.commit.before"); b(); deskbell_protocol::crash_point!("x");"#;
        assert_eq!(super::in_text(text, "crash_point"), ["outbox.commit.before", "x"]);
        assert!(super::in_text("crash_point($name)", "crash_point").is_empty());
    }
}
