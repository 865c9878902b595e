//! Links that open a page in a browser, once. The secret in a link is never stored, only its hash.

use deskbell_protocol::{Millis, id::InstallationId};

use super::{Text, Tx};
use crate::sql;

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was this one's first use.
    By(InstallationId),
    Before,
    /// Its time was over, or nobody knows it.
    Expired,
}

pub async fn insert(
    tx: &mut Tx,
    id_hash: &str,
    installation: InstallationId,
    expires_at: Millis,
    now: Millis,
) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "insert into handovers (id_hash, installation_id, created_at, expires_at) values ($1, $2, $3, $4)",
        id_hash, Text(installation), now, expires_at
    )?;
    Ok(())
}

/// Spends a link. The one statement lets one of those who come at the same time through.
pub async fn spend(tx: &mut Tx, id_hash: &str, now: Millis) -> sqlx::Result<Spent> {
    let row: Option<(Text<InstallationId>,)> = sql!(
        optional tx, (Text<InstallationId>,),
        "update handovers set spent_at = $2 where id_hash = $1 and spent_at is null and expires_at > $2
         returning installation_id",
        id_hash, now
    )?;
    if let Some((installation,)) = row {
        return Ok(Spent::By(installation.0));
    }
    let (used,): (i64,) =
        sql!(one tx, (i64,), "select count(*) from handovers where id_hash = $1 and spent_at is not null", id_hash)?;
    Ok(if used > 0 { Spent::Before } else { Spent::Expired })
}

/// Removes links that expired before a time: until then one that was used is told from one that is too old.
pub async fn prune(tx: &mut Tx, before: Millis) -> sqlx::Result<u64> {
    sql!(execute tx, "delete from handovers where expires_at < $1", before)
}
