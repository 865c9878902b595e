//! Errors at the place where a person can act on them.

use deskbell_protocol::{
    error::{ErrorBody, ErrorCode, ErrorDetails},
    limits::{FILE_BYTES, FILES, SUBJECT_CHARS, TEXT_CHARS, TICKET_BYTES},
};

use crate::view::{CommandError, CommandErrorCode, LocalErrorCode};

pub(crate) type Answer<T> = Result<T, CommandError>;

pub(crate) fn local(code: LocalErrorCode, message: impl Into<String>) -> CommandError {
    CommandError { code: CommandErrorCode::Local(code), message: message.into(), details: ErrorDetails::default() }
}

/// One that the server would answer as well, found before asking it.
pub(crate) fn early(code: ErrorCode, message: impl Into<String>) -> CommandError {
    let limit = match code {
        ErrorCode::SubjectTooLong => Some(SUBJECT_CHARS as u64),
        ErrorCode::TextTooLong => Some(TEXT_CHARS as u64),
        ErrorCode::FileTooLarge => Some(FILE_BYTES),
        ErrorCode::TooManyFiles => Some(FILES as u64),
        ErrorCode::TicketTooLarge => Some(TICKET_BYTES),
        _ => None,
    };
    CommandError {
        code: CommandErrorCode::Server(code),
        message: message.into(),
        details: ErrorDetails { limit, ..ErrorDetails::default() },
    }
}

impl From<ErrorBody> for CommandError {
    fn from(body: ErrorBody) -> Self {
        Self { code: CommandErrorCode::Server(body.code), message: body.message, details: body.details }
    }
}
