//! What the agent shows: the shapes that windows, the tray and the command line read.

use deskbell_protocol::{
    Millis,
    conversation::{Conversation, TicketSummary},
    device::{AgentState, Confirmation, Context},
    error::{ErrorCode, ErrorDetails},
    id::{AttachmentId, TicketId},
    ticket::{Affected, AttachmentRole, CanWork, Language, TicketType},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::policy::Origin;

/// Everything that the tray and the windows' footers say, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct AgentStatus {
    pub bell: Bell,
    /// The last state that the server told; absent before the first enrolment.
    pub state: Option<AgentState>,
    pub online: bool,
    /// Items of the outbox that are not delivered yet, needing attention or not.
    pub waiting: u32,
    /// Those of them that the person has to look at.
    pub attention: u32,
    /// Tickets with a reply that has not been read.
    pub unread: u32,
    /// What keeps the agent from working, most urgent first.
    pub problems: Vec<Problem>,
    pub hotkey: HotkeyStatus,
    pub language: Language,
    pub theme: Theme,
    pub server_url: Option<String>,
    pub version: String,
    /// Every setting with where its value comes from.
    pub settings: Vec<SettingView>,
}

/// One setting, as people may see it: no secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct SettingView {
    pub name: String,
    /// Absent where nothing is set and there is no default.
    pub value: Option<String>,
    pub origin: Origin,
    /// The file, registry key or variable; empty where the origin says it all.
    pub place: String,
    /// The organization has decided it.
    pub locked: bool,
}

/// The face of the bell. [`crate::bell::face`] decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[serde(tag = "face", rename_all = "snake_case")]
pub enum Bell {
    /// Hollow: the agent is not enabled on this device, or not enrolled.
    Inactive,
    /// Three dots: waiting for the person's confirmation.
    Unconfirmed,
    /// Solid.
    Active,
    /// Broken base, with the number of items that wait here.
    Offline { waiting: u32 },
    /// Round dot.
    Reply,
}

/// A condition that somebody has to act on. Each has a text under `problem.<code>` in `ui/locales`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct Problem {
    pub code: ProblemCode,
    /// What the text names: a path, a key, a host.
    pub subject: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// No server address, or no enrolment key, in the configuration.
    NotConfigured,
    EnrolmentKeyUnknown,
    EnrolmentKeyExpired,
    EnrolmentKeyUsedUp,
    EnrolmentKeyRevoked,
    DeviceUnapproved,
    DeviceQuarantined,
    DeviceRevoked,
    /// The server's address has no answer: no name, no route, refused, timed out.
    ServerUnreachable,
    /// The server's certificate is issued by nobody this device trusts.
    CertificateUntrusted,
    /// Something answers there, and it is no Deskbell server.
    ServerUnintelligible,
    /// The address answers as another server than the one this device enrolled with.
    ServerChanged,
    AgentTooOld,
    ServerTooOld,
    ClockWrong,
    /// No key store: the key lies in a file that only this user can read.
    KeyStoreMissing,
    /// The key store is locked, or refused.
    KeyStoreRefused,
    HotkeyTaken,
    HotkeyUnsupported,
    /// No program shows tray icons on this desktop.
    TrayMissing,
    /// No web view to show windows with: pages open in the browser.
    WebviewMissing,
    DiskFull,
    /// A value that somebody has set cannot be used, and another one holds instead.
    SettingRefused,
    /// A damaged queue file was set aside, and what could be read was recovered.
    StoreRecovered,
    /// What was offered as a newer version is not signed by whom this installation trusts.
    UpdateRefused,
    /// A newer version does not start on this computer, or the disk refused it.
    UpdateFailed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct HotkeyStatus {
    /// For example `Ctrl+F12`; absent where policy says none.
    pub key: Option<String>,
    pub state: deskbell_protocol::device::HotkeyState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// The word as it stands in JSON and in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What the person has typed so far. Kept on disk from the first character until it is sent or
/// discarded on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
pub struct Draft {
    pub id: TicketId,
    #[serde(rename = "type")]
    pub ticket_type: TicketType,
    pub subject: String,
    pub description: String,
    pub can_work: Option<CanWork>,
    pub affected: Affected,
    /// Files on disk, in the order in which they were added.
    pub files: Vec<DraftFile>,
    /// Facts of [`Context`] that the person removed, by their JSON names.
    pub removed_facts: Vec<String>,
    #[ts(type = "number")]
    pub updated_at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
pub struct DraftFile {
    pub id: AttachmentId,
    pub role: AttachmentRole,
    pub name: String,
    #[ts(type = "number")]
    pub size: u64,
}

/// The new-ticket window's first look.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct TicketForm {
    pub draft: Draft,
    /// Absent where it was removed, could not be taken, or was lost with a crash.
    pub screenshot: Option<Screenshot>,
    /// The draft had a picture, and the program ended before it was sent.
    pub screenshot_lost: bool,
    pub context: Context,
}

/// The screen as it was when the key went down. The pixels live in memory only, until *Send*.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct Screenshot {
    pub width: u32,
    pub height: u32,
    #[ts(type = "number")]
    pub taken_at: Millis,
    /// Opened by Ctrl+F12 rather than by the menu.
    pub by_hotkey: bool,
    pub redactions: Vec<Area>,
    /// Bytes of the PNG that would be sent, redactions burned in.
    #[ts(type = "number")]
    pub size: u64,
    /// Changes with every redaction; part of the picture's address, so that no old one is shown.
    pub version: u32,
}

