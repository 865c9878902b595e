//! The one error of the HTTP edge: a code with its message and details, and a status.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use deskbell_protocol::error::{ErrorBody, ErrorCode, ErrorDetails};

#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub body: Box<ErrorBody>,
}

pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, body: Box::new(ErrorBody { code, message: message.into(), details: ErrorDetails::default() }) }
    }

    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut ErrorDetails)) -> Self {
        change(&mut self.body.details);
        self
    }

    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.body.code
    }

    pub fn unprocessable(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// A text that is missing or longer than its limit; `field` is its JSON name.
    pub fn field(code: ErrorCode, field: &str, limit: usize) -> Self {
        Self::unprocessable(code, format!("{field} is missing, invalid or longer than {limit} characters")).with(
            |details| {
                details.field = Some(field.to_owned());
                details.limit = Some(limit as u64);
            },
        )
    }

    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::Malformed, message)
    }

    pub fn unauthorized(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    pub fn forbidden(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub fn conflict(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// What is not there, and what belongs to somebody else: the same answer.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "there is no such thing here")
    }

    #[must_use]
    pub fn too_many(retry_after: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, "too many requests; wait, then try again")
            .with(|details| details.retry_after = Some(retry_after))
    }

    /// It cannot be done now, and soon it may be.
    #[must_use]
    pub fn unavailable(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message)
    }

    /// A fault of ours. What it was goes to the log; the client learns that nothing was stored.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Internal,
            "the server failed and stored nothing; try again",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let retry_after = self.body.details.retry_after;
        let mut response = (self.status, Json(*self.body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let text = database.message();
                if let Some((_, code)) = CONSTRAINTS.iter().find(|(name, _)| names(text, database.constraint(), name)) {
                    return Self::conflict(*code, "another one with this value exists");
                }
                if text.contains("database or disk is full") || database.code().as_deref() == Some("53100") {
                    return Self::new(
                        StatusCode::INSUFFICIENT_STORAGE,
                        ErrorCode::StorageFull,
                        "the server's disk is full; nothing was stored",
                    );
                }
                if database.code().is_some_and(|code| GAVE_WAY.contains(&&*code)) {
                    tracing::warn!(%error, "another change was in the way of this one, which gave way");
                    return Self::unavailable("another change was in the way; try again");
                }
                Self::internal(&error)
            }
            sqlx::Error::PoolClosed => {
                tracing::info!("a request came while the server was stopping");
                Self::unavailable("the server is stopping; try again later")
            }
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => {
                tracing::error!(%error, "the database does not answer");
                Self::unavailable("the database does not answer; try again later")
            }
            _ => Self::internal(&error),
        }
    }
}

/// PostgreSQL ends one of two transactions that wait for each other, or that saw what the other one changed; SQLite
/// (busy, locked) waits for another program at its file, and not for ever.
const GAVE_WAY: [&str; 4] = ["40P01", "40001", "5", "6"];

/// Constraints that a person's input can meet. PostgreSQL names the constraint, SQLite the columns.
const CONSTRAINTS: &[([&str; 2], ErrorCode)] = &[
    (["clients_name", "clients.name_key"], ErrorCode::NameTaken),
    (["client_domains_domain", "client_domains.domain"], ErrorCode::DomainTaken),
    // Ids are the sender's: one that is something else's already is no fault of ours.
    (["messages_id", "messages.id"], ErrorCode::ContentConflict),
    (["attachments_id", "attachments.id"], ErrorCode::ContentConflict),
];

fn names(message: &str, constraint: Option<&str>, [postgres, sqlite]: &[&str; 2]) -> bool {
    constraint == Some(*postgres) || (message.contains("UNIQUE constraint failed") && message.ends_with(sqlite))
}
