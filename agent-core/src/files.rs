//! The files of drafts and of what waits, under our own ids.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use deskbell_protocol::id::AttachmentId;
use sha2::{Digest, Sha256};

use crate::hex;

/// A file that is on the disk, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) size: u64,
    /// Lower-case hexadecimal.
    pub(crate) sha256: String,
}

/// Makes a folder that only this user can look into, whatever the home around it lets others do. Its
/// name is on the disk when this returns.
///
/// # Errors
/// Those of the file system.
#[cfg(unix)]
pub fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let missing = folder.ancestors().take_while(|folder| !folder.exists()).count();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    // The nearest one each time: a start that was cut off may have made the folder and flushed nothing.
    for made in folder.ancestors().skip(1).take(missing.max(1)) {
        let around = if made.as_os_str().is_empty() { Path::new(".") } else { made };
        match sync_folder(around) {
            // One that this user may not read is not one that was just made.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            flushed => flushed?,
        }
    }
    Ok(())
}

/// A user's local application data is theirs alone on Windows.
///
/// # Errors
/// Those of the file system.
#[cfg(not(unix))]
pub fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[derive(Clone, Debug)]
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("files");
        fs::create_dir_all(&folder)?;
        // The folder's own name has to be on the disk too.
        sync_folder(data)?;
        Ok(Self(folder))
    }

    pub(crate) fn path(&self, id: AttachmentId) -> PathBuf {
        self.0.join(id.to_string())
    }

    /// Copies what `source` has, durably: it is there whole, or not at all. More than `limit` bytes
    /// are refused.
    pub(crate) fn keep(&self, id: AttachmentId, mut source: impl Read, limit: u64) -> io::Result<Kept> {
        let part = self.0.join(format!("{id}.part"));
        let kept = copy(&mut source, &part, limit);
        if kept.is_err() {
            // What is left of it is swept up at the next start if this fails too.
            let _ = fs::remove_file(&part);
        }
        let kept = kept?;
        deskbell_protocol::crash_point!("files.rename.before");
        fs::rename(&part, self.path(id))?;
        deskbell_protocol::crash_point!("files.rename.after");
        sync_folder(&self.0)?;
        deskbell_protocol::crash_point!("files.folder.after");
        Ok(kept)
    }

    pub(crate) fn remove(&self, id: AttachmentId) {
        if let Err(error) = fs::remove_file(self.path(id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a file cannot be removed; the next start tries again");
        }
    }

    /// Moves what nobody is known to need out of the way: after a damaged queue, who needs what is not
    /// known for certain.
    pub(crate) fn set_aside(&self, needed: &HashSet<AttachmentId>, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for path in self.others(needed)? {
            if let Some(name) = path.file_name() {
                fs::rename(&path, folder.join(name))?;
                deskbell_protocol::crash_point!("recover.file.after");
            }
        }
        Ok(())
    }

    /// Removes what nobody needs: files of drafts that a crash cut off, and of delivered tickets.
    pub(crate) fn sweep(&self, needed: &HashSet<AttachmentId>) -> io::Result<()> {
        for path in self.others(needed)? {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    fn others(&self, needed: &HashSet<AttachmentId>) -> io::Result<Vec<PathBuf>> {
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            if !id.is_some_and(|id| needed.contains(&id)) {
                others.push(path);
            }
        }
        Ok(others)
    }
}

fn copy(source: &mut impl Read, to: &Path, limit: u64) -> io::Result<Kept> {
    deskbell_protocol::crash_point!("files.write.before");
    let mut file = File::create(to)?;
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        size += count as u64;
        if size > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more bytes than a file may have"));
        }
        hash.update(&buffer[..count]);
        file.write_all(&buffer[..count])?;
        deskbell_protocol::crash_point!("files.write.within");
    }
    deskbell_protocol::crash_point!("files.flush.before");
    if !deskbell_protocol::mutant!("attachment.row_first") {
        file.sync_all()?;
    }
    deskbell_protocol::crash_point!("files.flush.after");
    Ok(Kept { size, sha256: hex(&hash.finalize()) })
}

#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows flushes the name with the file.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_file_is_kept_whole_with_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path()).unwrap();
        let id = AttachmentId(Uuid::from_u128(1));
        let kept = files.keep(id, &b"abc"[..], 3).unwrap();
        assert_eq!(kept.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(fs::read(files.path(id)).unwrap(), b"abc");
    }

    #[test]
    fn too_much_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path()).unwrap();
        let error = files.keep(AttachmentId(Uuid::from_u128(1)), &b"abcd"[..], 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(fs::read_dir(folder.path().join("files")).unwrap().count(), 0);
    }

    #[test]
    fn the_sweep_keeps_what_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path()).unwrap();
        let (needed, other) = (AttachmentId(Uuid::from_u128(1)), AttachmentId(Uuid::from_u128(2)));
        files.keep(needed, &b"a"[..], 1).unwrap();
        files.keep(other, &b"b"[..], 1).unwrap();
        fs::write(folder.path().join("files/torn.part"), b"half").unwrap();
        files.sweep(&HashSet::from([needed])).unwrap();
        assert!(files.path(needed).exists());
        assert_eq!(fs::read_dir(folder.path().join("files")).unwrap().count(), 1);
    }
}
