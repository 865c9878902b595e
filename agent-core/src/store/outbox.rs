//! What waits to be delivered.

use deskbell_protocol::{
    Millis,
    device::AgentState,
    error::ErrorCode,
    id::{AttachmentId, RequesterId, TicketId},
    sync::{OutboxItem, UploadProgress},
    ticket::AttachmentRole,
};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{StoreError, StoreResult, execute, from_json, settings, tickets, to_json};
use crate::view::{CommandError, CommandErrorCode, EntryKind, EntryState, FileProgress, OutboxEntry};

/// How long a delivered entry is remembered, for the window that still shows it.
const REMEMBERED: Millis = 24 * 60 * 60 * 1000;

/// An entry as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) ticket: TicketId,
    pub(crate) subject: String,
    pub(crate) author: Option<RequesterId>,
    /// Its author is only right where [`Entry::author`] is known.
    pub(crate) item: OutboxItem,
    pub(crate) reason: Option<CommandError>,
    pub(crate) refused: bool,
    pub(crate) number: Option<i64>,
    pub(crate) delivered: bool,
    pub(crate) written_at: Millis,
    pub(crate) files: Vec<FileProgress>,
}

impl Entry {
    pub(crate) fn kind(&self) -> EntryKind {
        match self.item {
            OutboxItem::Ticket(_) => EntryKind::Ticket,
            OutboxItem::Reply(_) => EntryKind::Reply,
            OutboxItem::Status(_) => EntryKind::Status,
        }
    }

    /// Written by this person.
    pub(crate) fn by(self, author: RequesterId) -> Self {
        Self { author: Some(author), item: by(self.item, author), ..self }
    }

    /// What the person is told of it.
    pub(crate) fn state(&self) -> EntryState {
        if self.delivered {
            EntryState::Delivered
        } else if self.refused {
            EntryState::NeedsAttention
        } else if self.number.is_some() {
            EntryState::Sending
        } else if self.author.is_none() {
            EntryState::AwaitingConfirmation
        } else {
            EntryState::Queued
        }
    }

    pub(crate) fn view(&self) -> OutboxEntry {
        OutboxEntry {
            id: self.id,
            ticket: self.ticket,
            kind: self.kind(),
            subject: self.subject.clone(),
            state: self.state(),
            written_at: self.written_at,
            number: self.number,
            files: self.files.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// The item with its author.
fn by(mut item: OutboxItem, author: RequesterId) -> OutboxItem {
    match &mut item {
        OutboxItem::Ticket(ticket) => ticket.author = author,
        OutboxItem::Reply(reply) => reply.author = author,
        OutboxItem::Status(status) => status.author = author,
    }
    item
}

const COLUMNS: &str = "id, ticket, subject, author, item, reason, refused, number, delivered_at, written_at";

type Raw = (String, String, String, Option<String>, String, Option<String>, bool, Option<i64>, Option<i64>, i64);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
        row.get(8)?,
        row.get(9)?,
    ))
}

fn entry(connection: &Connection, raw: Raw) -> StoreResult<Entry> {
    let (id, ticket, subject, author, item, reason, refused, number, delivered_at, written_at) = raw;
    let id: Uuid = parse(&id)?;
    Ok(Entry {
        id,
        ticket: parse(&ticket)?,
        subject,
        author: author.map(|author| parse(&author)).transpose()?,
        item: from_json(&item)?,
        reason: reason.map(|reason| from_json(&reason)).transpose()?,
        refused,
        number,
        delivered: delivered_at.is_some(),
        written_at,
        files: files(connection, id)?,
    })
}

fn files(connection: &Connection, entry: Uuid) -> StoreResult<Vec<FileProgress>> {
    let sql = "select id, role, name, size, sent, complete from outbox_files where entry = ?1 order by position";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([entry.to_string()], |row| {
        let values: (String, String, String, i64, i64, bool) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        Ok(values)
    })?;
    rows.map(|row| {
        let (id, role, name, size, sent, complete) = row?;
        let (size, sent) = (size.cast_unsigned(), sent.cast_unsigned());
        Ok(FileProgress { id: parse(&id)?, role: parse::<AttachmentRole>(&role)?, name, size, sent, complete })
    })
    .collect()
}

fn parse<T: std::str::FromStr>(text: &str) -> StoreResult<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error: T::Err| {
        StoreError::Sqlite(rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
    })
}

