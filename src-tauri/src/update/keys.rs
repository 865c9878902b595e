//! Whose updates this program takes: public keys of minisign.
//!
//! They come from the setting `update_keys`, or else from a file beside the program, which whoever installed
//! it has put there. The server cannot set them: it would be able to replace the program then.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use deskbell_protocol::update::{Said, key_id_of};
use semver::Version;

/// Beside the program: one key to a line, or minisign's `.pub` files one after the other.
const FILE: &str = "update-keys.pub";
/// The keys that an update brings, below the version that it is.
const NEXT: &str = "update-keys.next";

/// A public key that is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: String,
    text: String,
}

/// The keys that count, and whether a signed update may name the next ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) trusted: Vec<Key>,
    /// An administrator set them, and changes them.
    pub(crate) pinned: bool,
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Some(Self { id: key_id_of(text)?, text: text.to_owned() })
    }

    /// As Tauri's updater wants it: the file that minisign writes, in base64.
    pub(crate) fn encoded(&self) -> String {
        STANDARD.encode(format!("untrusted comment: minisign public key {}\n{}\n", self.id, self.text))
    }
}

impl Keys {
    pub(crate) fn ids(&self) -> Vec<String> {
        self.trusted.iter().map(|key| key.id.clone()).collect()
    }

    /// The key that a signature says it was made with.
    pub(crate) fn of(&self, said: &Said) -> Option<&Key> {
        self.trusted.iter().find(|key| key.id == said.key)
    }
}

/// The keys of a text; what is no key is left out, comments among it.
fn parse(text: &str) -> Vec<Key> {
    text.lines().filter_map(Key::parse).collect()
}

/// The setting, where it is set, and the file otherwise.
pub(crate) fn read(setting: Option<&str>, program: &Path) -> Keys {
    match setting {
        Some(text) => Keys { trusted: text.split_whitespace().filter_map(Key::parse).collect(), pinned: true },
        None => Keys { trusted: parse(&fs::read_to_string(file(program)).unwrap_or_default()), pinned: false },
    }
}

/// What the file has to hold after an update whose signature was verified: nothing where it stays as it is.
/// An update that names no key that is one would be the last.
pub(crate) fn next(keys: &Keys, said: &Said) -> Option<Vec<Key>> {
    let named: Vec<Key> = said.keys.iter().filter_map(|text| Key::parse(text)).collect();
    (!keys.pinned && !named.is_empty() && named != keys.trusted).then_some(named)
}

/// Lays the next keys down before the update is installed: they count when that version runs, and an
/// update that does not come to be changes nothing.
pub(crate) fn prepare(program: &Path, version: &Version, keys: &[Key]) -> io::Result<()> {
    let keys: String = keys.iter().map(|key| format!("{}\n", key.text)).collect();
    write(&program.with_file_name(NEXT), &format!("{version}\n{keys}"))
}

/// Puts the next keys in their place where the version that they came with runs now.
pub(crate) fn settle(program: &Path, running: &Version) {
    let next = program.with_file_name(NEXT);
    let Ok(text) = fs::read_to_string(&next) else { return };
    let (version, keys) = text.split_once('\n').unwrap_or_default();
    let settled = if version == running.to_string() { write(&file(program), keys) } else { Ok(()) };
    if let Err(error) = settled.and_then(|()| fs::remove_file(next)) {
        tracing::error!(%error, "the next keys of updates cannot be kept");
    }
}

/// Written beside and renamed: half a key would end all updates.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("part");
    fs::write(&draft, text)?;
    fs::File::options().write(true).open(&draft)?.sync_all()?;
    fs::rename(draft, path)
}

fn file(program: &Path) -> PathBuf {
    program.with_file_name(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "RWTOyLnht9wdtKIkKPJnCytMZxbT0bsbEDPl55fp1nhTMmZKUBwlYLx+";

    fn other() -> String {
        STANDARD.encode([b"Ed".as_slice(), &[7; 40]].concat())
    }

    fn said(keys: &[&str]) -> Said {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Said { key: "B41DDCB7E1B9C8CE".to_owned(), version: None, keys }
    }

    #[test]
    fn the_file_beside_the_program_is_what_minisign_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("deskbell");
        assert_eq!(read(None, &program), Keys::default(), "without a file there is nobody to trust");
        let text = format!("untrusted comment: minisign public key B41DDCB7E1B9C8CE\n{ONE}\n\n{}\n", other());
        fs::write(folder.path().join(FILE), text).unwrap();
        let keys = read(None, &program);
        assert_eq!(keys.ids(), ["B41DDCB7E1B9C8CE", "0707070707070707"]);
        assert!(keys.of(&said(&[])).is_some(), "the signature's key is found by its id");
        let stranger = Said { key: "0000000000000000".to_owned(), ..said(&[]) };
        assert!(keys.of(&stranger).is_none());
    }

    #[test]
    fn a_setting_replaces_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("deskbell");
        fs::write(folder.path().join(FILE), ONE).unwrap();
        assert_eq!(read(Some(&format!("{ONE} {}", other())), &program).trusted.len(), 2);
        let none = read(Some("nobody"), &program);
        assert!(none.pinned && none.trusted.is_empty(), "a wrong setting trusts nobody");
    }

    #[test]
    fn a_signed_update_names_the_next_keys() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("deskbell");
        fs::write(folder.path().join(FILE), ONE).unwrap();
        let keys = read(None, &program);
        assert_eq!(next(&keys, &said(&[])), None, "none named: they stay");
        assert_eq!(next(&keys, &said(&[ONE])), None, "the same");
        assert_eq!(next(&keys, &said(&["nonsense"])), None, "nobody would be left to trust");
        let new = next(&keys, &said(&[&other()])).unwrap();
        let (running, coming) = (Version::new(1, 0, 0), Version::new(1, 1, 0));
        prepare(&program, &coming, &new).unwrap();
        settle(&program, &running);
        assert_eq!(read(None, &program), keys, "an update that was not installed changes nothing");
        settle(&program, &coming);
        assert_eq!(read(None, &program), keys, "and is forgotten");
        prepare(&program, &coming, &new).unwrap();
        settle(&program, &coming);
        assert_eq!(read(None, &program).ids(), ["0707070707070707"], "and the one before is gone");
        let pinned = Keys { pinned: true, ..keys };
        assert_eq!(next(&pinned, &said(&[&other()])), None, "what an administrator set, they change");
    }
}
