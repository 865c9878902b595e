//! Whether what people write can be kept: room, the right to write, a disk that remembers.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::{Check, Code, Finding};
use crate::{clock, files};

/// Free bytes below which a warning is due: five tickets with as many files as they may have.
const LOW: u64 = 512 * 1024 * 1024;
const PROBE: usize = 64 * 1024;

/// What is known of the disk that the data folder is on.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    /// Absent where the system does not say.
    free: Option<u64>,
    /// It lives in memory, and ends with the session or the power.
    forgets: bool,
    /// A file was written, flushed, renamed and removed.
    written: io::Result<()>,
}

pub(super) fn look(data: &Path) -> Disk {
    let folder = existing(data);
    Disk { free: free(&folder), forgets: forgets(&folder), written: write(&folder), folder: data.to_owned() }
}

/// The folder itself, or the nearest above it: an agent that starts makes the rest.
fn existing(data: &Path) -> PathBuf {
    data.ancestors().find(|folder| folder.is_dir()).unwrap_or(data).to_owned()
}

/// The way that the queue's files take.
fn write(folder: &Path) -> io::Result<()> {
    let name = format!("doctor-{}", clock::new_id(0));
    let (part, whole) = (folder.join(format!("{name}.part")), folder.join(name));
    let written = File::create_new(&part)
        .and_then(|mut file| file.write_all(&[0; PROBE]).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, &whole))
        .and_then(|()| files::sync_folder(folder));
    // One of them is there at most.
    let removed = fs::remove_file(&part).or_else(|_| fs::remove_file(&whole));
    written.and(removed)
}

pub(super) fn finding(disk: &Disk) -> Finding {
    let code = match &disk.written {
        Err(error) => match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::DiskFull,
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Code::DiskReadOnly,
            _ => Code::DiskFailed,
        },
        Ok(()) if disk.forgets => Code::DiskForgets,
        Ok(()) if disk.free.is_some_and(|free| free < LOW) => Code::DiskLow,
        Ok(()) => Code::DiskFine,
    };
    let reason = disk.written.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let free = disk.free.map_or_else(|| "?".to_owned(), |free| format!("{:.1}", free as f64 / 1e9));
    let finding = Finding::new(Check::Disk, code).with("folder", disk.folder.display()).with("free", free);
    if reason.is_empty() { finding } else { finding.with("reason", reason) }
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(folder).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(not(unix))]
fn free(folder: &Path) -> Option<u64> {
    let disks = sysinfo::Disks::new_with_refreshed_list();
    let fitting = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
    fitting.max_by_key(|disk| disk.mount_point().as_os_str().len()).map(sysinfo::Disk::available_space)
}

#[cfg(target_os = "linux")]
fn forgets(folder: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    rustix::fs::statfs(folder).is_ok_and(|found| matches!(found.f_type as u64, TMPFS | RAMFS))
}

#[cfg(not(target_os = "linux"))]
const fn forgets(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(written: io::Result<()>, free: u64, forgets: bool) -> Code {
        finding(&Disk { folder: PathBuf::from("data"), free: Some(free), forgets, written }).code
    }

    #[test]
    fn a_disk_is_judged_by_what_happened_first() {
        let failed = |kind: ErrorKind| Err(io::Error::from(kind));
        assert_eq!(code(Ok(()), LOW, false), Code::DiskFine);
        assert_eq!(code(Ok(()), LOW - 1, false), Code::DiskLow);
        assert_eq!(code(Ok(()), LOW, true), Code::DiskForgets);
        assert_eq!(code(failed(ErrorKind::StorageFull), LOW, false), Code::DiskFull);
        assert_eq!(code(failed(ErrorKind::ReadOnlyFilesystem), LOW, true), Code::DiskReadOnly);
        assert_eq!(code(failed(ErrorKind::PermissionDenied), LOW, false), Code::DiskReadOnly);
        assert_eq!(code(failed(ErrorKind::BrokenPipe), LOW, false), Code::DiskFailed);
    }

    #[test]
    fn looking_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let disk = look(&folder.path().join("not/made/yet"));
        assert!(disk.written.is_ok(), "{disk:?}");
        // Wine names no disks; what the system does not say is absent.
        assert!(disk.free.is_some() || cfg!(windows), "{disk:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