fn select(connection: &Connection, rest: &str, values: impl rusqlite::Params) -> StoreResult<Vec<Entry>> {
    let mut statement = connection.prepare_cached(&format!("select {COLUMNS} from outbox {rest}"))?;
    let rows: Vec<Raw> = statement.query_map(values, raw)?.collect::<rusqlite::Result<_>>()?;
    rows.into_iter().map(|row| entry(connection, row)).collect()
}

/// Adds an entry with its files, whose bytes are on the disk already.
pub(crate) fn insert(connection: &Connection, new: &Entry) -> StoreResult<()> {
    execute(
        connection,
        "insert into outbox (id, ticket, kind, subject, author, item, written_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            new.id.to_string(),
            new.ticket.to_string(),
            to_json(&new.kind())?,
            new.subject,
            new.author.map(|author| author.to_string()),
            to_json(&new.item)?,
            new.written_at
        ],
    )?;
    for (position, file) in new.files.iter().enumerate() {
        execute(
            connection,
            "insert into outbox_files (id, entry, position, role, name, size) values (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                file.id.to_string(),
                new.id.to_string(),
                i64::try_from(position).unwrap_or(i64::MAX),
                file.role.to_string(),
                file.name,
                file.size.cast_signed()
            ],
        )?;
    }
    Ok(())
}

/// Adds a ticket. Its author is who is confirmed at this very moment: a ticket that is kept while
/// somebody proves their address is either theirs here, or claimed with what waited.
pub(crate) fn keep(connection: &Connection, entry: Entry) -> StoreResult<Entry> {
    let state: Option<AgentState> = settings::get(connection, "state")?;
    let entry = match state.and_then(|state| state.confirmation) {
        Some(person) => entry.by(person.requester_id),
        None => entry,
    };
    insert(connection, &entry)?;
    Ok(entry)
}

/// Adds a reply or a status change in the next place of its ticket.
pub(crate) fn append(
    connection: &Connection,
    id: Uuid,
    ticket: TicketId,
    author: RequesterId,
    files: Vec<FileProgress>,
    now: Millis,
    item: impl FnOnce(u32) -> OutboxItem,
) -> StoreResult<Entry> {
    let summary = tickets::find(connection, ticket)?;
    let entry = Entry {
        id,
        ticket,
        subject: summary.map(|summary| summary.subject).unwrap_or_default(),
        author: Some(author),
        item: item(next_sequence(connection, ticket)?),
        reason: None,
        refused: false,
        number: None,
        delivered: false,
        written_at: now,
        files,
    };
    insert(connection, &entry)?;
    deskbell_protocol::crash_point!("reply.commit.before");
    Ok(entry)
}

/// What is not delivered, in the order in which it was written: clocks are set meanwhile.
pub(crate) fn undelivered(connection: &Connection) -> StoreResult<Vec<Entry>> {
    select(connection, "where delivered_at is null order by rowid", [])
}

/// What the server has, but for files, in the order in which it was written.
pub(crate) fn sending(connection: &Connection) -> StoreResult<Vec<Entry>> {
    select(connection, "where delivered_at is null and refused = 0 and number is not null order by rowid", [])
}

/// At most so many of those that may be sent ([`EntryState::Queued`]), in the order in which they were written:
/// what an exchange costs does not grow with what waits behind it.
pub(crate) fn queued(connection: &Connection, limit: usize) -> StoreResult<Vec<Entry>> {
    let rest = "where delivered_at is null and refused = 0 and number is null and author is not null
                order by rowid limit ?1";
    select(connection, rest, [i64::try_from(limit).unwrap_or(i64::MAX)])
}

/// Whether what is stored of an entry makes sense.
pub(super) fn readable(connection: &Connection, row: i64) -> bool {
    select(connection, "where rowid = ?1", [row]).is_ok()
}

pub(crate) fn find(connection: &Connection, id: Uuid) -> StoreResult<Option<Entry>> {
    Ok(select(connection, "where id = ?1", [id.to_string()])?.pop())
}

/// What is not delivered of one ticket, in the order in which it was written.
pub(crate) fn of_ticket(connection: &Connection, ticket: TicketId) -> StoreResult<Vec<Entry>> {
    select(connection, "where ticket = ?1 and delivered_at is null order by rowid", [ticket.to_string()])
}

