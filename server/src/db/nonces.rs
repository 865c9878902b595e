//! Nonces of requests that change something: each counts once, at every server.

use std::borrow::Cow;

use deskbell_protocol::Millis;

use super::Tx;
use crate::sql;

/// Spends a nonce; false where it was spent before.
pub async fn spend(tx: &mut Tx, public_key: &str, nonce: &str, expires_at: Millis) -> sqlx::Result<bool> {
    let nonce = stored(nonce);
    let inserted = sql!(
        execute tx,
        "insert into nonces (public_key, nonce, expires_at) values ($1, $2, $3) on conflict do nothing",
        public_key, &*nonce, expires_at
    )?;
    Ok(inserted == 1)
}

/// Spends one of which [`super::installations::asking`] said that it is new, in a transaction that is alone with its
/// key.
pub async fn spend_new(tx: &mut Tx, public_key: &str, nonce: &str, expires_at: Millis) -> sqlx::Result<()> {
    let nonce = stored(nonce);
    sql!(
        execute tx, "insert into nonces (public_key, nonce, expires_at) values ($1, $2, $3)",
        public_key, &*nonce, expires_at
    )?;
    Ok(())
}

/// What is kept of a nonce: itself, but for a seeded defect, which is as if each server knew only its own.
pub(super) fn stored(nonce: &str) -> Cow<'_, str> {
    if deskbell_protocol::mutant!("nonce.memory") {
        Cow::Owned(format!("{nonce} of {}", std::process::id()))
    } else {
        Cow::Borrowed(nonce)
    }
}

pub async fn prune(tx: &mut Tx, now: Millis) -> sqlx::Result<u64> {
    sql!(execute tx, "delete from nonces where expires_at < $1", now)
}
