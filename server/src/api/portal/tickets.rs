//! `POST /api/portal/v1/tickets`: a ticket from the page, taken as one from the device's outbox is.

use axum::{extract::State, http::StatusCode};
use deskbell_protocol::{
    Millis,
    error::ErrorBody,
    sync::{OutboxItem, Outcome, UploadProgress},
    ticket::{NewTicket, TicketSource},
};
use serde::Serialize;

use crate::{
    App,
    api::agent::ingest,
    auth::portal::PortalPage,
    error::{ApiError, ApiResult},
    extract::Json,
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TicketReceived {
    pub number: i64,
    pub received_at: Millis,
    /// Files that are to be uploaded.
    pub missing: Vec<UploadProgress>,
}

/// Stores a ticket, once: the page made its id, and the same one again gets the same answer.
#[utoipa::path(post, path = "/api/portal/v1/tickets", tag = "portal", request_body = NewTicket, responses(
    (status = 200, body = TicketReceived),
    (status = 403, body = ErrorBody, description = "`not_confirmed`"),
    (status = 422, body = ErrorBody, description = "A text or a file is refused, or the author is not who sits there."),
))]
pub async fn create(
    State(app): State<App>,
    page: PortalPage,
    Json(ticket): Json<NewTicket>,
) -> ApiResult<Json<TicketReceived>> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    let page = page.again(&mut tx, now).await?;
    let item = OutboxItem::Ticket(ticket);
    let receipt = ingest::take(&mut tx, &page.installation, TicketSource::Browser, &item, now).await?;
    match receipt.outcome {
        Outcome::Accepted { number, received_at, missing } => {
            tx.commit().await?;
            app.committed();
            Ok(Json(TicketReceived { number, received_at, missing }))
        }
        Outcome::Deferred { code, message } => Err(ApiError::new(StatusCode::FORBIDDEN, code, message)),
        Outcome::Refused { code, message } => Err(ApiError::unprocessable(code, message)),
    }
}
