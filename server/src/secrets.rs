//! Hashes, HMACs, passwords and random texts.

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier, password_hash::SaltString};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock;

/// The fewest characters of a technician's password.
pub const PASSWORD_CHARS: usize = 12;
/// The most bytes of one; argon2 would take more, and take its time.
pub const PASSWORD_BYTES: usize = 1024;

#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[must_use]
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// HMAC-SHA-256 over parts, each with its length before it, so that no two lists are alike.
#[must_use]
pub fn hmac(secret: &str, parts: &[&str]) -> String {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    hex(&mac.finalize().into_bytes())
}

/// Compares in a time that says nothing about where they differ.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// 256 random bits as text: for a cookie, a CSRF proof, a key.
#[must_use]
pub fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(clock::random::<32>())
}

/// Passwords hashed at the same time: each takes 19 MB.
static HASHING: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(4);

/// Hashes a password with argon2id. It takes a while on purpose, on a thread for such work.
///
/// # Errors
/// Where argon2 fails.
pub async fn hash_password(password: String) -> Result<String, String> {
    let salt = SaltString::encode_b64(&clock::random::<16>()).map_err(|error| error.to_string())?;
    let hash = move || {
        Argon2::default()
            .hash_password(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(|e| e.to_string())
    };
    let _turn = HASHING.acquire().await.map_err(|error| error.to_string())?;
    tokio::task::spawn_blocking(hash).await.map_err(|error| error.to_string())?
}

/// Whether the password is the one of this hash. Without a hash (nobody has that address) it takes
/// the same time, and is not.
pub async fn verify_password(password: String, hash: Option<String>) -> bool {
    // The hash of a random text that nobody kept, with the parameters of every other one.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$nTcVnTr0GVM0r1cTA2LlJw$2XY0YsfyUPLGYSNk1NMg2S1Nm0GdgGfTUQnqL0aNQJw";
    let known = hash.is_some();
    let verify = move || {
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    };
    let Ok(_turn) = HASHING.acquire().await else { return false };
    tokio::task::spawn_blocking(verify).await.unwrap_or(false) && known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_nobodys_fits_none() {
        let hash = hash_password("correct horse battery".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify_password("correct horse battery".to_owned(), Some(hash.clone())).await);
        assert!(!verify_password("wrong horse battery".to_owned(), Some(hash)).await);
        assert!(!verify_password("anything".to_owned(), None).await);
    }

    #[test]
    fn parts_of_an_hmac_cannot_be_shifted() {
        assert_ne!(hmac("k", &["ab", "c"]), hmac("k", &["a", "bc"]));
    }
}
