//! Who hears of what happened in a ticket.

use deskbell_protocol::{
    Millis,
    id::{ClientId, RequesterId, TicketId},
};

use crate::{
    clock,
    db::{
        Tx, jobs, live_events,
        requesters::{self, Addressee},
    },
    error::{ApiError, ApiResult},
    mail::{Mail, MailKind},
};

/// Leaves a mail to a requester as a job of this transaction. Who is deactivated gets none.
///
/// # Errors
/// Where the database fails.
pub(super) async fn by_mail(tx: &mut Tx, requester: RequesterId, kind: MailKind, now: Millis) -> ApiResult<()> {
    match requesters::addressee(tx, requester).await? {
        Some(to) => mail_to(tx, to, kind, now).await,
        None => Ok(()),
    }
}

/// The same to one who is known already.
///
/// # Errors
/// Where the database fails.
pub(super) async fn mail_to(tx: &mut Tx, to: Addressee, kind: MailKind, now: Millis) -> ApiResult<()> {
    if to.deactivated_at.is_some() {
        return Ok(());
    }
    let organization = to.organization_name.unwrap_or_default();
    let mail = Mail { to: to.email, to_name: to.name, language: to.language.0, organization, kind };
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
    live_events::of_ticket(tx, client, ticket, requester, now).await
}
