//! The one place where the server reads the clock and takes randomness; everything else gets them
//! as parameters.

use deskbell_protocol::Millis;
use rand::{TryRngCore, rngs::OsRng};
use uuid::Uuid;

/// Reads the time. Tests pass one of their own.
pub type Clock = fn() -> Millis;

/// The system's time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the server's one look at the clock")]
pub fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}

/// Random bytes from the operating system.
///
/// # Panics
/// Where the system has no randomness: nothing here would be safe then.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).expect("the system gives randomness");
    bytes
}

/// A new id: a UUIDv7 of this time, so that rows written together lie together.
#[must_use]
pub fn new_id(now: Millis) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(now).unwrap_or(0), &random()).into_uuid()
}

/// `N` numbers below `below`, each as likely as the other: what a token or a key is spelled from.
#[must_use]
pub fn random_indices<const N: usize>(below: u8) -> [u8; N] {
    let limit = u8::MAX - u8::MAX % below;
    std::array::from_fn(|_| {
        loop {
            let [byte] = random::<1>();
            if byte < limit {
                return byte % below;
            }
        }
    })
}
