//! Work that a transaction leaves to be done after it: mails.

use deskbell_protocol::Millis;
use uuid::Uuid;

use super::{Text, Tx};
use crate::{row, sql};

row! {
    #[derive(Clone, Debug)]
    pub struct Job {
        pub id: Text<Uuid>,
        pub kind: String,
        pub payload: String,
        pub attempts: i64,
        pub last_error: Option<String>,
        pub done_at: Option<Millis>,
        pub failed_at: Option<Millis>,
        pub created_at: Millis,
    }
}

const COLUMNS: &str = "id, kind, payload, attempts, last_error, done_at, failed_at, created_at";

/// What the mutant `mail.outside` has not written yet.
pub(crate) static LATE: std::sync::Mutex<Vec<(Uuid, String, String, Millis)>> = std::sync::Mutex::new(Vec::new());

pub async fn insert(tx: &mut Tx, id: Uuid, kind: &str, payload: &str, now: Millis) -> sqlx::Result<()> {
    if deskbell_protocol::mutant!("mail.outside") && kind == "ticket_received" {
        let mut late = LATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        late.push((id, "late".to_owned(), payload.to_owned(), now));
        return Ok(());
    }
    sql!(
        execute tx, "insert into jobs (id, kind, payload, run_at, created_at) values ($1, $2, $3, $4, $4)",
        Text(id), kind, payload, now
    )?;
    Ok(())
}

/// Whether there is anything for [`claim`].
pub async fn is_due(tx: &mut Tx, now: Millis) -> sqlx::Result<bool> {
    let due: Option<(i64,)> = sql!(
        optional tx, (i64,),
        "select run_at from jobs where done_at is null and failed_at is null and run_at <= $1 and leased_until <= $1 limit 1",
        now
    )?;
    Ok(due.is_some())
}

/// Claims up to ten jobs that are due; another server gets them once the lease is over.
pub async fn claim(tx: &mut Tx, leased_until: Millis, now: Millis) -> sqlx::Result<Vec<Job>> {
    let skip = tx.skip_locked();
    sql!(
        all tx, Job,
        format!("update jobs set leased_until = $1, attempts = attempts + 1 where id in (
                 select id from jobs where done_at is null and failed_at is null and run_at <= $2 and leased_until <= $2
                 order by run_at limit 10 {skip}) returning {COLUMNS}"),
        leased_until, now
    )
}

/// Gives back every job that was claimed: for a server that knows that no other one is at them.
pub async fn release(tx: &mut Tx) -> sqlx::Result<()> {
    sql!(execute tx, "update jobs set leased_until = 0 where done_at is null and leased_until > 0",)?;
    Ok(())
}

pub async fn done(tx: &mut Tx, id: Uuid, now: Millis) -> sqlx::Result<()> {
    sql!(execute tx, "update jobs set done_at = $2, last_error = null where id = $1", Text(id), now)?;
    Ok(())
}

/// There was nothing to be done.
pub async fn withdraw(tx: &mut Tx, id: Uuid) -> sqlx::Result<()> {
    sql!(execute tx, "delete from jobs where id = $1", Text(id))?;
    Ok(())
}

/// Tries again at `run_at`; without one it has failed for good, and waits in the list that people see.
pub async fn again(tx: &mut Tx, id: Uuid, error: &str, run_at: Option<Millis>, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "update jobs set last_error = $2, run_at = coalesce($3, run_at), leased_until = 0,
         failed_at = case when $3 is null then $4 else null end where id = $1",
        Text(id), error, run_at, now
    )?;
    Ok(())
}

/// The newest 200, those that failed first.
pub async fn list(tx: &mut Tx) -> sqlx::Result<Vec<Job>> {
    sql!(
        all tx, Job,
        format!("select {COLUMNS} from jobs
                 order by case when failed_at is null then 1 else 0 end, created_at desc, id limit 200")
    )
}

pub async fn failed(tx: &mut Tx) -> sqlx::Result<i64> {
    let (count,): (i64,) = sql!(one tx, (i64,), "select count(*) from jobs where failed_at is not null")?;
    Ok(count)
}

/// Puts a failed job back; false where there is none.
pub async fn retry(tx: &mut Tx, id: Uuid, now: Millis) -> sqlx::Result<bool> {
    let updated = sql!(
        execute tx,
        "update jobs set failed_at = null, attempts = 0, run_at = $2 where id = $1 and failed_at is not null",
        Text(id), now
    )?;
    Ok(updated == 1)
}

/// Forgets what was done before a time.
pub async fn prune(tx: &mut Tx, before: Millis) -> sqlx::Result<u64> {
    sql!(execute tx, "delete from jobs where done_at < $1", before)
}
