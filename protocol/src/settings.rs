//! The settings of agents that a server may send. What leads to the server or to what is trusted is not
//! among them: whoever took a server over once could keep its agents for good.

use serde::{Deserialize, Serialize};

/// One of them, and the words that it may be; any text where there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sendable {
    pub name: &'static str,
    pub words: &'static [&'static str],
}

pub const LANGUAGES: &[&str] = &["en", "fr"];
pub const THEMES: &[&str] = &["system", "light", "dark"];
pub const UPDATE_RINGS: &[&str] = &["stable", "early"];
pub const SWITCH: &[&str] = &["on", "off"];

pub const SENDABLE: &[Sendable] = &[
    Sendable { name: "hotkey", words: &[] },
    Sendable { name: "language", words: LANGUAGES },
    Sendable { name: "theme", words: THEMES },
    Sendable { name: "updates", words: SWITCH },
    Sendable { name: "update_ring", words: UPDATE_RINGS },
];

/// Characters of a value that is any text.
pub const VALUE_CHARS: usize = 60;

impl Sendable {
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        SENDABLE.iter().find(|sendable| sendable.name == name)
    }

    #[must_use]
    pub fn takes(&self, value: &str) -> bool {
        if self.words.is_empty() {
            !value.trim().is_empty() && value.chars().count() <= VALUE_CHARS && !value.chars().any(char::is_control)
        } else {
            self.words.contains(&value)
        }
    }
}

/// One value, as a part of [`crate::device::AgentState`]. An agent that does not know the name passes
/// over it: the server may be newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SentSetting {
    pub name: String,
    pub value: String,
    /// The person may not set another.
    pub locked: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_of_the_words_or_a_short_text() {
        let takes = |name, value: &str| Sendable::of(name).is_some_and(|sendable| sendable.takes(value));
        assert!(takes("theme", "dark") && takes("updates", "off") && takes("hotkey", "Ctrl+Alt+H"));
        assert!(!takes("theme", "blue") && !takes("updates", "true") && !takes("hotkey", " "));
        assert!(!takes("hotkey", "F1\nF2") && !takes("hotkey", &"F".repeat(61)));
        assert!(!takes("server_url", "https://elsewhere.example"), "a server leads nobody away");
    }
}
