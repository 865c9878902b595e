//! Whether an agent runs for this user, and what it last said of itself: for `deskbell status`, and so
//! that two never work on one queue where the desktop offers no other way to find out.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use deskbell_agent_core::{make_private, view::AgentStatus};
use serde::Serialize;

/// What the file says: the status, and its one line for people.
#[derive(Serialize)]
struct Published<'a> {
    line: &'a str,
    #[serde(flatten)]
    status: &'a AgentStatus,
}

/// Held for as long as the agent runs. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Running {
    _lock: File,
    status: PathBuf,
}

impl Running {
    /// Nothing where another agent holds it.
    pub(crate) fn begin(folder: &Path) -> io::Result<Option<Self>> {
        make_private(folder)?;
        let lock = File::create(folder.join("agent.lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { _lock: lock, status: status_file(folder) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Written beside and renamed, so that a reader never finds half of it.
    pub(crate) fn publish(&self, status: &AgentStatus, line: &str) {
        let draft = self.status.with_extension("json.new");
        let written = serde_json::to_vec(&Published { line, status })
            .map_err(io::Error::from)
            .and_then(|json| fs::write(&draft, json))
            .and_then(|()| fs::rename(&draft, &self.status));
        if let Err(error) = written {
            tracing::warn!(%error, "the status cannot be published");
        }
    }
}

fn status_file(folder: &Path) -> PathBuf {
    folder.join("status.json")
}

/// What the running agent last published; nothing where none runs.
pub(crate) fn status(folder: &Path) -> Option<serde_json::Value> {
    let lock = File::open(folder.join("agent.lock")).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let json = fs::read(status_file(folder)).ok();
            Some(json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default())
        }
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_runs_per_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(status(folder.path()).is_none(), "nobody has ever run here");
        let first = Running::begin(folder.path()).unwrap();
        assert!(first.is_some());
        assert!(Running::begin(folder.path()).unwrap().is_none(), "the second one is turned away");
        assert!(status(folder.path()).is_some());
        drop(first);
        assert!(status(folder.path()).is_none(), "an agent that ended is not running");
        assert!(Running::begin(folder.path()).unwrap().is_some());
    }
}
