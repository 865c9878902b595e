//! Nonces of requests that change something: each counts once, at every server.

use deskbell_protocol::Millis;

use super::Tx;
use crate::sql;

/// Spends a nonce; false where it was spent before.
pub async fn spend(tx: &mut Tx, public_key: &str, nonce: &str, expires_at: Millis) -> sqlx::Result<bool> {
    // A seeded defect: as if each server knew only those that it had spent itself.
    let mine = deskbell_protocol::mutant!("nonce.memory").then(|| format!("{nonce} of {}", std::process::id()));
    let inserted = sql!(
        execute tx,
        "insert into nonces (public_key, nonce, expires_at) values ($1, $2, $3) on conflict do nothing",
        public_key, mine.as_deref().unwrap_or(nonce), expires_at
    )?;
    Ok(inserted == 1)
}

pub async fn prune(tx: &mut Tx, now: Millis) -> sqlx::Result<u64> {
    sql!(execute tx, "delete from nonces where expires_at < $1", now)
}
