//! One exchange with the server: what waits goes out, what is new comes in, in one transaction here
//! and in one there.

use std::collections::HashSet;

use deskbell_protocol::{
    Millis, PROTOCOL_VERSION,
    device::{AgentState, HotkeyState},
    error::{ErrorCode, ErrorDetails},
    limits::SYNC_ITEMS,
    sync::{OutboxItem, Outcome, Receipt, SyncRequest, SyncResponse},
    ticket::Language,
};
use rusqlite::Connection;
use uuid::Uuid;

use crate::{
    agent::Inner,
    context,
    http::{Http, Identity},
    news,
    store::{StoreResult, outbox, settings, tickets},
    view::{CommandError, CommandErrorCode, EntryState, News, OutboxEntry},
    worker::Fault,
};

/// Syncs until both sides know everything, this one's applied state included.
pub(crate) async fn all(inner: &Inner, http: &Http, who: &Identity) -> Result<(), Fault> {
    let mut deferred = HashSet::new();
    loop {
        let _alone = inner.exchange.lock().await;
        let said = Said { hotkey: inner.hotkey(), language: inner.status.borrow().language };
        let skip = deferred.clone();
        let request = inner.store.read(move |c| request(c, &said, &skip)).await?;
        let asked = request.items.len();
        let applied_revision = request.applied_revision;
        let response: SyncResponse = http.post(who, "/sync", &request).await?;
        deferred
            .extend(response.receipts.iter().filter(|r| matches!(r.outcome, Outcome::Deferred { .. })).map(|r| r.id));
        let again = response.more || asked == SYNC_ITEMS || response.state.revision != applied_revision;
        let now = (inner.clock)();
        let effects = inner.store.write(move |tx| apply(tx, &request.items, &response, now)).await?;
        inner.show(effects).await?;
        if !again {
            return Ok(());
        }
    }
}

/// What the screen told the agent.
struct Said {
    hotkey: HotkeyState,
    language: Language,
}

fn request(connection: &Connection, said: &Said, skip: &HashSet<Uuid>) -> StoreResult<SyncRequest> {
    let state: Option<AgentState> = settings::get(connection, "state")?;
    let items = outbox::undelivered(connection)?
        .into_iter()
        .filter(|entry| entry.state() == EntryState::Queued && !skip.contains(&entry.id))
        .take(SYNC_ITEMS)
        .map(|entry| entry.item)
        .collect();
    Ok(SyncRequest {
        protocol: PROTOCOL_VERSION,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        language: said.language,
        facts: context::facts(),
        hotkey: said.hotkey,
        epoch: settings::get(connection, "epoch")?.unwrap_or(0),
        applied_revision: state.map_or(0, |state| state.revision),
        cursor: settings::get(connection, "cursor")?.unwrap_or(0),
        items,
    })
}

/// What a change of the store means for the screen.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) state: Option<AgentState>,
    pub(crate) entries: Vec<OutboxEntry>,
    pub(crate) news: Vec<News>,
    pub(crate) tickets_changed: bool,
}

fn apply(connection: &Connection, sent: &[OutboxItem], response: &SyncResponse, now: Millis) -> StoreResult<Effects> {
    let mut effects = Effects::default();
    // First who sits here: the receipts were given to them.
    let another = apply_state(connection, &response.state, &mut effects)?;
    for (item, receipt) in sent.iter().zip(&response.receipts) {
        take_receipt(connection, item, receipt, now, &mut effects)?;
    }
    let first = settings::get::<i64>(connection, "cursor")?.unwrap_or(0) == 0;
    for summary in &response.tickets {
        let before = tickets::find(connection, summary.id)?;
        if before.as_ref() == Some(summary) {
            continue;
        }
        tickets::put(connection, summary)?;
        effects.tickets_changed = true;
        if first {
            // The whole past at once is not news.
            tickets::mark_seen(connection, summary.id)?;
        } else {
            effects.news.extend(news::of(before.as_ref(), summary));
        }
    }
    settings::set(connection, "epoch", &response.epoch)?;
    if !another {
        settings::set(connection, "cursor", &response.cursor)?;
    }
    Ok(effects)
}

fn take_receipt(
    connection: &Connection,
    item: &OutboxItem,
    receipt: &Receipt,
    now: Millis,
    effects: &mut Effects,
) -> StoreResult<()> {
    match &receipt.outcome {
        Outcome::Accepted { number, missing, .. } => {
            outbox::accept(connection, receipt.id, *number, missing, now)?;
            if let OutboxItem::Status(status) = item {
                tickets::set_status(connection, status.ticket, status.status)?;
            }
        }
        Outcome::Deferred { code, message } => {
            outbox::hold(connection, receipt.id, &reason(*code, message), false)?;
        }
        Outcome::Refused { code, message } => {
            outbox::hold(connection, receipt.id, &reason(*code, message), true)?;
            // In a conflict, something is stored under its id or in its place.
            if *code != ErrorCode::ContentConflict
                && let Some(entry) = outbox::find(connection, receipt.id)?
            {
                outbox::vacate(connection, &entry)?;
            }
        }
    }
    if let Some(entry) = outbox::find(connection, receipt.id)? {
        effects.news.extend(outcome_news(&entry.view()));
        effects.entries.push(entry.view());
    }
    Ok(())
}

fn reason(code: ErrorCode, message: &str) -> CommandError {
    CommandError { code: CommandErrorCode::Server(code), message: message.to_owned(), details: ErrorDetails::default() }
}

/// What the end of an entry's way is told as.
pub(crate) fn outcome_news(entry: &OutboxEntry) -> Option<News> {
    let subject = entry.subject.clone();
    match (entry.state, entry.number) {
        (EntryState::Delivered, Some(number)) => Some(News::Delivered { ticket: entry.ticket, number, subject }),
        (EntryState::NeedsAttention, _) => Some(News::Attention { subject }),
        _ => None,
    }
}

/// Keeps what the server decided. Where another person is confirmed from now on, the one before
/// leaves nothing behind, and what was written while nobody was confirmed is theirs. Says whether that
/// is so: all of their tickets are to be asked for then.
pub(crate) fn apply_state(connection: &Connection, state: &AgentState, effects: &mut Effects) -> StoreResult<bool> {
    let before: Option<AgentState> = settings::get(connection, "state")?;
    if before.as_ref() == Some(state) {
        return Ok(false);
    }
    settings::set(connection, "state", state)?;
    effects.state = Some(state.clone());
    let person = |state: &AgentState| state.confirmation.as_ref().map(|confirmation| confirmation.requester_id);
    let (old, new) = (before.as_ref().and_then(person), person(state));
    if old == new {
        return Ok(false);
    }
    tickets::forget(connection)?;
    settings::set(connection, "cursor", &0)?;
    effects.tickets_changed = true;
    if let (Some(author), Some(confirmation)) = (new, &state.confirmation) {
        effects.entries.extend(outbox::claim(connection, author)?.iter().map(outbox::Entry::view));
        effects.entries.extend(outbox::revive(connection, author)?.iter().map(outbox::Entry::view));
        effects.news.push(News::Confirmed { confirmation: confirmation.clone() });
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
