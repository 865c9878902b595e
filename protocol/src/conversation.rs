//! A ticket as its requester reads it.

use serde::{Deserialize, Serialize};

use crate::{
    Millis,
    id::{AttachmentId, MessageId, TicketId},
    ticket::{Affected, AttachmentRole, CanWork, Priority, Status, TicketType, word},
};

word! {
    AuthorKind {
        Requester = "requester",
        Technician = "technician",
        /// The server itself: a timer, a rule.
        System = "system",
    }
}

/// One line of *My tickets*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketSummary {
    pub id: TicketId,
    #[ts(type = "number")]
    pub number: i64,
    #[serde(rename = "type")]
    pub ticket_type: TicketType,
    pub subject: String,
    pub status: Status,
    pub priority: Priority,
    #[ts(type = "number")]
    pub received_at: Millis,
    #[ts(type = "number")]
    pub updated_at: Millis,
    /// The newest reply, the description at first.
    pub last_message: Option<LastMessage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastMessage {
    pub id: MessageId,
    pub author: Author,
    /// The text's beginning, at most 200 characters.
    pub excerpt: String,
    #[ts(type = "number")]
    pub received_at: Millis,
}

/// `GET /api/agent/v1/tickets/{id}`: the whole conversation, oldest first, without internal notes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conversation {
    pub ticket: TicketSummary,
    pub can_work: Option<CanWork>,
    pub affected: Affected,
    pub messages: Vec<Message>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    pub id: MessageId,
    pub author: Author,
    #[serde(flatten)]
    pub content: MessageContent,
    pub attachments: Vec<Attachment>,
    /// The author's clock, where it was a device's.
    #[ts(type = "number | null")]
    pub written_at: Option<Millis>,
    #[ts(type = "number")]
    pub received_at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MessageContent {
    Reply {
        text: String,
    },
    /// Seen by technicians only; never sent to an agent.
    Note {
        text: String,
    },
    StatusChanged {
        from: Status,
        to: Status,
    },
    Assigned {
        to: Option<String>,
    },
    PriorityChanged {
        from: Priority,
        to: Priority,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Author {
    pub kind: AuthorKind,
    pub name: String,
    /// The message came signed by an accepted device.
    pub verified_device: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attachment {
    pub id: AttachmentId,
    pub role: AttachmentRole,
    pub name: String,
    /// As the server typed the content; `application/octet-stream` until it has arrived.
    pub content_type: String,
    #[ts(type = "number")]
    pub size: u64,
    pub sha256: String,
    /// All of it is here; until then *files arriving*.
    pub complete: bool,
}
