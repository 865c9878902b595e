//! Reading the queue beside an agent that may be using it, or on a disk that cannot be written.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use super::{FILE, StoreResult};

/// What `read` finds; nothing where no agent has ever run. Writes nothing, whatever state the queue is in.
pub(crate) fn peek<T>(folder: &Path, read: impl Fn(&Connection) -> StoreResult<T>) -> StoreResult<Option<T>> {
    let file = folder.join(FILE);
    if !file.try_exists()? {
        return Ok(None);
    }
    let found = live(&file).and_then(|connection| read(&connection));
    match found {
        // A database without a log is read as it lies there where even looking would have to write.
        Err(_) if !folder.join(format!("{FILE}-wal")).exists() => {
            frozen(&file).and_then(|connection| read(&connection)).map(Some)
        }
        found => found.map(Some),
    }
}

fn live(file: &Path) -> StoreResult<Connection> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

fn frozen(file: &Path) -> StoreResult<Connection> {
    let unusable = |()| std::io::Error::from(std::io::ErrorKind::InvalidFilename);
    let mut address = url::Url::from_file_path(std::path::absolute(file)?).map_err(unusable)?;
    address.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(address.as_str(), flags)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, settings};

    fn account(folder: &Path) -> StoreResult<Option<String>> {
        peek(folder, |connection| settings::get(connection, "key_account")).map(Option::flatten)
    }

    #[tokio::test]
    async fn a_queue_is_read_beside_the_agent_that_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(account(folder.path()).unwrap(), None, "there has never been one");
        let opened = Store::open(folder.path(), 0).unwrap();
        opened.store.write(|tx| settings::set(tx, "key_account", &"one")).await.unwrap();
        assert_eq!(account(folder.path()).unwrap().as_deref(), Some("one"));
        opened.store.write(|tx| settings::set(tx, "key_account", &"two")).await.unwrap();
    }

    #[test]
    fn what_is_no_queue_is_an_error_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, "this has never been a database").unwrap();
        assert!(account(folder.path()).is_err());
        assert_eq!(std::fs::read_to_string(file).unwrap(), "this has never been a database");
    }
}
