//! The one exchange that carries an agent's outbox to the server and the server's news back.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Millis,
    conversation::TicketSummary,
    device::{AgentState, DeviceFacts, HotkeyState},
    error::ErrorCode,
    id::{AttachmentId, TicketId},
    ticket::{Language, NewReply, NewStatus, NewTicket},
};

/// `POST /api/agent/v1/sync`, signed. An empty `items` is a plain *what is new?*. A device that is
/// accepted but not enabled may sync too: its items are deferred, its state is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncRequest {
    pub protocol: u32,
    pub agent_version: String,
    pub language: Language,
    pub facts: DeviceFacts,
    pub hotkey: HotkeyState,
    /// The epoch of the last answer this installation holds; 0 at first. Two machines that use
    /// one key in turn are found out by it.
    #[ts(type = "number")]
    pub epoch: i64,
    /// The [`AgentState::revision`] that this agent has applied.
    #[ts(type = "number")]
    pub applied_revision: i64,
    /// The cursor of the last answer; 0 for everything.
    #[ts(type = "number")]
    pub cursor: i64,
    /// At most [`crate::limits::SYNC_ITEMS`], in the order in which they were written.
    pub items: Vec<OutboxItem>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OutboxItem {
    Ticket(NewTicket),
    Reply(NewReply),
    Status(NewStatus),
}

impl OutboxItem {
    /// The ticket's or the message's id: what a receipt names.
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self {
            Self::Ticket(ticket) => ticket.id.0,
            Self::Reply(reply) => reply.id.0,
            Self::Status(status) => status.id.0,
        }
    }

    #[must_use]
    pub fn ticket(&self) -> TicketId {
        match self {
            Self::Ticket(ticket) => ticket.id,
            Self::Reply(reply) => reply.ticket,
            Self::Status(status) => status.ticket,
        }
    }
}

/// The answer: given after the commit, so what it says is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncResponse {
    #[ts(type = "number")]
    pub server_time: Millis,
    #[ts(type = "number")]
    pub epoch: i64,
    pub state: AgentState,
    /// One for each item, in their order.
    pub receipts: Vec<Receipt>,
    /// The requester's tickets that changed after `cursor`, oldest change first.
    pub tickets: Vec<TicketSummary>,
    #[ts(type = "number")]
    pub cursor: i64,
    /// More changed than one answer holds: sync again.
    pub more: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    pub id: Uuid,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Stored, now or before. `missing` are the attachments that still have to be uploaded.
    Accepted {
        #[ts(type = "number")]
        number: i64,
        #[ts(type = "number")]
        received_at: Millis,
        missing: Vec<UploadProgress>,
    },
    /// Not now: the item stays queued (not enabled, not confirmed).
    Deferred { code: ErrorCode, message: String },
    /// Never as it is: the item needs the person's attention, and nothing else does.
    Refused { code: ErrorCode, message: String },
}

/// How much of an attachment is stored. `PUT /api/agent/v1/attachments/{id}?offset=N` sends the
/// piece that begins there, as `application/octet-stream`, and is answered with this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadProgress {
    pub id: AttachmentId,
    /// Bytes.
    #[ts(type = "number")]
    pub received: u64,
    /// All bytes are there and their hash is the announced one.
    pub complete: bool,
}

/// One event of `GET /api/agent/v1/live` (server-sent events, signed). The event says that
/// something is new; the agent then syncs. A comment line is sent as heartbeat every
/// [`crate::limits::LIVE_HEARTBEAT_SECONDS`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AgentEvent {
    /// [`AgentState`] changed.
    State,
    Ticket {
        id: TicketId,
    },
}
