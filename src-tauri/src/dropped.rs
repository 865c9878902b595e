//! Files that a person dropped on a window. A page may add those, by their paths, and no others: what
//! runs in it cannot read a file that nobody gave it.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

#[derive(Default)]
pub(crate) struct Dropped(Mutex<HashSet<PathBuf>>);

impl Dropped {
    pub(crate) fn remember(&self, paths: &[PathBuf]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(paths.iter().cloned());
    }

    /// Those of the wanted paths that were dropped; each counts once.
    pub(crate) fn take(&self, wanted: &[PathBuf]) -> Vec<PathBuf> {
        let mut dropped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().filter_map(|path| dropped.take(path)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_adds_what_was_dropped_and_nothing_else() {
        let dropped = Dropped::default();
        dropped.remember(&["/home/camille/log.txt".into()]);
        let wanted = ["/etc/passwd".into(), "/home/camille/log.txt".into()];
        assert_eq!(dropped.take(&wanted), [PathBuf::from("/home/camille/log.txt")]);
        assert!(dropped.take(&wanted).is_empty(), "a drop is used once");
    }
}
