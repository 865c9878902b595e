//! One exchange with the server: what waits goes out, what is new comes in, in one transaction here
//! and in one there.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use deskbell_protocol::{
    Millis, PROTOCOL_VERSION,
    device::{AgentState, DeviceFacts, HotkeyState},
    error::{ErrorCode, ErrorDetails},
    id::TicketId,
    limits::SYNC_ITEMS,
    sync::{OutboxItem, Outcome, Receipt, SyncRequest, SyncResponse},
    ticket::Language,
};
use rusqlite::Connection;
use uuid::Uuid;

use crate::{
    agent::Inner,
    clock, context,
    http::{Http, HttpError, Identity},
    news,
    store::{StoreResult, outbox, settings, tickets},
    view::{CommandError, CommandErrorCode, EntryState, News, OutboxEntry},
    worker::Fault,
};

/// Syncs until both sides know everything, this one's applied state included.
pub(crate) async fn all(inner: &Inner, http: &Http, who: &Identity) -> Result<(), Fault> {
    let mut round = Round::default();
    loop {
        let _alone = inner.exchange.lock().await;
        let language = inner.status.borrow().language;
        let said = Said { hotkey: inner.hotkey(), language, facts: context::facts() };
        let (skip, size) = (round.skip.clone(), round.size);
        let request = inner.store.read(move |c| request(c, &said, &skip, size)).await?;
        deskbell_protocol::crash_point!("sync.send.before");
        if deskbell_protocol::mutant!("outbox.early") {
            let sent: Vec<_> = request.items.iter().map(OutboxItem::id).collect();
            inner.store.write(move |tx| outbox::forget(tx, &sent)).await?;
        }
        let answer = if deskbell_protocol::mutant!("retry.new_id") {
            forgetful(http, who, &request).await
        } else {
            http.post(who, "/sync", &request).await
        };
        let response: SyncResponse = match answer {
            Ok(response) => response,
            Err(error) => {
                round.failed(&error, &request.items).ok_or(error)?;
                continue;
            }
        };
        deskbell_protocol::crash_point!("sync.send.after");
        let mut again = round.answered(&request, &response);
        let (culprits, now) = (std::mem::take(&mut round.culprits), (inner.clock)());
        let effects = inner.store.write(move |tx| settle(tx, &request.items, &response, culprits, now)).await?;
        deskbell_protocol::crash_point!("receipts.commit.after");
        again |= round.moved(&effects);
        inner.show(effects).await?;
        if !again {
            return Ok(());
        }
    }
}

/// What the exchanges of one round have shown so far.
pub(crate) struct Round {
    /// Items of the next exchange.
    pub(crate) size: usize,
    /// Not again in this round.
    pub(crate) skip: HashSet<Uuid>,
    /// Alone in an exchange that failed, and whether that is for good. It is certain only when an
    /// exchange without them succeeds.
    pub(crate) culprits: Vec<(Uuid, CommandError, bool)>,
}

impl Default for Round {
    fn default() -> Self {
        Self { size: SYNC_ITEMS, skip: HashSet::new(), culprits: Vec::new() }
    }
}

impl Round {
    /// One item that the server, or something on the way to it, cannot digest must not keep the others
    /// from going: they are tried in smaller and smaller parts, until it is alone. Nothing where it is
    /// not the items that fail.
    pub(crate) fn failed(&mut self, error: &HttpError, items: &[OutboxItem]) -> Option<()> {
        let for_good = match error.code() {
            Some(ErrorCode::Malformed | ErrorCode::BodyTooLarge | ErrorCode::ContentConflict) => true,
            Some(ErrorCode::Internal) => false,
            None if matches!(error, HttpError::Unintelligible(_)) => false,
            _ => return None,
        };
        match items {
            [] => return None,
            [alone] => {
                self.skip.insert(alone.id());
                self.culprits.push((alone.id(), error.clone().into(), for_good));
                // With nothing in it, the next one tells whether it was the item.
                self.size = 0;
            }
            several => self.size = several.len() / 2,
        }
        Some(())
    }

    /// Whether there is more to say or to hear.
    pub(crate) fn answered(&mut self, request: &SyncRequest, response: &SyncResponse) -> bool {
        let full = request.items.len() == self.size;
        self.size = (2 * self.size).clamp(1, SYNC_ITEMS);
        let refused = response.receipts.iter().any(|r| matches!(r.outcome, Outcome::Refused { .. }));
        let mut moved_up = false;
        for receipt in &response.receipts {
            match receipt.outcome {
                // It came behind one that was refused, and has its place now.
                Outcome::Deferred { code: ErrorCode::Conflict, .. } if refused => moved_up = true,
                Outcome::Deferred { .. } => _ = self.skip.insert(receipt.id),
                _ => {}
            }
        }
        response.more || full || moved_up || response.state.revision != request.applied_revision
    }
}

impl Round {
    /// What has another place now goes again at once. Says whether there is any.
    pub(crate) fn moved(&mut self, effects: &Effects) -> bool {
        self.skip.retain(|id| !effects.moved.contains(id));
        !effects.moved.is_empty()
    }
}

