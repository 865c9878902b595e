//! `GET /api/agent/v1/tickets/{id}`: a requester's own conversation.

use axum::extract::State;
use deskbell_protocol::{
    conversation::{Conversation, MessageContent},
    error::ErrorBody,
    id::TicketId,
};

use crate::{
    App,
    api::conversation,
    auth::device::ConfirmedPerson,
    db::tickets,
    error::{ApiError, ApiResult},
    extract::{Json, Path},
};

/// The whole conversation, without internal notes.
#[utoipa::path(get, path = "/api/agent/v1/tickets/{id}", tag = "agent", params(("id" = TicketId, Path)), responses(
    (status = 200, body = Conversation),
    (status = 404, body = ErrorBody),
))]
pub async fn ticket(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    person: ConfirmedPerson,
) -> ApiResult<Json<Conversation>> {
    let mut tx = app.db.read().await?;
    let ticket = tickets::find_of_requester(&mut tx, person.requester, id).await?.ok_or_else(ApiError::not_found)?;
    let messages = conversation::messages(&mut tx, &ticket, false).await?;
    debug_assert!(messages.iter().all(|message| !matches!(message.content, MessageContent::Note { .. })));
    Ok(Json(Conversation {
        ticket: tickets::summary(&mut tx, &ticket).await?,
        can_work: ticket.can_work.map(|word| word.0),
        affected: ticket.affected.0,
        messages,
    }))
}
