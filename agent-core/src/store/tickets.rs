//! The person's tickets, as the server last told them.

use deskbell_protocol::{
    conversation::{Conversation, TicketSummary},
    id::TicketId,
    ticket::Status,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreResult, execute, from_json, to_json};
use crate::view::TicketListItem;

pub(crate) fn find(connection: &Connection, id: TicketId) -> StoreResult<Option<TicketSummary>> {
    let text: Option<String> = connection
        .query_row("select summary from tickets where id = ?1", [id.to_string()], |row| row.get(0))
        .optional()?;
    text.map(|text| from_json(&text)).transpose()
}

pub(crate) fn put(connection: &Connection, summary: &TicketSummary) -> StoreResult<()> {
    execute(
        connection,
        "insert into tickets (id, summary, updated_at) values (?1, ?2, ?3)
         on conflict (id) do update set summary = excluded.summary, updated_at = excluded.updated_at",
        params![summary.id.to_string(), to_json(summary)?, summary.updated_at],
    )?;
    Ok(())
}

/// What the person themselves decided is known before the server tells it.
pub(crate) fn set_status(connection: &Connection, id: TicketId, status: Status) -> StoreResult<()> {
    match find(connection, id)? {
        Some(summary) => put(connection, &TicketSummary { status, ..summary }),
        None => Ok(()),
    }
}

/// Last change first.
pub(crate) fn all(connection: &Connection) -> StoreResult<Vec<TicketListItem>> {
    let mut statement =
        connection.prepare_cached("select summary, unread from tickets order by updated_at desc, id")?;
    let rows: Vec<(String, bool)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    rows.into_iter().map(|(summary, unread)| Ok(TicketListItem { summary: from_json(&summary)?, unread })).collect()
}

/// Those whose last message is a technician's that was not seen here.
pub(crate) fn count_unread(connection: &Connection) -> StoreResult<u32> {
    let mut statement = connection.prepare_cached("select count(*) from tickets where unread = 1")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// The person has seen the last message; false where they had before.
pub(crate) fn mark_seen(connection: &Connection, id: TicketId) -> StoreResult<bool> {
    let Some(last) = find(connection, id)?.and_then(|summary| summary.last_message) else { return Ok(false) };
    let changed = execute(
        connection,
        "update tickets set seen = ?2 where id = ?1 and coalesce(seen, '') <> ?2",
        params![id.to_string(), last.id.to_string()],
    )?;
    Ok(changed == 1)
}

pub(crate) fn conversation(connection: &Connection, id: TicketId) -> StoreResult<Option<Conversation>> {
    let text: Option<Option<String>> = connection
        .query_row("select conversation from tickets where id = ?1", [id.to_string()], |row| row.get(0))
        .optional()?;
    text.flatten().map(|text| from_json(&text)).transpose()
}

pub(crate) fn keep_conversation(connection: &Connection, conversation: &Conversation) -> StoreResult<()> {
    put(connection, &conversation.ticket)?;
    execute(
        connection,
        "update tickets set conversation = ?2 where id = ?1",
        params![conversation.ticket.id.to_string(), to_json(conversation)?],
    )?;
    Ok(())
}

/// Whether what is stored of a ticket makes sense.
pub(super) fn readable(connection: &Connection, row: i64) -> bool {
    let sql = "select id, summary, seen, conversation from tickets where rowid = ?1";
    let texts = connection.query_row(sql, [row], |row| {
        let texts: (String, String, Option<String>, Option<String>) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(texts)
    });
    texts.is_ok_and(|(_, summary, _, conversation)| {
        from_json::<TicketSummary>(&summary).is_ok()
            && conversation.is_none_or(|text| from_json::<Conversation>(&text).is_ok())
    })
}

/// Another person sits here now, or nobody: what was one's own is not shown to others.
pub(crate) fn forget(connection: &Connection) -> StoreResult<()> {
    execute(connection, "delete from tickets", [])?;
    Ok(())
}
