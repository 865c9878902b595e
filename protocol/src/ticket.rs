//! A ticket as its author writes it, and the words that describe it.

use serde::{Deserialize, Serialize};

use crate::{
    Millis,
    device::Context,
    id::{AttachmentId, MessageId, RequesterId, TicketId},
};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as it stands in JSON and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::ticket::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(crate::ticket::UnknownWord(text.to_owned())) }
            }
        }
    };
}
pub(crate) use word;

/// A word that is none of its kind; it names what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {0:?}")]
pub struct UnknownWord(pub String);

word! {
    /// What kind of ticket it is.
    TicketType { Incident = "incident", Request = "request" }
}
word! {
    Status {
        Open = "open",
        /// The requester is asked something. Technicians read *Awaiting reply*, employees *Awaiting your reply*.
        AwaitingReply = "awaiting_reply",
        OnHold = "on_hold",
        /// A reply reopens it.
        Resolved = "resolved",
        /// Never reopens.
        Closed = "closed",
    }
}
word! {
    /// Can you still work?
    CanWork { Yes = "yes", WithDifficulty = "with_difficulty", No = "no" }
}
word! {
    /// Who is affected?
    Affected { Me = "me", Team = "team", Everyone = "everyone" }
}
word! {
    Priority { Low = "low", Normal = "normal", High = "high", Urgent = "urgent" }
}
word! {
    /// How a ticket came.
    TicketSource {
        /// Signed by an accepted device.
        Agent = "agent",
        /// From a page that an accepted device opened in a browser.
        Browser = "browser",
    }
}
word! {
    AttachmentRole { Screenshot = "screenshot", File = "file" }
}

/// The priority that follows from the two questions. An unanswered first question is no complaint.
#[must_use]
pub fn priority(can_work: Option<CanWork>, affected: Affected) -> Priority {
    match (can_work.unwrap_or(CanWork::Yes), affected) {
        (CanWork::No, Affected::Everyone | Affected::Team) => Priority::Urgent,
        (CanWork::No, Affected::Me) | (CanWork::WithDifficulty, Affected::Everyone) => Priority::High,
        (CanWork::WithDifficulty, _) | (CanWork::Yes, Affected::Everyone | Affected::Team) => Priority::Normal,
        (CanWork::Yes, Affected::Me) => Priority::Low,
    }
}

/// A ticket on its way to the server. Its id is made once, with the draft: sending it again is
/// sending the same ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewTicket {
    pub id: TicketId,
    /// Who wrote it: the person confirmed at this installation when it was queued, or confirmed afterwards.
    pub author: RequesterId,
    #[serde(rename = "type")]
    pub ticket_type: TicketType,
    /// 1 to [`crate::limits::SUBJECT_CHARS`] characters.
    pub subject: String,
    /// Up to [`crate::limits::TEXT_CHARS`] characters; may be empty.
    pub description: String,
    pub can_work: Option<CanWork>,
    pub affected: Affected,
    #[serde(default)]
    pub attachments: Vec<NewAttachment>,
    #[serde(default)]
    pub context: Context,
    pub language: Language,
    /// The device's clock, for display only.
    #[ts(type = "number")]
    pub written_at: Millis,
}

/// A reply on its way to the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewReply {
    pub id: MessageId,
    pub author: RequesterId,
    pub ticket: TicketId,
    /// 1, 2, 3 … of this installation's replies to this ticket. The server takes them in this order.
    pub sequence: u32,
    pub text: String,
    #[serde(default)]
    pub attachments: Vec<NewAttachment>,
    #[ts(type = "number")]
    pub written_at: Millis,
}

/// The requester resolves, reopens or closes their own ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewStatus {
    pub id: MessageId,
    pub author: RequesterId,
    pub ticket: TicketId,
    pub sequence: u32,
    /// `open`, `resolved` or `closed`.
    pub status: Status,
    #[ts(type = "number")]
    pub written_at: Millis,
}

/// A file that is announced with its ticket or reply and uploaded afterwards, in pieces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewAttachment {
    pub id: AttachmentId,
    pub role: AttachmentRole,
    pub name: String,
    /// What the agent believes; the server types the content itself.
    pub content_type: String,
    /// Bytes.
    #[ts(type = "number")]
    pub size: u64,
    /// Lower-case hexadecimal SHA-256 of the whole content.
    pub sha256: String,
}

/// A language of the interface: a two-letter code with a file in `ui/locales`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    En,
    Fr,
}

impl Language {
    pub const ALL: &[Self] = &[Self::En, Self::Fr];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// The language of a locale name such as `fr_FR.UTF-8` or `fr-CH`; English where we have none.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        let code = locale.split(['-', '_', '.']).next().unwrap_or_default();
        Self::ALL.iter().copied().find(|l| l.as_str().eq_ignore_ascii_case(code)).unwrap_or_default()
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Language {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|l| l.as_str() == text).ok_or_else(|| UnknownWord(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_follows_from_the_two_questions() {
        assert_eq!(priority(None, Affected::Me), Priority::Low);
        assert_eq!(priority(Some(CanWork::Yes), Affected::Everyone), Priority::Normal);
        assert_eq!(priority(Some(CanWork::WithDifficulty), Affected::Team), Priority::Normal);
        assert_eq!(priority(Some(CanWork::No), Affected::Me), Priority::High);
        assert_eq!(priority(Some(CanWork::No), Affected::Team), Priority::Urgent);
    }

    #[test]
    fn a_word_is_the_same_in_json_and_in_the_database() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), serde_json::json!(status.as_str()));
            assert_eq!(status.as_str().parse::<Status>().unwrap(), *status);
        }
    }

    #[test]
    fn a_locale_names_its_language() {
        assert_eq!(Language::of_locale("fr_FR.UTF-8"), Language::Fr);
        assert_eq!(Language::of_locale("de-CH"), Language::En);
    }
}
