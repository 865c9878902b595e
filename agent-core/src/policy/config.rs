//! The settings as the program uses them.

use std::{fmt, path::PathBuf};

use deskbell_protocol::{ticket::Language, update::UpdateRing};
use url::Url;

use crate::view::Theme;

/// What holds at the moment. Each field is a row of [`super::SETTINGS`], which says what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Without one the agent has nobody to talk to, and says so.
    pub server_url: Option<Url>,
    pub enrolment_key: Option<EnrolmentKey>,
    /// Such as `Ctrl+F12`; `none` where no key shall be taken.
    pub hotkey: String,
    /// The system's, where it is not set.
    pub language: Option<Language>,
    pub theme: Theme,
    pub ca_file: Option<PathBuf>,
    pub proxy: Proxy,
    pub autostart: bool,
    pub updates: bool,
    pub update_ring: UpdateRing,
    /// minisign's public keys, with spaces between them; a file beside the program, where it is not set.
    pub update_keys: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server_url: None,
            enrolment_key: None,
            hotkey: super::list::DEFAULT_HOTKEY.to_owned(),
            language: None,
            theme: Theme::System,
            ca_file: None,
            proxy: Proxy::System,
            autostart: true,
            updates: true,
            update_ring: UpdateRing::Stable,
            update_keys: None,
        }
    }
}

impl Config {
    /// The key that opens the new ticket window; nothing where policy says none.
    #[must_use]
    pub fn hotkey(&self) -> Option<String> {
        let key = self.hotkey.trim();
        (!key.is_empty() && !key.eq_ignore_ascii_case("none")).then(|| key.to_owned())
    }
}

/// A secret: it is sent once and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentKey(pub String);

impl fmt::Debug for EnrolmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrolmentKey(…)")
    }
}

/// The way to the server.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// What the system, or the environment, says.
    #[default]
    System,
    /// Straight there, whatever the system says.
    None,
    /// `http://` or `https://`, with a name and a password where the proxy asks for them.
    Explicit(Url),
}

/// Without the password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::None => f.write_str("None"),
            Self::Explicit(url) => write!(f, "Explicit({})", super::list::without_password(url)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let config = Config {
            enrolment_key: Some(EnrolmentKey("DB-SECRET".to_owned())),
            proxy: Proxy::Explicit("http://camille:SECRET@proxy.internal:3128".parse().unwrap()),
            ..Config::default()
        };
        let printed = format!("{config:?}");
        assert!(printed.contains("proxy.internal") && !printed.contains("SECRET"), "{printed}");
    }
}
