//! Saves what can still be read from a damaged file. The new file is made beside it, and takes its place
//! when it is whole: whatever cuts this off, the next start goes on with it, or begins it anew.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use deskbell_protocol::Millis;
use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

use super::{FILE, StoreResult, connect, sense, settings};
use crate::files::sync_folder;

/// The entries before their files, which name them.
const TABLES: &[&str] = &["settings", "outbox", "outbox_files", "sequences", "tickets"];
/// Where the damaged file lies, until the agent has dealt with what it named.
const SET_ASIDE: &str = "set_aside";
/// Not whole yet.
const PART: &str = ".part";

/// Puts a damaged queue aside, and what can be read of it into its place.
pub(super) fn replace(folder: &Path, now: Millis) -> StoreResult<()> {
    let new = folder.join(format!("{FILE}.recovered-{now}"));
    let part = with(&new, PART);
    let store = connect(&part)?;
    let mut into = store.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match recover(&folder.join(FILE), &mut into) {
        Ok(rows) => tracing::warn!(rows, "the queue was damaged; its readable rows were recovered"),
        Err(error) => tracing::error!(%error, "the queue was damaged, and nothing of it can be read"),
    }
    settings::set(&into, SET_ASIDE, &aside(folder, now))?;
    drop(into);
    // The last one that closes it brings its log into it.
    drop(store);
    deskbell_protocol::crash_point!("recover.whole.before");
    fs::rename(part, new)?;
    sync_folder(folder)?;
    deskbell_protocol::crash_point!("recover.whole.after");
    finish(folder)
}

/// Brings what was recovered to its place, and sweeps up what was cut off before it was whole.
pub(super) fn finish(folder: &Path) -> StoreResult<()> {
    let begins = format!("{FILE}.recovered-");
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match name.strip_prefix(&begins).map(str::parse::<Millis>) {
            Some(Ok(time)) => {
                let (file, aside) = (folder.join(FILE), aside(folder, time));
                // The log first: it belongs to the damaged file, and a new one must never read it.
                for suffix in ["-shm", "-wal", ""] {
                    match fs::rename(with(&file, suffix), with(&aside, suffix)) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                        _ => deskbell_protocol::crash_point!("recover.aside.after"),
                    }
                }
                // Its log is out of the way for good before another file has its name.
                sync_folder(folder)?;
                deskbell_protocol::crash_point!("recover.place.before");
                fs::rename(&path, file)?;
                sync_folder(folder)?;
                deskbell_protocol::crash_point!("recover.place.after");
            }
            Some(Err(_)) => fs::remove_file(path)?,
            None => {}
        }
    }
    Ok(())
}

fn aside(folder: &Path, time: Millis) -> PathBuf {
    folder.join(format!("{FILE}.damaged-{time}"))
}

/// The damaged file whose files nobody has dealt with yet.
pub(super) fn set_aside(connection: &Connection) -> StoreResult<Option<PathBuf>> {
    settings::get(connection, SET_ASIDE)
}

/// They are dealt with.
pub(crate) fn settled(connection: &rusqlite::Transaction<'_>) -> StoreResult<()> {
    settings::remove(connection, SET_ASIDE)
}

/// Brings every row that can be read into a new file, and says how many those were. What cannot be
/// read stays in the damaged file, which is not touched: reading a log writes to its file.
fn recover(damaged: &Path, into: &mut Connection) -> StoreResult<usize> {
    let copies = [with(damaged, ".reading"), with(damaged, ".reading-wal"), with(damaged, ".reading-shm")];
    fs::copy(damaged, &copies[0])?;
    let log = with(damaged, "-wal");
    if log.exists() {
        fs::copy(log, &copies[1])?;
    }
    let saved = read(&copies[0], into);
    for copy in copies {
        // SQLite removes the log and its index itself where it could read them.
        let _ = fs::remove_file(copy);
    }
    saved
}

