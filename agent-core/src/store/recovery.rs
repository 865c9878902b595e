//! Saves what can still be read from a damaged file.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

use super::StoreResult;

/// The entries before their files, which name them.
const TABLES: &[&str] = &["settings", "outbox", "outbox_files", "sequences", "tickets"];

/// Copies every row that can be read, and says how many those were. What cannot be read stays in the
/// damaged file, which is kept.
pub(super) fn recover(damaged: &Path, into: &mut Connection) -> StoreResult<usize> {
    // Writable, since what the damaged file's log still holds is read only then.
    let from = Connection::open_with_flags(damaged, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let tx = into.transaction()?;
    let mut saved = 0;
    for table in TABLES {
        match copy(&from, &tx, table) {
            Ok(rows) => saved += rows,
            Err(error) => tracing::warn!(%error, table, "a table of the damaged queue cannot be read"),
        }
    }
    tx.commit()?;
    Ok(saved)
}

/// Reads from both ends towards the damaged place.
fn copy(from: &Connection, into: &Connection, table: &str) -> StoreResult<usize> {
    let columns = columns(into, table)?;
    let (names, marks) = (columns.join(", "), vec!["?"; columns.len()].join(", "));
    let insert = format!("insert or ignore into {table} ({names}) values ({marks})");
    let mut saved = 0;
    for order in ["asc", "desc"] {
        let mut statement = from.prepare(&format!("select {names} from {table} order by rowid {order}"))?;
        let mut rows = statement.query([])?;
        // The first row that cannot be read ends this direction.
        while let Ok(Some(row)) = rows.next() {
            let values = (0..columns.len()).map(|column| row.get::<_, Value>(column)).collect::<Result<Vec<_>, _>>();
            // A row that does not fit, such as a file without its entry, helps nobody.
            saved += values.and_then(|values| into.execute(&insert, params_from_iter(values))).unwrap_or(0);
        }
    }
    Ok(saved)
}

fn columns(connection: &Connection, table: &str) -> StoreResult<Vec<String>> {
    let mut statement = connection.prepare("select name from pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(names)
}
