//! Whether what is stored makes sense. SQLite knows how its pages hang together and not what is written on
//! them: a row that nobody can read would keep all the others from being read.

use deskbell_protocol::{
    device::AgentState,
    id::{InstallationId, ServerId},
    ticket::Language,
};
use rusqlite::{Connection, OptionalExtension, types::FromSql};
use serde::de::DeserializeOwned;

use super::{StoreResult, outbox, tickets};
use crate::view::Theme;

const OURS: [&str; 3] = ["settings", "outbox", "tickets"];

/// An entry that is delivered has a number, the time of its receipt, and no file that the server lacks.
const NOT_DELIVERED: &str = "delivered_at is not null and (number is null or accepted_at is null
    or exists (select 1 from outbox_files where entry = outbox.id and complete = 0))";

/// Whether every row can be read, and says nothing that cannot be.
pub(super) fn makes_sense(connection: &Connection) -> StoreResult<bool> {
    for table in OURS {
        for row in rows(connection, table)? {
            if !readable(connection, table, row) {
                return Ok(false);
            }
        }
    }
    let sql = format!("select exists (select 1 from outbox where {NOT_DELIVERED})");
    Ok(!connection.query_row(&sql, [], |row| row.get(0))?)
}

/// Forgets rows that cannot be read. What only seems to be delivered goes again: the server knows it by its id.
pub(super) fn mend(connection: &Connection) -> StoreResult<()> {
    for table in OURS {
        for row in rows(connection, table)? {
            if !readable(connection, table, row) {
                connection.execute(&format!("delete from {table} where rowid = ?1"), [row])?;
            }
        }
    }
    connection.execute(&format!("update outbox set delivered_at = null where {NOT_DELIVERED}"), [])?;
    Ok(())
}

fn rows(connection: &Connection, table: &str) -> StoreResult<Vec<i64>> {
    let mut statement = connection.prepare(&format!("select rowid from {table}"))?;
    let rows = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

fn readable(connection: &Connection, table: &str, row: i64) -> bool {
    match table {
        "outbox" => outbox::readable(connection, row),
        "tickets" => tickets::readable(connection, row),
        _ => setting(connection, row).unwrap_or(false),
    }
}

fn setting(connection: &Connection, row: i64) -> StoreResult<bool> {
    let value =
        |column: &str| one::<String>(connection, &format!("select {column} from settings where rowid = ?1"), row);
    let (Some(name), Some(text)) = (value("name")?, value("value")?) else { return Ok(false) };
    Ok(match name.as_str() {
        "state" => is::<AgentState>(&text),
        "draft" => crate::agent::is_draft(&text),
        "language" => is::<Language>(&text),
        "theme" => is::<Theme>(&text),
        "epoch" | "cursor" => is::<i64>(&text),
        "server" => is::<ServerId>(&text),
        "installation" | "counted_by" => is::<InstallationId>(&text),
        "key_in_store" | "catching_up" => is::<bool>(&text),
        "key_account" | "enrolment_key" => is::<String>(&text),
        _ => is::<serde_json::Value>(&text),
    })
}

fn is<T: DeserializeOwned>(text: &str) -> bool {
    serde_json::from_str::<T>(text).is_ok()
}

pub(super) fn one<T: FromSql>(connection: &Connection, sql: &str, row: i64) -> StoreResult<Option<T>> {
    Ok(connection.query_row(sql, [row], |row| row.get(0)).optional()?)
}