/// Who is confirmed here wrote what was written while nobody was.
pub(crate) fn claim(connection: &Connection, author: RequesterId) -> StoreResult<Vec<Entry>> {
    let mine = select(connection, "where author is null order by rowid", [])?;
    let mut claimed = Vec::with_capacity(mine.len());
    for entry in mine {
        let entry = Entry { reason: None, ..entry.by(author) };
        execute(
            connection,
            "update outbox set author = ?2, item = ?3, reason = null where id = ?1",
            params![entry.id.to_string(), author.to_string(), to_json(&entry.item)?],
        )?;
        claimed.push(entry);
    }
    Ok(claimed)
}

/// The server has it. What it lacks of the files is told; without any lacking, it is delivered.
pub(crate) fn accept(
    connection: &Connection,
    id: Uuid,
    number: i64,
    missing: &[UploadProgress],
    now: Millis,
) -> StoreResult<()> {
    execute(
        connection,
        "update outbox set number = ?2, accepted_at = coalesce(accepted_at, ?3), reason = null, refused = 0 where id = ?1",
        params![id.to_string(), number, now],
    )?;
    let sql = "update outbox_files set complete = 1, sent = size where entry = ?1";
    execute(connection, sql, [id.to_string()])?;
    for file in missing {
        progress(connection, file.id, file.received, false)?;
    }
    deliver_if_complete(connection, id, now)
}

pub(crate) fn progress(connection: &Connection, file: AttachmentId, sent: u64, complete: bool) -> StoreResult<()> {
    execute(
        connection,
        "update outbox_files set sent = ?2, complete = ?3 where id = ?1",
        params![file.to_string(), sent.cast_signed(), complete],
    )?;
    Ok(())
}

/// Delivered where the server has the entry and all its files.
pub(crate) fn deliver_if_complete(connection: &Connection, id: Uuid, now: Millis) -> StoreResult<()> {
    execute(
        connection,
        "update outbox set delivered_at = ?2 where id = ?1 and number is not null and delivered_at is null
         and not exists (select 1 from outbox_files where entry = ?1 and complete = 0)",
        params![id.to_string(), now],
    )?;
    Ok(())
}

/// It stays, with the reason; `refused`: until the person does something about it.
pub(crate) fn hold(connection: &Connection, id: Uuid, reason: &CommandError, refused: bool) -> StoreResult<()> {
    execute(
        connection,
        "update outbox set reason = ?2, refused = ?3 where id = ?1",
        params![id.to_string(), to_json(reason)?, refused],
    )?;
    Ok(())
}

/// Forgets an entry. Replies behind one that was never stored move up by one place, except where something else
/// is stored in its place.
pub(crate) fn discard(connection: &Connection, entry: &Entry) -> StoreResult<()> {
    execute(connection, "delete from outbox where id = ?1", [entry.id.to_string()])?;
    let conflict = CommandErrorCode::Server(ErrorCode::ContentConflict);
    let taken = entry.reason.as_ref().is_some_and(|reason| reason.code == conflict);
    if entry.number.is_none() && !taken { move_up(connection, entry) } else { Ok(()) }
}

/// The server will never store a reply: it gives up its place, so that those behind it need not wait.
pub(crate) fn vacate(connection: &Connection, entry: &Entry) -> StoreResult<()> {
    move_up(connection, entry)?;
    place(connection, entry, 0)
}

/// The server lacks messages of this ticket that it had: it was restored from before them. Those that wait
/// move up by one place, until the first of them is in its turn. Says whether they could.
pub(crate) fn close_gap(connection: &Connection, first: &Entry) -> StoreResult<bool> {
    let waiting = of_ticket(connection, first.ticket)?;
    let ahead = waiting.iter().take_while(|entry| entry.id != first.id);
    // What waits before it fills the place, or gives it up.
    if sequence(&first.item) < 2 || ahead.into_iter().any(|entry| entry.number.is_none() && !entry.refused) {
        return Ok(false);
    }
    for entry in waiting.iter().filter(|entry| entry.number.is_none() && sequence(&entry.item) > 0) {
        place(connection, entry, sequence(&entry.item) - 1)?;
    }
    execute(connection, "update sequences set last = last - 1 where ticket = ?1", [first.ticket.to_string()])?;
    Ok(true)
}

fn move_up(connection: &Connection, gone: &Entry) -> StoreResult<()> {
    let gap = sequence(&gone.item);
    if gap == 0 {
        return Ok(());
    }
    for behind in of_ticket(connection, gone.ticket)? {
        if sequence(&behind.item) > gap && behind.number.is_none() {
            place(connection, &behind, sequence(&behind.item) - 1)?;
        }
    }
    execute(connection, "update sequences set last = last - 1 where ticket = ?1", [gone.ticket.to_string()])?;
    Ok(())
}

