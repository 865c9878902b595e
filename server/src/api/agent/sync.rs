//! `POST /api/agent/v1/sync`: the outbox in, in one transaction, and then the news out.

use std::sync::Arc;

use axum::extract::State;
use deskbell_protocol::{
    Millis, PROTOCOL_VERSION,
    conversation::TicketSummary,
    device::Registration,
    error::{ErrorBody, ErrorCode},
    limits::SYNC_ITEMS,
    sync::{Receipt, SyncRequest, SyncResponse},
    ticket::TicketSource,
};
use serde_json::json;

use super::{ingest, state};
use crate::{
    App, auth,
    auth::device::Signed,
    clock,
    db::{
        Tx,
        history::{self, Actor},
        installations::{self, Installation, Seen},
        live_events::{self, Concerned, ConsoleEvent},
        tickets,
    },
    epochs,
    error::{ApiError, ApiResult},
    extract::{self, Json},
    intake,
};

/// Tickets of one answer.
const PAGE: i64 = 100;
/// How far back a cursor reaches behind the newest change: a transaction that began before it may
/// commit after it. A summary that comes twice is harmless.
const OVERLAP: Millis = 30_000;

/// Takes the outbox's items, once each, and says what is new.
#[utoipa::path(post, path = "/api/agent/v1/sync", tag = "agent", request_body = SyncRequest, responses(
    (status = 200, body = SyncResponse),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "The registration does not let this installation in."),
    (status = 409, body = ErrorBody, description = "A later request of this installation came first; sync again."),
))]
pub async fn sync(State(app): State<App>, signed: Signed) -> ApiResult<Json<SyncResponse>> {
    let request = match readable(&signed.body) {
        Ok(request) => request,
        Err(error) => {
            // What is wrong with its request, only a device that is let in is told.
            auth::device::accepted(&mut app.db.look().await?, &signed.params.key_id).await?;
            return Err(error);
        }
    };
    let now = app.now();
    let cursor = request.cursor;
    let order = Arc::new((signed, request));
    let taken = app
        .group
        .write(move |tx| {
            let order = Arc::clone(&order);
            Box::pin(async move { take(tx, &order.0, &order.1, now).await })
        })
        .await?;
    app.committed();
    let Taken { installation, epoch, receipts } = taken?;
    // What is new is read outside of the transaction, where nobody who writes waits for it.
    let news = async {
        let mut tx = app.db.look().await?;
        sqlx::Result::Ok((
            changed(&mut tx, &installation, cursor, now).await?,
            state::of(&mut tx, &installation).await?,
        ))
    };
    let ((tickets, cursor, more), state) = news.await.map_err(|error| unread(&error))?;
    Ok(Json(SyncResponse { server_time: now, epoch, state, receipts, tickets, cursor, more }))
}

/// What was sent is stored then, and gets its receipts with the next sync.
fn unread(error: &sqlx::Error) -> ApiError {
    tracing::error!(%error, "what is new for a device cannot be read");
    ApiError::unavailable("what was sent is stored, and what is new cannot be read; sync again")
}

/// The request of a sync, where it is one that this server understands.
fn readable(body: &[u8]) -> ApiResult<SyncRequest> {
    // An item that holds what cannot be stored is refused by itself: the others go on.
    let request: SyncRequest = extract::object(body)?;
    let said = serde_json::to_vec(&(&request.facts, &request.agent_version));
    if said.is_ok_and(|said| extract::holds_nul(&said)) {
        return Err(ApiError::malformed("the facts hold the character U+0000, which cannot be stored"));
    }
    intake::facts_fit(&request.facts, &request.agent_version)?;
    if request.protocol != PROTOCOL_VERSION {
        return Err(ApiError::unprocessable(ErrorCode::AgentTooOld, "this server does not speak the agent's protocol"));
    }
    if request.items.len() > SYNC_ITEMS {
        return Err(ApiError::unprocessable(ErrorCode::Malformed, "too many items in one sync")
            .with(|details| details.limit = Some(SYNC_ITEMS as u64)));
    }
    Ok(request)
}

/// What a sync has stored, or that it stored nothing, by which installation.
struct Taken {
    installation: Box<Installation>,
    epoch: i64,
    receipts: Vec<Receipt>,
}

/// A refusal is within: it is a commit like any other, so that it fails nobody who shares it.
async fn take(tx: &mut Tx, signed: &Signed, request: &SyncRequest, now: Millis) -> ApiResult<ApiResult<Taken>> {
    let installation = match signed.admitted(tx).await {
        Ok(installation) => Box::new(installation),
        Err(error) if error.status.is_client_error() => return Ok(Err(error)),
        Err(error) => return Err(error),
    };
    let (created, last) = (signed.params.created, epochs::last_signed(installation.signed_at, now / 1000));
    if epochs::overtaken(installation.epoch, last, request.epoch, created) {
        let why = "a later request of this device came first; sync again";
        return Ok(Err(ApiError::conflict(ErrorCode::Conflict, why)));
    }
    let chance = i64::from(u32::from_be_bytes(clock::random())) % epochs::CHANCE;
    let next = epochs::next(installation.epoch, installation.epoch_before, request.epoch, chance);
    let Some((epoch, before)) = next else {
        quarantine(tx, &installation, now).await?;
        return Ok(Err(auth::device::quarantined()));
    };
    note(tx, &installation, request, (epoch, before), created, now).await?;
    let mut receipts = Vec::with_capacity(request.items.len());
    for item in &request.items {
        receipts.push(ingest::take(tx, &installation, TicketSource::Agent, item, now).await?);
    }
    Ok(Ok(Taken { installation, epoch, receipts }))
}

