//! What an administrator sets for the agent, and where its files lie. `docs/configure.md` describes
//! each setting.

use std::{collections::HashMap, path::PathBuf};

use deskbell_protocol::ticket::Language;
use serde::Deserialize;

use crate::view::Theme;

const FILE: &str = "agent.toml";
const DEFAULT_HOTKEY: &str = "Ctrl+F12";

/// Settings that the environment may bring, as `DESKBELL_<NAME>`.
const SETTINGS: &[&str] =
    &["server_url", "enrolment_key", "hotkey", "language", "theme", "ca_file", "proxy", "autostart"];

/// The agent's settings: the machine's file, then the user's, then the environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server's public address. Without one the agent has nobody to talk to, and says so.
    pub server_url: Option<url::Url>,
    pub enrolment_key: Option<EnrolmentKey>,
    /// Such as `Ctrl+F12`; `none` where no key shall be taken.
    #[serde(default = "default_hotkey")]
    pub hotkey: String,
    /// Until the person chooses one; the system's, where it is not set.
    pub language: Option<Language>,
    #[serde(default)]
    pub theme: Theme,
    /// Certificates (PEM) that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Instead of the system's proxy.
    pub proxy: Option<url::Url>,
    /// Whether the installed agent starts with the session.
    #[serde(default = "yes")]
    pub autostart: bool,
}

/// A secret: it is sent once and never shown.
#[derive(Clone, Deserialize)]
pub struct EnrolmentKey(pub String);

impl std::fmt::Debug for EnrolmentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnrolmentKey(…)")
    }
}

/// Why the configuration cannot be used: one line that names the setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// Where the agent keeps what it writes and looks for what it is told.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The queue, the files and the log. Its own for every user.
    pub data: PathBuf,
    /// Configuration files, the most general first.
    pub config: Vec<PathBuf>,
}

impl Folders {
    /// Those of the signed-in user; `DESKBELL_DATA_DIR` and `DESKBELL_CONFIG` replace them.
    ///
    /// # Errors
    /// Where the user has no home.
    pub fn of_user() -> Result<Self, ConfigError> {
        let no_home = || ConfigError("this user has no home folder; set DESKBELL_DATA_DIR".to_owned());
        let data = match std::env::var_os("DESKBELL_DATA_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => dirs::data_local_dir().ok_or_else(no_home)?.join(folder_name()),
        };
        let config = match std::env::var_os("DESKBELL_CONFIG") {
            Some(file) => vec![PathBuf::from(file)],
            None => [machine_folder(), dirs::config_dir().map(|folder| folder.join(folder_name()))]
                .into_iter()
                .flatten()
                .map(|folder| folder.join(FILE))
                .collect(),
        };
        Ok(Self { data, config })
    }
}

const fn folder_name() -> &'static str {
    if cfg!(target_os = "linux") { "deskbell" } else { "Deskbell" }
}

fn machine_folder() -> Option<PathBuf> {
    if cfg!(windows) {
        std::env::var_os("PROGRAMDATA").map(|folder| PathBuf::from(folder).join("Deskbell"))
    } else if cfg!(target_os = "macos") {
        Some(PathBuf::from("/Library/Application Support/Deskbell"))
    } else {
        Some(PathBuf::from("/etc/deskbell"))
    }
}

impl Config {
    /// Reads what is there, and refuses what is wrong.
    ///
    /// # Errors
    /// One line that names the setting and what is wrong with it.
    pub fn load(folders: &Folders) -> Result<Self, ConfigError> {
        let environment = SETTINGS.iter().filter_map(|name| {
            let value = std::env::var(format!("DESKBELL_{}", name.to_uppercase())).ok()?;
            (!value.is_empty()).then(|| ((*name).to_owned(), value))
        });
        Self::read(folders, environment.collect())
    }

    pub(crate) fn read(folders: &Folders, environment: HashMap<String, String>) -> Result<Self, ConfigError> {
        let refused = |error: config::ConfigError| {
            ConfigError(format!("the configuration is refused: {}", error.to_string().replace('\n', " ")))
        };
        let mut builder = config::Config::builder();
        for file in &folders.config {
            builder =
                builder.add_source(config::File::from(file.as_path()).format(config::FileFormat::Toml).required(false));
        }
        for (name, value) in environment {
            builder = builder.set_override(name, value).map_err(refused)?;
        }
        let config = builder.build().and_then(config::Config::try_deserialize::<Self>).map_err(refused)?;
        if let Some(url) = &config.server_url
            && (!matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some())
        {
            return Err(ConfigError(format!("server_url is {url}: it has to be http:// or https://, without a query")));
        }
        Ok(config)
    }

    /// The key that opens the new ticket window; nothing where policy says none.
    #[must_use]
    pub fn hotkey(&self) -> Option<String> {
        let key = self.hotkey.trim();
        (!key.is_empty() && !key.eq_ignore_ascii_case("none")).then(|| key.to_owned())
    }
}

fn default_hotkey() -> String {
    DEFAULT_HOTKEY.to_owned()
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, text).unwrap();
        let folders = Folders { data: folder.path().to_owned(), config: vec![file, folder.path().join("absent.toml")] };
        Config::read(&folders, environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn without_any_setting_the_hotkey_is_ctrl_f12() {
        let config = read("", &[]).unwrap();
        assert_eq!(config.hotkey().as_deref(), Some("Ctrl+F12"));
        assert!(config.server_url.is_none());
    }

    #[test]
    fn the_environment_beats_the_file() {
        let config = read("hotkey = \"Ctrl+F9\"\nlanguage = \"fr\"", &[("hotkey", "none")]).unwrap();
        assert_eq!(config.hotkey(), None);
        assert_eq!(config.language, Some(Language::Fr));
    }

    #[test]
    fn what_is_wrong_is_named_in_one_line() {
        for (text, named) in [
            ("sever_url = \"http://a\"", "sever_url"),
            ("server_url = \"ftp://a\"", "server_url"),
            ("language = \"klingon\"", "language"),
            ("theme = 3", "theme"),
            ("hotkey = [", "hotkey"),
        ] {
            let error = read(text, &[]).unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains('\n'), "{text}: {error}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let config = read("enrolment_key = \"DB-SECRET\"", &[]).unwrap();
        assert!(!format!("{config:?}").contains("SECRET"));
    }
}
