//! Who hears of what happened in a ticket.

use deskbell_protocol::{
    Millis,
    id::{ClientId, RequesterId, TicketId},
    sync::AgentEvent,
};

use crate::{
    clock,
    db::{
        Scope, Tx, jobs,
        live_events::{self, ConsoleEvent},
        organization, requesters,
    },
    error::{ApiError, ApiResult},
    mail::{Mail, MailKind},
};

/// Leaves a mail to a requester as a job of this transaction. Who is deactivated gets none.
///
/// # Errors
/// Where the database fails.
pub(super) async fn by_mail(tx: &mut Tx, requester: RequesterId, kind: MailKind, now: Millis) -> ApiResult<()> {
    let Some(requester) = requesters::find(tx, Scope::All, requester).await? else { return Ok(()) };
    if requester.deactivated_at.is_some() {
        return Ok(());
    }
    let organization = organization::find(tx).await?.and_then(|organization| organization.name).unwrap_or_default();
    let mail =
        Mail { to: requester.email, to_name: requester.name, language: requester.language.0, organization, kind };
    let payload = serde_json::to_string(&mail).map_err(|error| ApiError::internal(&error))?;
    jobs::insert(tx, clock::new_id(now), mail.kind.name(), &payload, now).await?;
    Ok(())
}

/// Tells consoles, and the installations at which the requester is confirmed.
///
/// # Errors
/// Where the database fails.
pub(super) async fn live(
    tx: &mut Tx,
    client: ClientId,
    ticket: TicketId,
    requester: RequesterId,
    now: Millis,
) -> sqlx::Result<()> {
    live_events::to_consoles(tx, &ConsoleEvent::Ticket { id: ticket, client }, now).await?;
    live_events::to_requester(tx, &requester.to_string(), &AgentEvent::Ticket { id: ticket }, now).await
}