async fn note(
    tx: &mut Tx,
    installation: &Installation,
    request: &SyncRequest,
    (epoch, epoch_before): (i64, i64),
    signed_at: i64,
    now: Millis,
) -> sqlx::Result<()> {
    let applied_revision = request.applied_revision.clamp(installation.applied_revision, installation.revision);
    let seen = Seen {
        epoch,
        epoch_before,
        signed_at,
        applied_revision,
        agent_version: &request.agent_version,
        language: request.language,
        hotkey: request.hotkey,
        facts: &request.facts,
    };
    installations::seen(tx, installation, &seen, now).await?;
    let heard = applied_revision > installation.applied_revision;
    if heard || request.hotkey != installation.hotkey.0 {
        let (id, client) = (installation.device_id.0, installation.client_id.0);
        live_events::to_consoles(tx, &ConsoleEvent::Device { id, client }, now).await?;
    }
    Ok(())
}

/// Two machines use one key in turn. Both are kept out and enrol again.
async fn quarantine(tx: &mut Tx, installation: &Installation, now: Millis) -> sqlx::Result<()> {
    tracing::warn!(installation = %*installation.id, "a key is used by two machines");
    // Told as long as it is accepted: both machines' live connections end then.
    live_events::state_changed(tx, Concerned::Installation(installation.id.0), now).await?;
    installations::set_registration(tx, installation.id.0, Registration::Quarantined).await?;
    let entry = history::Entry {
        id: clock::new_id(now),
        at: now,
        actor: &Actor::System,
        action: "registration.changed",
        client: Some(installation.client_id.0),
        device: Some(installation.device_id.0),
        ticket: None,
        detail: json!({ "registration": Registration::Quarantined, "reason": "cloned" }),
    };
    history::add(tx, entry).await?;
    let (id, client) = (installation.device_id.0, installation.client_id.0);
    live_events::to_consoles(tx, &ConsoleEvent::Device { id, client }, now).await
}

/// The requester's tickets that changed since the cursor, the next cursor, and whether there are more.
async fn changed(
    tx: &mut Tx,
    installation: &Installation,
    cursor: Millis,
    now: Millis,
) -> sqlx::Result<(Vec<TicketSummary>, Millis, bool)> {
    let usable = installation.choices.enabled();
    let Some(requester) = installation.requester_id.filter(|_| usable) else { return Ok((Vec::new(), cursor, false)) };
    let summaries = tickets::changed_of(tx, requester.0, installation.id.0, cursor, PAGE + 1).await?;
    let more = summaries.len() > usize::try_from(PAGE).unwrap_or(usize::MAX);
    let newest = summaries.iter().map(|ticket| ticket.updated_at).max();
    Ok((summaries, next_cursor(cursor, newest, more, now), more))
}

/// From where the next sync reads, given the newest change that this one tells and whether it tells all.
fn next_cursor(cursor: Millis, newest: Option<Millis>, more: bool, now: Millis) -> Millis {
    match newest {
        // A full page moves on to its last change, or past it where one moment holds a whole page.
        Some(newest) if more => newest.max(cursor + 1),
        // This server's clock was set back since: what changed meanwhile lies before the cursor. Not 0, with which
        // the agent would take all of it for the past.
        _ if cursor > now => 1,
        Some(newest) if newest > now => cursor.max(now - OVERLAP),
        Some(newest) => cursor.max(newest - OVERLAP),
        None => cursor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_000_000;

    #[test]
    fn a_cursor_follows_the_newest_change_and_never_the_clock() {
        assert_eq!(next_cursor(7, None, false, NOW), 7, "nothing is new");
        assert_eq!(next_cursor(0, Some(NOW - 5), false, NOW), NOW - 5 - OVERLAP, "what began before may commit later");
        assert_eq!(next_cursor(NOW - 9, Some(NOW - 9), false, NOW), NOW - 9, "it never goes back by itself");
        assert_eq!(next_cursor(0, Some(500), true, NOW), 500);
        assert_eq!(next_cursor(500, Some(500), true, NOW), 501, "one moment holds a whole page");
    }

    #[test]
    fn a_clock_that_was_set_back_hides_no_reply() {
        let ahead = NOW + 86_400_000;
        assert_eq!(next_cursor(ahead, None, false, NOW), 1, "everything is told once more");
        assert_eq!(next_cursor(1, Some(ahead), false, NOW), NOW - OVERLAP, "and from then on what changes now");
    }
}
