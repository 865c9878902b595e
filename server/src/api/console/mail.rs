//! Mails that wait or failed, and another try.

use axum::{extract::State, http::StatusCode};
use deskbell_protocol::{Millis, error::ErrorBody};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    App,
    auth::technician::Admin,
    db::jobs::{self, Job},
    error::{ApiError, ApiResult},
    extract::{Json, Path},
    mail::Mail,
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MailJob {
    pub id: Uuid,
    /// `token`, `ticket_received`, `ticket_reply` or `ticket_resolved`.
    pub kind: String,
    pub to: String,
    pub state: MailState,
    pub attempts: i64,
    /// What the mail server answered last.
    pub last_error: Option<String>,
    pub created_at: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    Queued,
    Sent,
    /// Given up after the last attempt.
    Failed,
}

impl From<Job> for MailJob {
    fn from(job: Job) -> Self {
        let to = serde_json::from_str::<Mail>(&job.payload).map(|mail| mail.to).unwrap_or_default();
        let state = match (job.done_at, job.failed_at) {
            (Some(_), _) => MailState::Sent,
            (None, Some(_)) => MailState::Failed,
            (None, None) => MailState::Queued,
        };
        Self {
            id: job.id.0,
            kind: job.kind,
            to,
            state,
            attempts: job.attempts,
            last_error: job.last_error,
            created_at: job.created_at,
        }
    }
}

/// The newest 200 mails, those that failed first.
#[utoipa::path(get, path = "/api/console/v1/mail", tag = "console", responses((status = 200, body = Vec<MailJob>)))]
pub async fn list(State(app): State<App>, _: Admin) -> ApiResult<Json<Vec<MailJob>>> {
    let mut tx = app.db.read().await?;
    Ok(Json(jobs::list(&mut tx).await?.into_iter().map(MailJob::from).collect()))
}

/// Tries a mail that failed again.
#[utoipa::path(post, path = "/api/console/v1/mail/{id}/retry", tag = "console", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub async fn retry(State(app): State<App>, _: Admin, Path(id): Path<Uuid>) -> ApiResult<StatusCode> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    if !jobs::retry(&mut tx, id, now).await? {
        return Err(ApiError::not_found());
    }
    tx.commit().await?;
    app.committed();
    Ok(StatusCode::NO_CONTENT)
}
