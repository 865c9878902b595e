//! The one error format of every API: `{"code": …, "message": …}` with the details that a code has.

use serde::{Deserialize, Serialize};

use crate::Millis;

/// What went wrong, for programs. Programs match this and never the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The body is not UTF-8, not JSON, or not of the documented shape.
    Malformed,
    BodyTooLarge,
    SubjectMissing,
    SubjectTooLong,
    TextMissing,
    TextTooLong,
    NameMissing,
    NameTooLong,
    EmailInvalid,
    FileTooLarge,
    TooManyFiles,
    TicketTooLarge,
    /// A screenshot that is not a PNG, or a file whose name or type cannot be stored.
    FileTypeRefused,
    /// The bytes that arrived are not the bytes that were announced; the upload starts again.
    FileHashMismatch,
    /// A piece that does not begin where the stored part ends; `received` says where that is.
    FileOffsetWrong,

    EnrolmentKeyUnknown,
    EnrolmentKeyExpired,
    EnrolmentKeyUsedUp,
    EnrolmentKeyRevoked,

    /// The request's time is more than [`crate::limits::CLOCK_WINDOW_SECONDS`] off; `server_time` is given.
    ClockSkew,
    SignatureMissing,
    SignatureInvalid,
    SignatureReplayed,
    /// Signed for another server.
    WrongServer,
    DeviceUnknown,
    DeviceUnapproved,
    DeviceQuarantined,
    DeviceRevoked,
    /// The Helpdesk Agent is not enabled on this device.
    NotEnabled,
    /// Nobody has confirmed their mailbox at this installation.
    NotConfirmed,
    /// The author named in an item is not who is confirmed here now.
    AuthorChanged,
    RequesterDeactivated,
    /// The device belongs to another client now.
    ClientChanged,

    /// `tries_left` says how many more there are.
    TokenWrong,
    TokenExpired,
    /// No token is waiting: none was asked for, or it is spent.
    TokenMissing,
    DomainForeign,
    /// `retry_after` says when.
    TooManyRequests,

    /// The link that opens the form in a browser is older than [`crate::limits::HANDOVER_LIFETIME`], or none of this server's.
    HandoverExpired,
    /// Such a link opens one page, once.
    HandoverUsed,

    /// The same id with other content.
    ContentConflict,
    TicketClosed,
    NotFound,
    /// The change does not fit what is stored now; fetch it again.
    Conflict,
    NameTaken,
    DomainTaken,
    DomainInvalid,
    /// No value of that setting of agents.
    SettingInvalid,
    PasswordTooShort,

    SetupCodeWrong,
    SignInFailed,
    NotSignedIn,
    CsrfMissing,
    NotAllowed,

    AgentTooOld,
    StorageFull,
    Unavailable,
    Internal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    pub code: ErrorCode,
    /// One English sentence for logs and developers: the fact, and what to do.
    pub message: String,
    #[serde(default, skip_serializing_if = "ErrorDetails::is_empty")]
    pub details: ErrorDetails,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ErrorDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u32>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(type = "number | null")]
    pub retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(type = "number | null")]
    pub server_time: Option<Millis>,
    /// The limit that was exceeded, in the unit of its constant in [`crate::limits`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(type = "number | null")]
    pub limit: Option<u64>,
    /// Bytes of an upload that are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(type = "number | null")]
    pub received: Option<u64>,
    /// The field of the request, as a JSON name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The client's domains, where an address did not match them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
}

impl ErrorDetails {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