fn place(connection: &Connection, entry: &Entry, sequence: u32) -> StoreResult<()> {
    let item = at(entry.item.clone(), sequence);
    let sql = "update outbox set item = ?2 where id = ?1";
    execute(connection, sql, params![entry.id.to_string(), to_json(&item)?])?;
    Ok(())
}

/// What this person wrote while another one was confirmed here goes again, behind what has gone since.
pub(crate) fn revive(connection: &Connection, author: RequesterId) -> StoreResult<Vec<Entry>> {
    let rest = "where author = ?1 and refused and delivered_at is null order by rowid";
    let changed = CommandErrorCode::Server(ErrorCode::AuthorChanged);
    let mut revived = Vec::new();
    for entry in select(connection, rest, [author.to_string()])? {
        if entry.reason.as_ref().is_none_or(|reason| reason.code != changed) {
            continue;
        }
        if entry.kind() != EntryKind::Ticket && sequence(&entry.item) == 0 {
            place(connection, &entry, next_sequence(connection, entry.ticket)?)?;
        }
        let sql = "update outbox set refused = 0, reason = null where id = ?1";
        execute(connection, sql, [entry.id.to_string()])?;
        revived.extend(find(connection, entry.id)?);
    }
    Ok(revived)
}

/// Another installation counts its own replies, from one on: what is not stored yet gets new places.
pub(crate) fn renumber(connection: &Connection) -> StoreResult<()> {
    execute(connection, "delete from sequences", [])?;
    for entry in undelivered(connection)? {
        if entry.number.is_none() && sequence(&entry.item) > 0 {
            place(connection, &entry, next_sequence(connection, entry.ticket)?)?;
        }
    }
    Ok(())
}

/// 0 for a ticket, and for what has given up its place.
fn sequence(item: &OutboxItem) -> u32 {
    match item {
        OutboxItem::Ticket(_) => 0,
        OutboxItem::Reply(reply) => reply.sequence,
        OutboxItem::Status(status) => status.sequence,
    }
}

fn at(mut item: OutboxItem, sequence: u32) -> OutboxItem {
    match &mut item {
        OutboxItem::Ticket(_) => {}
        OutboxItem::Reply(reply) => reply.sequence = sequence,
        OutboxItem::Status(status) => status.sequence = sequence,
    }
    item
}

/// The place of the next reply or status change of this installation in a ticket.
pub(crate) fn next_sequence(connection: &Connection, ticket: TicketId) -> StoreResult<u32> {
    let sql = "insert into sequences (ticket, last) values (?1, 1)
        on conflict (ticket) do update set last = last + 1 returning last";
    Ok(connection.query_row(sql, [ticket.to_string()], |row| row.get(0))?)
}

/// Bytes of all files that wait.
pub(crate) fn bytes(connection: &Connection) -> StoreResult<u64> {
    let sql = "select coalesce(sum(f.size), 0) from outbox_files f join outbox o on o.id = f.entry
        where o.delivered_at is null";
    let bytes: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(bytes.cast_unsigned())
}

/// How many wait, and how many of them need attention.
pub(crate) fn counts(connection: &Connection) -> StoreResult<(u32, u32)> {
    let sql = "select count(*), coalesce(sum(refused), 0) from outbox where delivered_at is null";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// What the mutant `outbox.early` does: what is sent is forgotten, whether it arrives or not.
pub(crate) fn forget(connection: &Connection, sent: &[Uuid]) -> StoreResult<()> {
    for id in sent {
        execute(connection, "delete from outbox where id = ?1", [id.to_string()])?;
    }
    Ok(())
}

/// Forgets what was delivered long ago.
pub(crate) fn prune(connection: &Connection, now: Millis) -> StoreResult<()> {
    execute(connection, "delete from outbox where delivered_at < ?1", [now - REMEMBERED])?;
    Ok(())
}

/// The files that some entry still needs.
pub(crate) fn needed_files(connection: &Connection) -> StoreResult<Vec<AttachmentId>> {
    let sql = "select f.id from outbox_files f join outbox o on o.id = f.entry where o.delivered_at is null";
    let mut statement = connection.prepare(sql)?;
    let ids: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    ids.iter().map(|id| parse(id)).collect()
}
