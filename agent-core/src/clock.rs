//! Time and randomness. The crate reads no clock of its own: [`crate::Setup`] brings one.

use deskbell_protocol::Millis;
use rand::{TryRngCore, rngs::OsRng};
use uuid::Uuid;

/// Reads the time.
pub type Clock = fn() -> Millis;

/// Random bytes from the operating system.
///
/// # Panics
/// Where the system has no randomness: no key and no id would be safe then.
#[must_use]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).expect("the system gives randomness");
    bytes
}

/// A new id. It names and does not order: the server orders by its own clock.
#[must_use]
pub(crate) fn new_id(now: Millis) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(now).unwrap_or(0), &random()).into_uuid()
}

/// A part of one, for spreading out what would otherwise happen at the same moment everywhere.
#[must_use]
pub fn fraction() -> f64 {
    let [byte] = random::<1>();
    f64::from(byte) / 256.0
}
