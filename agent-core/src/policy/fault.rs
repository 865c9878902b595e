//! What is wrong with a value, or with a whole source. The screen has each reason in its languages.

use std::fmt;

use deskbell_protocol::settings::{LANGUAGES, SWITCH, THEMES, UPDATE_RINGS};

/// A value that is not used: one line that names its source and the setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub place: String,
    /// Absent where the source as a whole is wrong.
    pub setting: Option<String>,
    pub reason: Reason,
}

/// Never the value itself: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("has to be one of {}", .0.join(", "))]
    OneOf(&'static [&'static str]),
    #[error("has to be an address of http:// or https:// with nothing but host, port and path")]
    Address,
    #[error("has to be system, none or an address such as http://proxy.internal:3128")]
    Proxy,
    #[error("has to be public keys of minisign, which begin with RW")]
    UpdateKeys,
    #[error("has to be a text")]
    NoText,
    #[error("is no setting")]
    NoSetting,
    #[error("may not be set by the server")]
    NotByServer,
    /// In the words of whoever tried to read it.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

impl Reason {
    /// Of the text in `ui/locales`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::OneOf(_) => "fault.one_of",
            Self::Address => "fault.address",
            Self::Proxy => "fault.proxy",
            Self::UpdateKeys => "fault.update_keys",
            Self::NoText => "fault.no_text",
            Self::NoSetting => "fault.no_setting",
            Self::NotByServer => "fault.not_by_server",
            Self::Unreadable(_) => "fault.unreadable",
        }
    }

    /// What the text's `{detail}` is; empty where it has none.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::OneOf(words) => words.join(", "),
            Self::Unreadable(error) => one_line(error),
            _ => String::new(),
        }
    }

    /// One of each, for tests of what is said.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let words = [LANGUAGES, THEMES, UPDATE_RINGS, SWITCH].map(Self::OneOf);
        let others = [Self::Address, Self::Proxy, Self::UpdateKeys, Self::NoText, Self::NoSetting, Self::NotByServer];
        words.into_iter().chain(others).chain([Self::Unreadable("a\nb".to_owned())]).collect()
    }
}

impl Fault {
    /// The source, and the setting where it is one.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.setting {
            Some(setting) => format!("{}: {setting}", self.place),
            None => self.place.clone(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.setting.is_some() { "" } else { ":" };
        write!(f, "{}{between} {}", self.subject(), one_line(&self.reason.to_string()))
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
