//! Attachments in a folder, under our own ids.
//!
//! A file grows piece by piece in `parts/<id>`, each piece flushed before it is acknowledged. When
//! it is whole and its hash is the announced one, it is renamed to `files/<xx>/<id>` and that folder
//! is flushed.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use deskbell_protocol::id::AttachmentId;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::folders;

#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// # Errors
    /// Where the folders cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        folders::make(&folder.join("parts"))?;
        folders::make(&folder.join("files"))?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn part(&self, id: AttachmentId) -> PathBuf {
        self.folder.join("parts").join(id.to_string())
    }

    fn file(&self, id: AttachmentId) -> PathBuf {
        let name = id.to_string();
        // The last characters are random, the first ones are a time.
        self.folder.join("files").join(&name[name.len() - 2..]).join(name)
    }

    /// Writes a piece at `offset`, durably. What lay behind it, from a piece that was never
    /// acknowledged, is cut off. False where what lay before it is gone: a server that was killed had taken the
    /// whole file to its place, or given it up, and had not said so yet.
    ///
    /// # Errors
    /// Where the disk refuses; nothing is acknowledged then.
    pub fn write_piece(&self, id: AttachmentId, offset: u64, piece: &[u8]) -> io::Result<bool> {
        deskbell_protocol::crash_point!("piece.write.before");
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(self.part(id))?;
        if file.metadata()?.len() < offset {
            return Ok(false);
        }
        file.set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(piece)?;
        deskbell_protocol::crash_point!("piece.flush.before");
        if !deskbell_protocol::mutant!("piece.unflushed") {
            file.sync_all()?;
        }
        // The file's name as well, which the first piece made.
        if offset == 0 {
            folders::flush(&self.folder.join("parts"))?;
        }
        deskbell_protocol::crash_point!("piece.flush.after");
        Ok(true)
    }

    /// The lower-case hexadecimal SHA-256 of what has arrived, and its first bytes for its type.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn examine(&self, id: AttachmentId) -> io::Result<(String, Vec<u8>)> {
        let mut file = File::open(self.part(id))?;
        let (mut hash, mut head, mut buffer) = (Sha256::new(), Vec::new(), vec![0; 64 * 1024]);
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok((crate::secrets::hex(&hash.finalize()), head));
            }
            let bytes = &buffer[..count];
            hash.update(bytes);
            let missing = HEAD.saturating_sub(head.len()).min(count);
            head.extend_from_slice(&bytes[..missing]);
        }
    }

    /// Moves a whole file to its place. Doing it again is no error.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn finish(&self, id: AttachmentId) -> io::Result<()> {
        let (part, file) = (self.part(id), self.file(id));
        if !part.exists() && file.exists() {
            return Ok(());
        }
        let folder = file.parent().unwrap_or(&self.folder);
        folders::make(folder)?;
        deskbell_protocol::crash_point!("blob.rename.before");
        fs::rename(part, &file)?;
        deskbell_protocol::crash_point!("blob.rename.after");
        folders::flush(folder)?;
        deskbell_protocol::crash_point!("blob.folder.after");
        Ok(())
    }

    /// Forgets what arrived, so that the upload starts again.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn discard_part(&self, id: AttachmentId) -> io::Result<()> {
        match fs::remove_file(self.part(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    #[must_use]
    pub fn path(&self, id: AttachmentId) -> PathBuf {
        self.file(id)
    }
}

/// Files of which a piece is stored at one time. On PostgreSQL each holds a connection and needs a second one: if
/// they held all of them, each would wait for the others.
const AT_ONCE: usize = 8;

/// One writer at a time for each file, and not too many of them.
#[derive(Debug)]
pub struct Uploads {
    files: Mutex<HashMap<AttachmentId, Weak<tokio::sync::Mutex<()>>>>,
    places: Arc<Semaphore>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { files: Mutex::default(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// Nobody else writes this file as long as it is held.
#[derive(Debug)]
pub struct Turn {
    _file: OwnedMutexGuard<()>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Uploads {
    /// Waits until nobody else writes this file, and for one of the places.
    pub async fn turn(&self, id: AttachmentId) -> Turn {
        let lock = {
            let mut locks = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let known = locks.get(&id).and_then(Weak::upgrade);
            let lock = known.unwrap_or_default();
            locks.insert(id, Arc::downgrade(&lock));
            lock
        };
        let file = lock.lock_owned().await;
        // It is never closed.
        Turn { _file: file, _place: Arc::clone(&self.places).acquire_owned().await.ok() }
    }
}

/// Bytes that tell a file's type.
const HEAD: usize = 512;

/// The type of a content by its first bytes: pictures that may be shown, or plain bytes. What the
/// sender says about it is not believed.
#[must_use]
pub fn content_type(head: &[u8]) -> &'static str {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => "image/png",
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'%', b'P', b'D', b'F', b'-', ..] => "application/pdf",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_arrives_in_pieces_and_an_unacknowledged_rest_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        let id = AttachmentId(uuid::Uuid::from_u128(9));
        blobs.write_piece(id, 0, b"hello, ").unwrap();
        blobs.write_piece(id, 7, b"wor and more that nobody acknowledged").unwrap();
        blobs.write_piece(id, 7, b"world").unwrap();
        let (hash, head) = blobs.examine(id).unwrap();
        assert_eq!(head, b"hello, world");
        assert_eq!(hash, crate::secrets::hex(&Sha256::digest(b"hello, world")));
        blobs.finish(id).unwrap();
        blobs.finish(id).unwrap();
        assert_eq!(fs::read(blobs.path(id)).unwrap(), b"hello, world", "finishing twice is finishing once");
        assert!(!blobs.write_piece(id, 7, b"world").unwrap(), "nothing lies before it any more");
        assert!(blobs.write_piece(id, 0, b"hello, ").unwrap(), "it begins again");
    }

    #[test]
    fn only_real_pictures_are_pictures() {
        assert_eq!(content_type(b"\x89PNG\r\n\x1a\n...."), "image/png");
        assert_eq!(content_type(b"<svg onload=alert(1)>"), "application/octet-stream");
        assert_eq!(content_type(b""), "application/octet-stream");
    }
}