/// What the screen told the agent, and what the computer says of itself.
pub(crate) struct Said {
    pub(crate) hotkey: HotkeyState,
    pub(crate) language: Language,
    pub(crate) facts: DeviceFacts,
}

pub(crate) fn request(
    connection: &Connection,
    said: &Said,
    skip: &HashSet<Uuid>,
    size: usize,
) -> StoreResult<SyncRequest> {
    let state: Option<AgentState> = settings::get(connection, "state")?;
    let items = outbox::queued(connection, size + skip.len())?
        .into_iter()
        .filter(|entry| !skip.contains(&entry.id))
        .take(size)
        .map(|entry| entry.item)
        .collect();
    Ok(SyncRequest {
        protocol: PROTOCOL_VERSION,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        language: said.language,
        facts: said.facts.clone(),
        hotkey: said.hotkey,
        epoch: settings::get(connection, "epoch")?.unwrap_or(0),
        applied_revision: state.map_or(0, |state| state.revision),
        cursor: settings::get(connection, "cursor")?.unwrap_or(0),
        items,
    })
}

/// What the mutant `retry.new_id` does: what failed once is sent again as something new.
async fn forgetful(http: &Http, who: &Identity, request: &SyncRequest) -> Result<SyncResponse, HttpError> {
    static FAILED: AtomicBool = AtomicBool::new(false);
    let mut sent = request.clone();
    for item in &mut sent.items {
        if let OutboxItem::Ticket(ticket) = item
            && FAILED.load(Ordering::Relaxed)
        {
            ticket.id = TicketId(clock::new_id(ticket.written_at));
            ticket.attachments.clear();
        }
    }
    let response: Result<SyncResponse, _> = http.post(who, "/sync", &sent).await;
    FAILED.store(response.is_err(), Ordering::Relaxed);
    let mut response = response?;
    for (receipt, item) in response.receipts.iter_mut().zip(&request.items) {
        receipt.id = item.id();
    }
    Ok(response)
}

/// What a change of the store means for the screen.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) state: Option<AgentState>,
    pub(crate) entries: Vec<OutboxEntry>,
    pub(crate) news: Vec<News>,
    pub(crate) tickets_changed: bool,
    /// Entries that were deferred, and have another place in their ticket now.
    pub(crate) moved: Vec<Uuid>,
}

/// All that an answer changes here, in one transaction.
pub(crate) fn settle(
    connection: &Connection,
    sent: &[OutboxItem],
    response: &SyncResponse,
    culprits: Vec<(Uuid, CommandError, bool)>,
    now: Millis,
) -> StoreResult<Effects> {
    let mut effects = apply(connection, sent, response, now)?;
    for (id, reason, refused) in culprits {
        hold(connection, id, &reason, refused)?;
        show(connection, id, &mut effects)?;
    }
    outbox::prune(connection, now)?;
    deskbell_protocol::crash_point!("receipts.commit.before");
    Ok(effects)
}

fn apply(connection: &Connection, sent: &[OutboxItem], response: &SyncResponse, now: Millis) -> StoreResult<Effects> {
    let mut effects = Effects::default();
    // First who sits here: the receipts were given to them.
    let another = apply_state(connection, &response.state, &mut effects)?;
    for (item, receipt) in sent.iter().zip(&response.receipts) {
        take_receipt(connection, item, receipt, now, &mut effects)?;
    }
    // The whole past is not news, however many answers it takes.
    let first = settings::get::<i64>(connection, "cursor")?.unwrap_or(0) == 0
        || settings::get::<bool>(connection, "catching_up")?.unwrap_or(false);
    settings::set(connection, "catching_up", &(first && response.more))?;
    for summary in &response.tickets {
        let before = tickets::find(connection, summary.id)?;
        if before.as_ref() == Some(summary) {
            continue;
        }
        tickets::put(connection, summary)?;
        effects.tickets_changed = true;
        if first {
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
            hold(connection, receipt.id, &reason(*code, message), false)?;
            if *code == ErrorCode::Conflict
                && let Some(entry) = outbox::find(connection, receipt.id)?
                && outbox::close_gap(connection, &entry)?
            {
                effects.moved.push(receipt.id);
            }
        }
        Outcome::Refused { code, message } => hold(connection, receipt.id, &reason(*code, message), true)?,
    }
    show(connection, receipt.id, effects)
}

/// An entry stays here, with the reason; where it is `refused`, somebody has to look at it.
fn hold(connection: &Connection, id: Uuid, reason: &CommandError, refused: bool) -> StoreResult<()> {
    outbox::hold(connection, id, reason, refused)?;
    // In a conflict, something is stored under its id or in its place.
    let stored = reason.code == CommandErrorCode::Server(ErrorCode::ContentConflict);
    match outbox::find(connection, id)? {
        Some(entry) if refused && !stored => outbox::vacate(connection, &entry),
        _ => Ok(()),
    }
}

fn show(connection: &Connection, id: Uuid, effects: &mut Effects) -> StoreResult<()> {
    if let Some(entry) = outbox::find(connection, id)? {
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