pub(super) fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn read(from: &Path, into: &mut Connection) -> StoreResult<usize> {
    let from = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let tx = into.transaction()?;
    let mut saved = 0;
    for table in TABLES {
        match copy(&from, &tx, table) {
            Ok(rows) => saved += rows,
            Err(error) => tracing::warn!(%error, table, "a table of the damaged queue cannot be read"),
        }
    }
    sense::mend(&tx)?;
    // Tickets that could not be read are told again by the server.
    settings::remove(&tx, "cursor")?;
    tx.commit()?;
    Ok(saved)
}

/// Reads from both ends towards the damaged place. A row keeps its number: entries are in the order of theirs.
fn copy(from: &Connection, into: &Connection, table: &str) -> StoreResult<usize> {
    let mut columns = columns(into, table)?;
    columns.insert(0, "rowid".to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, outbox};

    const ENTRIES: i64 = 400;

    /// A queue of many pages, of which one is overwritten.
    fn damaged(folder: &Path) -> PathBuf {
        let file = folder.join("old.db");
        let connection = Connection::open(&file).unwrap();
        connection.execute_batch(include_str!("0001_first.sql")).unwrap();
        let text = serde_json::to_string(&"x".repeat(500)).unwrap();
        for number in 0..ENTRIES {
            let sql = "insert into settings (name, value) values (?1, ?2)";
            connection.execute(sql, (format!("name {number}"), &text)).unwrap();
        }
        connection.execute("insert into sequences (ticket, last) values ('t', 3)", []).unwrap();
        drop(connection);
        let mut bytes = std::fs::read(&file).unwrap();
        let (page, middle) = (4096, bytes.len() / 2 / 4096 * 4096);
        bytes[middle..middle + page].fill(0xA5);
        std::fs::write(&file, bytes).unwrap();
        file
    }

    #[test]
    fn what_is_not_on_the_damaged_page_is_saved_and_the_file_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let file = damaged(folder.path());
        let before = std::fs::read(&file).unwrap();
        let store = Store::open(folder.path(), 0).unwrap().store;
        let mut new = store.0.lock().unwrap();
        recover(&file, &mut new).unwrap();
        let saved: i64 = new.query_row("select count(*) from settings", [], |row| row.get(0)).unwrap();
        assert!(saved > ENTRIES * 9 / 10 && saved < ENTRIES, "{saved} of {ENTRIES}");
        let last: i64 = new.query_row("select last from sequences where ticket = 't'", [], |row| row.get(0)).unwrap();
        assert_eq!(last, 3, "the other tables are saved as well");
        assert_eq!(std::fs::read(&file).unwrap(), before);
        assert_eq!(
            std::fs::read_dir(folder.path())
                .unwrap()
                .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().contains("reading") })
                .count(),
            0
        );
    }

    #[tokio::test]
    async fn an_agent_goes_on_with_what_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let file = damaged(folder.path());
        let connection = Connection::open(&file).unwrap();
        let sql =
            "insert into outbox (id, ticket, kind, subject, item, written_at) values ('?', '?', '?', '?', '{', 0)";
        connection.execute(sql, []).unwrap();
        drop(connection);
        std::fs::rename(file, folder.path().join("deskbell.db")).unwrap();
        let opened = Store::open(folder.path(), 42).unwrap();
        assert!(opened.set_aside.is_some());
        let (waiting, saved) = opened
            .store
            .read(|c| Ok((outbox::undelivered(c)?, settings::get::<String>(c, "name 1")?)))
            .await
            .expect("a row without sense keeps nobody from reading the others");
        assert!(waiting.is_empty());
        assert_eq!(saved.unwrap().len(), 500);
    }

    #[test]
    fn one_entry_without_sense_does_not_keep_the_others_from_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), 0).unwrap().store;
        let connection = store.0.lock().unwrap();
        let sql =
            "insert into outbox (id, ticket, kind, subject, item, written_at) values ('?', '?', '?', '?', '{', 0)";
        connection.execute(sql, []).unwrap();
        connection.execute("insert into settings (name, value) values ('state', '{}'), ('theme', '')", []).unwrap();
        assert!(outbox::undelivered(&connection).is_err());
        sense::mend(&connection).unwrap();
        assert!(outbox::undelivered(&connection).unwrap().is_empty());
        let left: i64 = connection.query_row("select count(*) from settings", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
    }
}
