//! What an administrator sets: by file, then environment (`DESKBELL_SERVER_…`), then flags.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;
use url::Url;

/// The server's settings. `docs/configure.md` describes each.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The address under which people and agents reach the server. Links in mails are made from it,
    /// and signatures are checked against its path.
    pub public_url: Option<Url>,
    /// Holds the embedded database, the attachments and, without SMTP, the mails.
    #[serde(default = "default_data_dir")]
    pub data_dir: PathBuf,
    /// `postgres://…`; absent: SQLite in `data_dir`.
    pub database_url: Option<String>,
    pub smtp: Option<Smtp>,
    /// Updates of agents that update themselves; absent: `updates` in `data_dir`.
    pub updates_dir: Option<PathBuf>,
    /// How many updates are sent at a time.
    #[serde(default = "default_update_downloads")]
    pub update_downloads: usize,
    #[serde(default)]
    pub log: LogFormat,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    #[serde(default)]
    pub tls: SmtpTls,
    pub username: Option<String>,
    pub password: Option<String>,
    /// A file that holds the password, instead of `password`.
    pub password_file: Option<PathBuf>,
    /// For example `Helpdesk <help@example.org>`.
    pub from: String,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    None,
    #[default]
    Starttls,
    Implicit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads the file, if any, then the environment, then `flags` (settings by name).
    ///
    /// # Errors
    /// One line that names the setting and what is wrong with it.
    pub fn load(
        file: Option<&std::path::Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(&str, Option<String>)],
    ) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        for (name, value) in environment {
            if let Some(setting) = name.strip_prefix("DESKBELL_SERVER_") {
                builder = set(builder, &setting.to_lowercase().replacen("smtp_", "smtp.", 1), value)?;
            }
        }
        for (name, value) in flags {
            if let Some(value) = value {
                builder = set(builder, name, value.clone())?;
            }
        }
        let loaded = builder.build().and_then(config::Config::try_deserialize::<Self>);
        let config = loaded.map_err(|error| ConfigError(format!("the configuration is refused: {error}")))?;
        config.check()
    }

    fn check(self) -> Result<Self, ConfigError> {
        if let Some(url) = &self.public_url
            && (!matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some())
        {
            return Err(ConfigError(format!("public_url is {url}: it has to be http:// or https://, without a query")));
        }
        if let Some(url) = &self.public_url
            && url.path() != "/"
        {
            return Err(ConfigError(format!(
                "public_url is {url}: the console needs a host name of its own, without a path behind it"
            )));
        }
        if let Some(url) = &self.database_url
            && !url.starts_with("postgres://")
            && !url.starts_with("postgresql://")
        {
            return Err(ConfigError(
                "database_url has to begin with postgres://; leave it out for the embedded database".to_owned(),
            ));
        }
        if let Some(smtp) = &self.smtp
            && let Err(error) = smtp.from.parse::<lettre::message::Mailbox>()
        {
            return Err(ConfigError(format!("smtp.from is no sender such as Helpdesk <help@example.org>: {error}")));
        }
        Ok(self)
    }

    /// Where an administrator puts updates.
    #[must_use]
    pub fn updates_dir(&self) -> PathBuf {
        self.updates_dir.clone().unwrap_or_else(|| self.data_dir.join("updates"))
    }

    /// The public address; where none is set, the one it listens on.
    #[must_use]
    pub fn public_url(&self) -> Url {
        self.public_url
            .clone()
            .unwrap_or_else(|| Url::parse(&format!("http://{}/", self.listen)).expect("a socket address makes a URL"))
    }
}

fn set(
    builder: config::ConfigBuilder<config::builder::DefaultState>,
    name: &str,
    value: String,
) -> Result<config::ConfigBuilder<config::builder::DefaultState>, ConfigError> {
    builder.set_override(name, value).map_err(|error| ConfigError(format!("{name} is refused: {error}")))
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

const fn default_update_downloads() -> usize {
    8
}

fn default_data_dir() -> PathBuf {
    PathBuf::from("deskbell-data")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        std::fs::write(&file, text).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(Some(&file), environment, &[])
    }

    #[test]
    fn the_environment_beats_the_file_and_flags_beat_both() {
        let config =
            load("listen = \"127.0.0.1:1\"", &[("DESKBELL_SERVER_LISTEN", "127.0.0.1:2"), ("HOME", "/x")]).unwrap();
        assert_eq!(config.listen.port(), 2);
        let flags = [("listen", Some("127.0.0.1:3".to_owned()))];
        let config = Config::load(None, std::iter::empty(), &flags).unwrap();
        assert_eq!(config.listen.port(), 3);
    }

    #[test]
    fn smtp_is_set_by_the_environment_too() {
        let config = load(
            "",
            &[
                ("DESKBELL_SERVER_SMTP_HOST", "mail.example.org"),
                ("DESKBELL_SERVER_SMTP_PORT", "25"),
                ("DESKBELL_SERVER_SMTP_TLS", "none"),
                ("DESKBELL_SERVER_SMTP_FROM", "Help <help@example.org>"),
            ],
        );
        assert_eq!(config.unwrap().smtp.unwrap().port, 25);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("listne = \"127.0.0.1:1\"", "listne"),
            ("listen = \"here\"", "listen"),
            ("database_url = \"mysql://x\"", "database_url"),
            ("public_url = \"ftp://x\"", "public_url"),
            ("public_url = \"https://x/help\"", "public_url"),
            ("[smtp]\nhost=\"h\"\nport=25\nfrom=\"nobody\"", "smtp.from"),
        ] {
            let error = load(text, &[]).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
            assert!(!error.contains('\n'), "one line: {error}");
        }
    }
}
