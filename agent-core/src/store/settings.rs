//! Single values by name.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{StoreResult, execute, from_json, to_json};

pub(crate) fn get<T: DeserializeOwned>(connection: &Connection, name: &str) -> StoreResult<Option<T>> {
    let text: Option<String> =
        connection.query_row("select value from settings where name = ?1", [name], |row| row.get(0)).optional()?;
    text.map(|text| from_json(&text)).transpose()
}

pub(crate) fn set(connection: &Connection, name: &str, value: &impl Serialize) -> StoreResult<()> {
    execute(
        connection,
        "insert into settings (name, value) values (?1, ?2) on conflict (name) do update set value = excluded.value",
        params![name, to_json(value)?],
    )?;
    Ok(())
}

pub(crate) fn remove(connection: &Connection, name: &str) -> StoreResult<()> {
    execute(connection, "delete from settings where name = ?1", [name])?;
    Ok(())
}
