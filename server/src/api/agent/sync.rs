//! `POST /api/agent/v1/sync`: the outbox in, the news out, in one transaction.

use std::sync::Arc;

use axum::extract::State;
use deskbell_protocol::{
    Millis, PROTOCOL_VERSION,
    conversation::TicketSummary,
    device::Registration,
    error::{ErrorBody, ErrorCode},
    limits::SYNC_ITEMS,
    sync::{SyncRequest, SyncResponse},
    ticket::TicketSource,
};
use serde_json::json;

use super::{ingest, state};
use crate::{
    App, auth,
    auth::device::{Device, Signed},
    clock,
    db::{
        Tx,
        history::{self, Actor},
        installations::{self, Installation, Seen},
        live_events::{self, ConsoleEvent},
        tickets,
    },
    epochs,
    error::{ApiError, ApiResult},
    extract::{self, Json},
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
pub async fn sync(State(app): State<App>, device: Device) -> ApiResult<Json<SyncResponse>> {
    // An item that holds what cannot be stored is refused by itself: the others go on.
    let request: SyncRequest = serde_json::from_slice(&device.signed.body)
        .map_err(|error| ApiError::malformed(format!("the body cannot be read: {error}")))?;
    if serde_json::to_vec(&request.facts).is_ok_and(|facts| extract::holds_nul(&facts)) {
        return Err(ApiError::malformed("the facts hold the character U+0000, which cannot be stored"));
    }
    if request.protocol != PROTOCOL_VERSION {
        return Err(ApiError::unprocessable(ErrorCode::AgentTooOld, "this server does not speak the agent's protocol"));
    }
    if request.items.len() > SYNC_ITEMS {
        return Err(ApiError::unprocessable(ErrorCode::Malformed, "too many items in one sync")
            .with(|details| details.limit = Some(SYNC_ITEMS as u64)));
    }
    let now = app.now();
    let order = Arc::new((device.signed, request));
    let exchanged = app
        .group
        .write(move |tx| {
            let order = Arc::clone(&order);
            Box::pin(async move { exchange(tx, &order.0, &order.1, now).await })
        })
        .await?;
    app.committed();
    match exchanged {
        Exchanged::Answer(response) => Ok(Json(*response)),
        Exchanged::Quarantined => Err(ApiError::forbidden(
            ErrorCode::DeviceQuarantined,
            "this device's key was used by two machines; enrol it again",
        )),
    }
}

/// What was committed.
enum Exchanged {
    Answer(Box<SyncResponse>),
    Quarantined,
}

async fn exchange(tx: &mut Tx, signed: &Signed, request: &SyncRequest, now: Millis) -> ApiResult<Exchanged> {
    signed.spend_nonce(tx).await?;
    tx.serialize_on(&signed.params.key_id).await?;
    // What the extractor read may have changed since.
    let installation = auth::device::accepted(tx, &signed.params.key_id).await?;
    let created = signed.params.created;
    if epochs::overtaken(installation.epoch, installation.signed_at, request.epoch, created) {
        return Err(ApiError::conflict(ErrorCode::Conflict, "a later request of this device came first; sync again"));
    }
    let chance = i64::from(u32::from_be_bytes(clock::random())) % epochs::CHANCE;
    let next = epochs::next(installation.epoch, installation.epoch_before, request.epoch, chance);
    let Some((epoch, before)) = next else {
        quarantine(tx, &installation, now).await?;
        return Ok(Exchanged::Quarantined);
    };
    note(tx, &installation, request, (epoch, before), signed.params.created, now).await?;
    let mut receipts = Vec::with_capacity(request.items.len());
    for item in &request.items {
        receipts.push(ingest::take(tx, &installation, TicketSource::Agent, item, now).await?);
    }
    let (tickets, cursor, more) = changed(tx, &installation, request.cursor).await?;
    let state = state::of(tx, &installation).await?;
    Ok(Exchanged::Answer(Box::new(SyncResponse { server_time: now, epoch, state, receipts, tickets, cursor, more })))
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
) -> sqlx::Result<(Vec<TicketSummary>, Millis, bool)> {
    let usable = installation.choices.enabled();
    let Some(requester) = installation.requester_id.filter(|_| usable) else { return Ok((Vec::new(), cursor, false)) };
    let summaries = tickets::changed_of_requester(tx, requester.0, cursor, PAGE + 1).await?;
    let more = summaries.len() > usize::try_from(PAGE).unwrap_or(usize::MAX);
    let newest = summaries.iter().map(|ticket| ticket.updated_at).max();
    let cursor = match (more, newest) {
        // A full page moves on to its last change, or past it where one moment holds a whole page.
        (true, Some(newest)) => newest.max(cursor + 1),
        (false, Some(newest)) => cursor.max(newest - OVERLAP),
        (_, None) => cursor,
    };
    Ok((summaries, cursor, more))
}
