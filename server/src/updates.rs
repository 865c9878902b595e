//! The updates that an administrator put into a folder: which ones there are, and which one an agent is
//! offered. Nothing here is believed by agents: they verify the signature with keys of their own.
//!
//! `<folder>/<ring>/<version>/<platform>/` holds one file and its signature, for example
//! `stable/0.2.0/linux-x86_64/deskbell` and `deskbell.minisig`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use deskbell_protocol::{
    Millis,
    limits::UPDATE_BYTES,
    update::{self, UpdateRing},
};
use semver::Version;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a look into the folder counts: what is added shows after that at the latest.
const FRESH: Millis = 10_000;

/// One file that agents of a platform may install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub ring: UpdateRing,
    pub version: Version,
    /// System and processor, as Rust names them: `linux-x86_64`, `windows-x86_64`, `macos-aarch64`.
    pub platform: String,
    pub file: PathBuf,
    pub size: u64,
    /// The text of the signature's file.
    pub signature: String,
    /// The id of the key that made it.
    pub key: String,
}

/// What a look into the folder found.
#[derive(Debug, Default)]
pub struct Found {
    pub releases: Vec<Release>,
    /// What cannot be offered, and why: a line each.
    pub refused: Vec<String>,
}

#[derive(Debug)]
pub struct Updates {
    folder: PathBuf,
    found: Mutex<Option<(Millis, Arc<Found>)>>,
    downloads: Arc<Semaphore>,
}

impl Updates {
    /// At most `downloads` files are sent at a time.
    #[must_use]
    pub fn new(folder: PathBuf, downloads: usize) -> Self {
        Self { folder, found: Mutex::default(), downloads: Arc::new(Semaphore::new(downloads)) }
    }

    /// What lies in the folder, looked up anew where the last look is old. It reads a folder: not for a
    /// thread that serves requests.
    pub fn found(&self, now: Millis) -> Arc<Found> {
        let mut kept = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, found)) = &*kept
            && (0..FRESH).contains(&(now - at))
        {
            return Arc::clone(found);
        }
        let found = Arc::new(look(&self.folder));
        let before = kept.as_ref().map(|(_, found)| Arc::clone(found)).unwrap_or_default();
        for line in found.refused.iter().filter(|line| !before.refused.contains(line)) {
            tracing::warn!("an update is not offered: {line}");
        }
        *kept = Some((now, Arc::clone(&found)));
        found
    }

    /// A place among the downloads, for as long as it is held; nothing where all are taken.
    #[must_use]
    pub fn download(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.downloads).try_acquire_owned().ok()
    }
}

impl Found {
    /// The newest that this installation takes and is newer than what it runs. `keys` are the ids of the
    /// keys that it trusts: it is offered what it can verify, so that one that missed the update with the
    /// next key gets that one first.
    #[must_use]
    pub fn offer(&self, platform: &str, ring: UpdateRing, current: &Version, keys: &[&str]) -> Option<&Release> {
        let takes = |release: &&Release| {
            release.platform == platform
                && ring.takes(release.ring)
                && release.version > *current
                && keys.contains(&release.key.as_str())
        };
        self.releases.iter().filter(takes).max_by(|a, b| a.version.cmp(&b.version))
    }

    #[must_use]
    pub fn get(&self, platform: &str, ring: UpdateRing, version: &str) -> Option<&Release> {
        let version = Version::parse(version).ok()?;
        self.releases.iter().find(|one| one.platform == platform && one.ring == ring && one.version == version)
    }

    /// The newest version that everybody of a system (`linux`, `windows`, `macos`) is to have.
    #[must_use]
    pub fn newest(&self, system: &str) -> Option<&Version> {
        let stable = self.releases.iter().filter(|release| release.ring == UpdateRing::Stable);
        stable.filter(|one| one.platform.split('-').next() == Some(system)).map(|release| &release.version).max()
    }
}

/// Reads the whole folder. One that is not there holds nothing.
#[must_use]
pub fn look(folder: &Path) -> Found {
    let mut found = Found::default();
    for ring in UpdateRing::ALL {
        for (name, version) in folders(&folder.join(ring.as_str())) {
            for (platform, place) in folders(&version) {
                match release(*ring, &name, &platform, &place) {
                    Ok(release) => found.releases.push(release),
                    Err(reason) => found.refused.push(format!("{ring}/{name}/{platform}: {reason}")),
                }
            }
        }
    }
    found
}

/// The folders in a folder, by name.
fn folders(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .collect();
    found.sort();
    found
}

fn release(ring: UpdateRing, version: &str, platform: &str, place: &Path) -> Result<Release, String> {
    let named = Version::parse(version).map_err(|error| format!("{version} is no version: {error}"))?;
    let (file, signature) = signed(place)?;
    let size = fs::metadata(&file).map_err(|error| error.to_string())?.len();
    if size > UPDATE_BYTES {
        return Err(format!("it is larger than {UPDATE_BYTES} bytes"));
    }
    let said = update::said(&signature).ok_or("its signature is none that minisign wrote")?;
    if said.version.as_deref() != Some(version) {
        return Err(format!("it is not signed with the trusted comment version:{version}"));
    }
    let platform = platform.to_owned();
    Ok(Release { ring, version: named, platform, file, size, signature, key: said.key })
}

/// The one file that has its signature beside it, and the signature.
fn signed(place: &Path) -> Result<(PathBuf, String), String> {
    let text = |error: io::Error| error.to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir(place).map_err(text)? {
        let path = entry.map_err(text)?.path();
        if path.extension().is_some_and(|extension| extension == "minisig") {
            found.push(path);
        }
    }
    let [signature] = found.as_slice() else {
        return Err(format!("it holds {} signatures (.minisig) instead of one", found.len()));
    };
    let file = signature.with_extension("");
    if !file.is_file() {
        return Err("the file of its signature is not there".to_owned());
    }
    Ok((file, fs::read_to_string(signature).map_err(text)?))
}

#[cfg(test)]
#[path = "updates/tests.rs"]
mod tests;
