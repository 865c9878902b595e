//! Folders, times and checksums.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

pub(super) fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}

/// Every file of a folder, in one order on every file system.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(list(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

/// Packers write down when a file was changed.
pub(super) fn set_times(folder: &Path, epoch: u64) -> Result<()> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(epoch);
    for file in list(folder)? {
        fs::File::options().append(true).open(file)?.set_modified(time)?;
    }
    Ok(())
}

/// `SHA256SUMS`, as `sha256sum --check` reads it: of these, and of what it named before and is still there.
pub(super) fn sums(out: &Path, made: &[PathBuf]) -> Result<()> {
    let list = out.join("SHA256SUMS");
    let before = fs::read_to_string(&list).unwrap_or_default();
    let mut names: Vec<String> =
        before.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name.to_owned()).collect();
    names.extend(made.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())));
    names.retain(|name| out.join(name).is_file());
    names.sort();
    names.dedup();
    let lines = names.iter().map(|name| Ok(format!("{}  {name}\n", hex(&digest(&[&out.join(name)])?))));
    Ok(fs::write(list, lines.collect::<Result<String>>()?)?)
}

/// Of several files, one after the other.
pub(super) fn digest(files: &[&Path]) -> Result<[u8; 32]> {
    let mut hash = Sha256::new();
    for file in files {
        let mut open = fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        std::io::copy(&mut open, &mut hash)?;
    }
    Ok(hash.finalize().into())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name-based UUID (RFC 9562, version 8): the same text, the same UUID.
pub(super) fn uuid(text: &str) -> String {
    let mut bytes: [u8; 16] = std::array::from_fn(|_| 0);
    bytes.copy_from_slice(&Sha256::digest(text)[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(&bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_depends_on_its_text_alone() {
        let uuid = uuid("deskbell 1.2.3");
        assert_eq!(uuid, super::uuid("deskbell 1.2.3"));
        assert_ne!(uuid, super::uuid("deskbell 1.2.4"));
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'8', "version 8");
    }
}
