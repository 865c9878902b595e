//! Settings in the Windows registry: what the installer wrote, and group policy, which beats it. Users
//! read both keys and cannot write to them.

use windows_registry::{Key, Type};

use super::{
    file::RECOMMENDED,
    resolve::Fault,
    sources::{Given, Origin},
};

/// The weakest first.
pub(super) const KEYS: &[&str] = &[r"SOFTWARE\Deskbell", r"SOFTWARE\Policies\Deskbell"];

/// Below the key of the installer, for its own use: no settings.
const NOT_OURS: &[&str] = &["", "install_dir", "version"];

/// What is recommended comes first: what is set beats it in the same key.
pub(super) fn read(root: &Key, path: &str) -> Result<Vec<Given>, Fault> {
    let mut given = values(root, &format!(r"{path}\{RECOMMENDED}"), true)?;
    given.extend(values(root, path, false)?);
    Ok(given)
}

/// What setup.exe wrote for one person alone; in the person's hands, as their file is.
pub(super) fn read_own() -> Result<Vec<Given>, Fault> {
    let own = |given: Given| Given { origin: Origin::User, place: r"HKCU\SOFTWARE\Deskbell".to_owned(), ..given };
    Ok(values(windows_registry::CURRENT_USER, KEYS[0], false)?.into_iter().map(own).collect())
}

fn values(root: &Key, path: &str, recommended: bool) -> Result<Vec<Given>, Fault> {
    let place = format!(r"HKLM\{path}");
    // There is no such key where nothing was set.
    let Ok(key) = root.open(path) else { return Ok(Vec::new()) };
    let names = key.values().map_err(|error| unreadable(&place, &error.to_string()))?.map(|(name, _)| name);
    let one = |name: String| {
        let value = text(&key, &name);
        // Windows does not tell capitals from small letters.
        Given { origin: Origin::Machine, place: place.clone(), name: name.to_lowercase(), value, recommended }
    };
    let ours = names.filter(|name| !NOT_OURS.iter().any(|other| name.eq_ignore_ascii_case(other)));
    let empty = |given: &Given| given.value.as_ref().is_ok_and(|value| value.trim().is_empty());
    Ok(ours.map(one).filter(|given| !empty(given)).collect())
}

fn unreadable(place: &str, error: &str) -> Fault {
    Fault { place: place.to_owned(), setting: None, reason: format!("cannot be read: {error}") }
}

fn text(key: &Key, name: &str) -> Result<String, String> {
    let value = key.get_value(name).map_err(|error| format!("cannot be read: {error}"))?;
    match value.ty() {
        Type::U32 => u32::try_from(value).map(|number| number.to_string()),
        Type::U64 => u64::try_from(value).map(|number| number.to_string()),
        _ => String::try_from(value),
    }
    .map_err(|_| "has to be a text (REG_SZ) or a number (REG_DWORD)".to_owned())
}
