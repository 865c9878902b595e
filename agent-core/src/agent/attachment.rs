//! Files that go along with a ticket or a reply: what they must be, and what they become.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use deskbell_protocol::{
    Millis,
    error::ErrorCode,
    id::AttachmentId,
    limits::{FILE_BYTES, FILE_NAME_CHARS, FILES, OUTBOX_BYTES, TICKET_BYTES},
    ticket::{AttachmentRole, NewAttachment},
};

use super::{Agent, Inner};
use crate::{
    clock,
    error::{Answer, early, local},
    files::{Files, Kept},
    store::{StoreError, outbox},
    view::{CommandError, DraftFile, FileProgress, LocalErrorCode},
};

const SCREENSHOT: &str = "screenshot.png";

/// A file that shall be added.
pub(super) struct Source {
    name: String,
    size: u64,
    read: Box<dyn Read + Send>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Answer<Self> {
        let unreadable = |error: io::Error| {
            local(LocalErrorCode::FileUnreadable, format!("{} cannot be read: {error}", path.display()))
        };
        let file = File::open(path).map_err(unreadable)?;
        let data = file.metadata().map_err(unreadable)?;
        if !data.is_file() {
            return Err(local(LocalErrorCode::FileUnreadable, format!("{} is no file", path.display())));
        }
        let name = path.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(Self { name, size: data.len(), read: Box::new(file) })
    }

    pub(super) fn of_memory(name: String, bytes: Vec<u8>) -> Self {
        Self { name, size: bytes.len() as u64, read: Box::new(io::Cursor::new(bytes)) }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn keep(self, files: &Files, now: Millis) -> Answer<(DraftFile, Kept)> {
        let id = AttachmentId(clock::new_id(now));
        let kept = files.keep(id, self.read, FILE_BYTES).map_err(not_kept)?;
        Ok((DraftFile { id, role: AttachmentRole::File, name: plain_name(&self.name), size: kept.size }, kept))
    }
}

/// A name that every system can store: no path, no control characters, not too long.
#[must_use]
pub fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(FILE_NAME_CHARS).collect();
    // Nothing, or a folder: `.` and `..`.
    if plain.trim().chars().all(|c| c == '.') { "file".to_owned() } else { plain }
}

/// Whether files of these sizes may go together.
pub(super) fn fits(sizes: impl Iterator<Item = u64>) -> Answer<()> {
    let sizes: Vec<u64> = sizes.collect();
    if sizes.len() > FILES {
        return Err(early(ErrorCode::TooManyFiles, "too many files"));
    }
    if sizes.contains(&0) {
        return Err(local(LocalErrorCode::FileUnreadable, "the file is empty"));
    }
    if sizes.iter().any(|size| *size > FILE_BYTES) {
        return Err(early(ErrorCode::FileTooLarge, "the file is too large"));
    }
    if sizes.iter().sum::<u64>() > TICKET_BYTES {
        return Err(early(ErrorCode::TicketTooLarge, "the files together are too large"));
    }
    Ok(())
}

/// Whether so many bytes may wait on this PC beside those that do.
pub(super) fn has_room(waiting: u64, bytes: u64) -> Answer<()> {
    if waiting + bytes > OUTBOX_BYTES {
        return Err(local(LocalErrorCode::OutboxFull, "too many bytes wait on this PC already"));
    }
    Ok(())
}

/// What the server is told of a file.
pub(super) fn announcement(file: &DraftFile, sha256: Option<&String>) -> NewAttachment {
    NewAttachment {
        id: file.id,
        role: file.role,
        name: file.name.clone(),
        content_type: mime_guess::from_path(&file.name).first_or_octet_stream().to_string(),
        size: file.size,
        sha256: sha256.cloned().unwrap_or_default(),
    }
}

/// What the windows are told of files that wait.
pub(super) fn progress(files: &[DraftFile]) -> Vec<FileProgress> {
    files
        .iter()
        .map(|file| FileProgress {
            id: file.id,
            role: file.role,
            name: file.name.clone(),
            size: file.size,
            sent: 0,
            complete: false,
        })
        .collect()
}

fn not_kept(error: io::Error) -> CommandError {
    match error.kind() {
        io::ErrorKind::FileTooLarge => early(ErrorCode::FileTooLarge, "the file is too large"),
        _ => StoreError::Io(error).into(),
    }
}

impl Agent {
    /// Keeps the picture of the screen.
    pub(super) async fn keep_picture(&self, png: Vec<u8>) -> Answer<(DraftFile, Kept)> {
        let id = AttachmentId(clock::new_id((self.0.clock)()));
        let files = self.0.files.clone();
        let kept = tokio::task::spawn_blocking(move || files.keep(id, png.as_slice(), FILE_BYTES));
        let kept = kept.await.map_err(|_| StoreError::Thread)?.map_err(not_kept)?;
        let file = DraftFile { id, role: AttachmentRole::Screenshot, name: SCREENSHOT.to_owned(), size: kept.size };
        Ok((file, kept))
    }

    /// Forgets one that was kept for nothing.
    pub(super) fn drop_file(&self, file: Option<AttachmentId>) {
        if let Some(id) = file {
            self.0.files.remove(id);
        }
    }

    /// Whether so many bytes more may wait on this PC.
    pub(super) async fn room_for(&self, bytes: u64) -> Answer<()> {
        has_room(self.0.store.read(outbox::bytes).await?, bytes)
    }
}

impl Inner {
    /// Removes files that no entry needs any more.
    pub(crate) fn remove_files(&self, files: &[FileProgress]) {
        for file in files {
            self.files.remove(file.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_plain() {
        assert_eq!(plain_name("../../etc/passwd"), "passwd");
        assert_eq!(plain_name(r"C:\Users\me\scan.pdf"), "scan.pdf");
        assert_eq!(plain_name("a\u{0}\nb"), "ab");
        assert_eq!(plain_name("  /"), "file");
        assert_eq!(plain_name("../.."), "file");
    }

    #[test]
    fn limits_are_named() {
        let limit = |error: CommandError| error.details.limit;
        assert_eq!(limit(fits([FILE_BYTES + 1].into_iter()).unwrap_err()), Some(FILE_BYTES));
        assert_eq!(limit(fits(std::iter::repeat_n(1, FILES + 1)).unwrap_err()), Some(FILES as u64));
        assert_eq!(limit(fits(std::iter::repeat_n(FILE_BYTES, 5)).unwrap_err()), Some(TICKET_BYTES));
        assert!(fits([1, FILE_BYTES].into_iter()).is_ok());
    }
}
