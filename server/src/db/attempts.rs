//! What is limited in number within a time, counted in the database for all servers together.

use deskbell_protocol::Millis;

use super::Tx;
use crate::sql;

/// Milliseconds that an attempt counts: the longest window there is.
pub const WINDOW: Millis = 60 * 60 * 1000;

/// Counts one more attempt, unless `most` were made within [`WINDOW`]; then it gives the time at
/// which the oldest of them is forgotten.
pub async fn take(tx: &mut Tx, bucket: &str, most: i64, now: Millis) -> sqlx::Result<Result<(), Millis>> {
    if let Err(until) = check(tx, bucket, most, now).await? {
        return Ok(Err(until));
    }
    record(tx, bucket, now).await?;
    Ok(Ok(()))
}

/// Two servers do not count together where each has a bucket of its own: a seeded defect.
fn counted_in(bucket: &str) -> String {
    if deskbell_protocol::mutant!("limits.per_process") {
        return format!("{bucket} of {}", std::process::id());
    }
    bucket.to_owned()
}

/// Like [`take`], without counting.
pub async fn check(tx: &mut Tx, bucket: &str, most: i64, now: Millis) -> sqlx::Result<Result<(), Millis>> {
    let bucket = counted_in(bucket);
    tx.serialize_on(&bucket).await?;
    let (count, oldest): (i64, Option<i64>) = sql!(
        one tx, (i64, Option<i64>),
        "select count(*), min(at) from attempts where bucket = $1 and at > $2 and at <= $3",
        &bucket, now - WINDOW, now + WINDOW
    )?;
    Ok(if count < most { Ok(()) } else { Err(oldest.unwrap_or(now) + WINDOW) })
}

pub async fn record(tx: &mut Tx, bucket: &str, now: Millis) -> sqlx::Result<()> {
    sql!(execute tx, "insert into attempts (bucket, at) values ($1, $2)", counted_in(bucket), now)?;
    Ok(())
}

/// Forgets what was counted: it came right in the end.
pub async fn forget(tx: &mut Tx, bucket: &str) -> sqlx::Result<()> {
    sql!(execute tx, "delete from attempts where bucket = $1", counted_in(bucket))?;
    Ok(())
}

pub async fn prune(tx: &mut Tx, now: Millis) -> sqlx::Result<u64> {
    sql!(execute tx, "delete from attempts where at < $1 or at > $2", now - WINDOW, now + WINDOW)
}