/// A rectangle in the screenshot's pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
pub struct Area {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// One entry of the outbox, as the person sees it.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct OutboxEntry {
    /// The ticket's or the message's id.
    pub id: Uuid,
    pub ticket: TicketId,
    pub kind: EntryKind,
    /// The ticket's subject.
    pub subject: String,
    pub state: EntryState,
    #[ts(type = "number")]
    pub written_at: Millis,
    /// Known from the receipt on.
    #[ts(type = "number | null")]
    pub number: Option<i64>,
    pub files: Vec<FileProgress>,
    /// Why it waits or needs attention.
    pub reason: Option<CommandError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    Ticket,
    Reply,
    Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    AwaitingConfirmation,
    Queued,
    Sending,
    /// The server acknowledged every hash.
    Delivered,
    NeedsAttention,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct FileProgress {
    pub id: AttachmentId,
    pub role: AttachmentRole,
    pub name: String,
    #[ts(type = "number")]
    pub size: u64,
    #[ts(type = "number")]
    pub sent: u64,
    pub complete: bool,
}

/// One line of *My tickets*.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct TicketListItem {
    pub summary: TicketSummary,
    /// It has a reply that has not been read on this device.
    pub unread: bool,
}

/// A conversation and what of it has not left this PC yet.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct ConversationView {
    pub conversation: Conversation,
    /// Replies and status changes that wait in the outbox, oldest first, with their text.
    pub waiting: Vec<WaitingMessage>,
    /// From the copy kept on this PC, since the server could not be asked.
    pub stale: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
#[ts(export)]
pub struct WaitingMessage {
    pub entry: OutboxEntry,
    pub text: Option<String>,
}

/// What happened that a person may want to hear of; the screen turns it into a notification.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
#[ts(export)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    Reply {
        ticket: TicketId,
        #[ts(type = "number")]
        number: i64,
        subject: String,
        author: String,
        excerpt: String,
        /// The technician also asked for an answer.
        awaiting_reply: bool,
    },
    Resolved {
        ticket: TicketId,
        #[ts(type = "number")]
        number: i64,
        subject: String,
    },
    Delivered {
        ticket: TicketId,
        #[ts(type = "number")]
        number: i64,
        subject: String,
    },
    /// An entry of the outbox needs attention.
    Attention {
        subject: String,
    },
    Confirmed {
        confirmation: Confirmation,
    },
}

/// An error at the place where a person can act on it. The screen shows the text under
/// `error.<code>` in `ui/locales`, with these details in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, ts_rs::TS)]
#[error("{message}")]
#[ts(export)]
pub struct CommandError {
    pub code: CommandErrorCode,
    /// One English sentence, for the log.
    pub message: String,
    pub details: ErrorDetails,
}

/// The server's codes, and those that only a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[serde(untagged)]
pub enum CommandErrorCode {
    Local(LocalErrorCode),
    Server(ErrorCode),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum LocalErrorCode {
    /// The disk is full; nothing was saved, and the window keeps its text.
    DiskFull,
    /// The outbox holds [`deskbell_protocol::limits::OUTBOX_BYTES`].
    OutboxFull,
    FileUnreadable,
    Offline,
    ServerUnreachable,
    CertificateUntrusted,
    ServerUnintelligible,
    NotEnrolled,
    ScreenshotUnavailable,
    /// The server's link to a page leads elsewhere than to the configured server.
    HandoverForeign,
    /// It would go through the network unprotected.
    HandoverInsecure,
    KeyStoreRefused,
    StoreFailed,
    NotFound,
    /// The organization has decided this setting.
    SettingManaged,
}
