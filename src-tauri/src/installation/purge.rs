//! Removing what people have written, at an administrator's word.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::windows::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use windows_registry::LOCAL_MACHINE;

/// Where Windows lists the people of this computer.
const PROFILES: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
/// Below a profile: queue, files and log; the web view's cache; the person's settings.
const FOLDERS: &[[&str; 3]] =
    &[["AppData", "Local", "Deskbell"], ["AppData", "Local", "org.deskbell.agent"], ["AppData", "Roaming", "Deskbell"]];

/// Opens a folder itself and not what it points to, and shares it with nobody who would rename it.
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
const FILE_SHARE_READ_WRITE: u32 = 3;
const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;

/// One person's trouble does not keep the others' data here; the last trouble is told.
pub(super) fn everyone() -> io::Result<()> {
    let list = LOCAL_MACHINE.open(PROFILES).map_err(io::Error::other)?;
    let names: Vec<String> = list.keys().map_err(io::Error::other)?.collect();
    let profile = |name: String| list.open(name).and_then(|key| key.get_string("ProfileImagePath")).ok();
    // Those of Windows' own services stand there with a variable in front.
    let profiles = names.into_iter().filter_map(profile).filter(|path| !path.contains('%'));
    profiles.map(|path| of_profile(Path::new(&path))).fold(Ok(()), |before, now| now.and(before))
}

pub(super) fn own() -> io::Result<()> {
    let home = std::env::var_os("USERPROFILE").ok_or(io::ErrorKind::NotFound)?;
    of_profile(Path::new(&home))
}

fn of_profile(profile: &Path) -> io::Result<()> {
    FOLDERS.iter().map(|names| remove(profile, names)).fold(Ok(()), |before, now| now.and(before))
}

/// We may be the system, and the profile is its person's: a link there to somewhere else must not lead us.
/// Each folder on the way is held open as itself, so that nobody puts a link in its place meanwhile;
/// the standard library does the same from there on.
fn remove(profile: &Path, names: &[&str; 3]) -> io::Result<()> {
    let [first, second, last] = names;
    let mut way = profile.to_owned();
    let mut held = Vec::new();
    for name in ["", first, second] {
        if !name.is_empty() {
            way.push(name);
        }
        match hold(&way) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            folder => held.push(folder?),
        }
    }
    match fs::remove_dir_all(way.join(last)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn hold(folder: &Path) -> io::Result<File> {
    let flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
    let file = OpenOptions::new().read(true).share_mode(FILE_SHARE_READ_WRITE).custom_flags(flags).open(folder)?;
    if file.metadata()?.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        let what = format!("{} leads elsewhere", folder.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn profile() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().to_owned();
        for names in FOLDERS {
            let queue = profile.join(names.join(r"\"));
            fs::create_dir_all(queue.join("files")).unwrap();
            fs::write(queue.join("files").join("picture.png"), b"x").unwrap();
        }
        fs::write(profile.join(r"AppData\Local\other.txt"), b"x").unwrap();
        (folder, profile)
    }

    #[test]
    fn what_is_ours_goes_and_the_rest_stays() {
        let (_folder, profile) = profile();
        of_profile(&profile).unwrap();
        for names in FOLDERS {
            assert!(!profile.join(names.join(r"\")).exists(), "{names:?}");
        }
        assert!(profile.join(r"AppData\Local\other.txt").exists());
        of_profile(&profile).expect("nothing left to remove is no trouble");
        of_profile(&profile.join("nobody")).expect("a profile that is gone is no trouble");
    }
}
