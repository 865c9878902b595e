//! The device's key pair, in the system's key store.

use std::{fs, io, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::SigningKey;
use keyring_core::{Entry, Error, api::CredentialStoreApi};

use crate::clock;

/// What the key store calls us.
const SERVICE: &str = "Deskbell";
const FILE: &str = "device.key";

/// Where the key lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    KeyStore,
    /// A file that only this user can read: this system has no key store.
    File,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("the key store refused: {0}")]
    Refused(String),
    #[error("the key file cannot be used: {0}")]
    File(#[from] io::Error),
    #[error("what the key store holds is no key")]
    Malformed,
}

/// The key of this installation, made where there is none. Where it is known to lie in the key store
/// (`kept_there`), a key store that does not answer is waited for and not replaced by a file.
/// Blocks: the key store may ask the person.
pub(crate) fn load_or_make(folder: &Path, account: &str, kept_there: bool) -> Result<(SigningKey, Place), KeyError> {
    if let Some(key) = from_file(folder)? {
        return Ok((key, Place::File));
    }
    let file = folder.join(FILE);
    match from_key_store(account) {
        Ok(key) => Ok((key, Place::KeyStore)),
        Err(Error::NoEntry) => make(&file, account),
        Err(error) if is_missing(&error) && !kept_there => make_file(&file),
        Err(error) => Err(KeyError::Refused(error.to_string())),
    }
}

/// The key of this installation where there is one, and where it lies. Nothing is made.
/// Blocks: the key store may ask the person.
pub(crate) fn find(folder: &Path, account: &str) -> Result<Option<(SigningKey, Place)>, KeyError> {
    if let Some(key) = from_file(folder)? {
        return Ok(Some((key, Place::File)));
    }
    match from_key_store(account) {
        Ok(key) => Ok(Some((key, Place::KeyStore))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(KeyError::Refused(error.to_string())),
    }
}

/// Forgets a key that no server takes any more, so that a new one is made.
/// Blocks: the key store may ask the person.
pub(crate) fn retire(folder: &Path, account: &str) -> Result<(), KeyError> {
    match fs::remove_file(folder.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    // Under a name that is not used again, what stays in the key store opens nothing.
    let forgotten = entry(account).and_then(|entry| entry.delete_credential());
    if let Err(error) = forgotten {
        tracing::debug!(%error, "the old key stays in the key store");
    }
    Ok(())
}

fn from_file(folder: &Path) -> Result<Option<SigningKey>, KeyError> {
    match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => parse(&text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Where the system keeps the key of an account. On Windows it stays with this machine: a key that roamed
/// with its user's profile would be one key at two computers, and the server would shut both out.
fn entry(account: &str) -> Result<Entry, Error> {
    #[cfg(windows)]
    return windows_native_keyring_store::Store::new()?.build(
        SERVICE,
        account,
        Some(&std::collections::HashMap::from([("persistence", "local")])),
    );
    #[cfg(target_os = "macos")]
    return apple_native_keyring_store::keychain::Store::new()?.build(SERVICE, account, None);
    #[cfg(not(any(windows, target_os = "macos")))]
    return dbus_secret_service_keyring_store::Store::new()?.build(SERVICE, account, None);
}

fn from_key_store(account: &str) -> Result<SigningKey, Error> {
    let text = entry(account)?.get_password()?;
    parse(&text).map_err(|error| Error::BadEncoding(error.to_string().into_bytes()))
}

fn make(file: &Path, account: &str) -> Result<(SigningKey, Place), KeyError> {
    let key = SigningKey::from_bytes(&clock::random());
    let stored = entry(account).and_then(|entry| entry.set_password(&spell(&key)));
    match stored {
        Ok(()) => Ok((key, Place::KeyStore)),
        Err(error) if is_missing(&error) => make_file(file),
        Err(error) => Err(KeyError::Refused(error.to_string())),
    }
}

fn make_file(file: &Path) -> Result<(SigningKey, Place), KeyError> {
    let key = SigningKey::from_bytes(&clock::random());
    // Half a key under the key's name would be none for ever.
    let part = file.with_extension("part");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    deskbell_protocol::crash_point!("key.write.before");
    let mut open = options.open(&part)?;
    io::Write::write_all(&mut open, spell(&key).as_bytes())?;
    deskbell_protocol::crash_point!("key.flush.before");
    open.sync_all()?;
    deskbell_protocol::crash_point!("key.rename.before");
    fs::rename(part, file)?;
    deskbell_protocol::crash_point!("key.rename.after");
    file.parent().map_or(Ok(()), crate::files::sync_folder)?;
    deskbell_protocol::crash_point!("key.folder.after");
    Ok((key, Place::File))
}

/// There is no key store here, as opposed to one that is locked or refuses.
fn is_missing(error: &Error) -> bool {
    matches!(error, Error::PlatformFailure(_)) || has_no_key_ring(error)
}

/// A Secret Service in which nobody has made a key ring keeps nothing.
#[cfg(not(any(windows, target_os = "macos")))]
fn has_no_key_ring(error: &Error) -> bool {
    use dbus_secret_service::Error as Service;
    matches!(error, Error::NoStorageAccess(cause) if matches!(cause.downcast_ref(), Some(Service::NoResult)))
}

#[cfg(any(windows, target_os = "macos"))]
const fn has_no_key_ring(_: &Error) -> bool {
    false
}

fn spell(key: &SigningKey) -> String {
    STANDARD.encode(key.to_bytes())
}

fn parse(text: &str) -> Result<SigningKey, KeyError> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| KeyError::Malformed)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Malformed)?;
    Ok(SigningKey::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_for_its_user_alone_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let (made, place) = make_file(&file).unwrap();
        assert_eq!(place, Place::File);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
        let (found, _) = load_or_make(folder.path(), "nobody", false).unwrap();
        assert_eq!(found.to_bytes(), made.to_bytes());
    }

    #[test]
    #[cfg(not(any(windows, target_os = "macos")))]
    fn a_key_store_without_a_key_ring_is_none_and_a_locked_one_is_waited_for() {
        use dbus_secret_service::Error as Service;
        assert!(is_missing(&Error::PlatformFailure(Box::new(Service::Unavailable))));
        assert!(is_missing(&Error::NoStorageAccess(Box::new(Service::NoResult))));
        assert!(!is_missing(&Error::NoStorageAccess(Box::new(Service::Locked))));
        assert!(!is_missing(&Error::NoStorageAccess(Box::new(Service::Prompt))));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(parse("").is_err());
        assert!(parse("AAAA").is_err());
        assert!(parse("not base64!").is_err());
    }
}
