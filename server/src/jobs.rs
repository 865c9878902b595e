//! Carries jobs out: claims them with a lease, tries again with growing pauses, and leaves what
//! failed for good in a list that people see. Also the hourly tidying of what has had its time.

use std::time::Duration;

use deskbell_protocol::Millis;
use tokio_util::sync::CancellationToken;

use crate::{
    App,
    db::{self, jobs::Job},
    error::ApiResult,
    mail::{self, Mail, MailError, MailKind},
};

/// Another server takes a job up after this long: longer than any mail takes to send.
const LEASE: Millis = 120_000;
/// No job is begun so long after it was claimed: with a slow mail server its lease would end before it does.
const BEGUN: Millis = LEASE / 4;
/// After so many attempts a job has failed.
const ATTEMPTS: i64 = 12;
/// How long a job may go on after the server was told to stop: a mail that left and is not noted leaves once more,
/// and its Message-ID makes that harmless.
const GRACE: Duration = Duration::from_secs(5);
/// How often the table is looked at where nobody wakes us.
const POLL: Duration = Duration::from_secs(5);
const TIDY: u64 = 60 * 60 * 1000;
/// How long live events are kept: longer than anybody looks back.
const EVENTS: Millis = 10 * 60 * 1000;
/// How long jobs that are done stay in the list that people see.
const DONE: Millis = 30 * 24 * 60 * 60 * 1000;
/// How long challenges are kept after they expired.
const CHALLENGES: Millis = 24 * 60 * 60 * 1000;
/// How long links are kept after they expired: so long somebody is told that theirs was used before.
const HANDOVERS: Millis = 60 * 60 * 1000;

/// Runs until `shutdown`; what was begun is finished, where that does not take too long.
pub async fn run(app: App, shutdown: CancellationToken) {
    if let Err(error) = released(&app).await {
        tracing::warn!(%error, "what an ended server had claimed waits for the end of its lease");
    }
    let mut tidied = 0;
    while !shutdown.is_cancelled() {
        let claimed_at = app.now();
        let worked = match claimed(&app, claimed_at).await {
            Ok(jobs) => {
                let worked = !jobs.is_empty();
                for job in jobs {
                    if shutdown.is_cancelled() || app.now().abs_diff(claimed_at) > BEGUN.unsigned_abs() {
                        break;
                    }
                    tokio::select! {
                        () = carry_out(&app, &job) => {}
                        () = told_to_stop(&shutdown) => {
                            tracing::warn!(job = %*job.id, "the mail server takes too long; another server goes on with this");
                            break;
                        }
                    }
                }
                worked
            }
            Err(error) => {
                tracing::warn!(?error, "jobs cannot be claimed");
                false
            }
        };
        let now = app.now();
        if now.abs_diff(tidied) > TIDY {
            tidied = now;
            if let Err(error) = tidy(&app, now).await {
                tracing::warn!(%error, "cannot tidy");
            }
        }
        if !worked {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = app.jobs.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
}

/// A while after the server was told to stop: what was begun may end by itself until then.
async fn told_to_stop(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// On SQLite this is the only server: at what the one before it had claimed when it was killed, nobody is
/// any more. On PostgreSQL another one may be.
async fn released(app: &App) -> sqlx::Result<()> {
    if let db::Db::Sqlite(_) = app.db {
        let mut tx = app.db.write().await?;
        db::jobs::release(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Claims what is due. Most commits leave nothing to do, and a look does not wait for SQLite's writer.
async fn claimed(app: &App, now: Millis) -> ApiResult<Vec<Job>> {
    if !db::jobs::is_due(&mut app.db.look().await?, now).await? {
        return Ok(Vec::new());
    }
    let claiming = app.group.write(move |tx| {
        Box::pin(async move {
            let jobs = db::jobs::claim(tx, now + LEASE, now).await?;
            deskbell_protocol::crash_point!("job.claim.before");
            Ok(jobs)
        })
    });
    let jobs = claiming.await?;
    deskbell_protocol::crash_point!("job.claim.after");
    Ok(jobs)
}

async fn carry_out(app: &App, job: &Job) {
    let sent = send(app, job).await;
    let noted = note(app, job, &sent).await;
    deskbell_protocol::crash_point!("job.noted.after");
    match (&sent, noted) {
        (Ok(_), Ok(())) => tracing::info!(job = %*job.id, kind = job.kind, "job done"),
        (Err(error), Ok(())) => {
            tracing::warn!(job = %*job.id, kind = job.kind, attempts = job.attempts, why = error.word(), "job failed")
        }
        // It is carried out again after its lease; its Message-ID makes the repeat harmless.
        (_, Err(error)) => tracing::error!(job = %*job.id, ?error, "the end of a job cannot be noted"),
    }
}

/// Writes down how a job came out.
async fn note(app: &App, job: &Job, sent: &Result<Ended, MailError>) -> ApiResult<()> {
    let (id, attempts, now) = (job.id.0, job.attempts, app.now());
    let end = match sent {
        Ok(ended) => Ok(*ended),
        Err(error) => Err(error.to_string()),
    };
    let noting = app.group.write(move |tx| {
        let end = end.clone();
        Box::pin(async move {
            match end {
                Ok(Ended::Withheld) => db::jobs::withdraw(tx, id).await?,
                Ok(Ended::Sent) => {
                    db::jobs::done(tx, id, now).await?;
                    deskbell_protocol::crash_point!("job.done.before");
                }
                Err(error) => {
                    db::jobs::again(tx, id, &error, next_try(attempts, now), now).await?;
                    deskbell_protocol::crash_point!("job.again.before");
                }
            }
            Ok(())
        })
    });
    noting.await
}

/// How a job that did not fail came out.
#[derive(Clone, Copy)]
enum Ended {
    Sent,
    /// Nobody may know, from how long an answer took, that this mail is not sent: that is decided here.
    Withheld,
}

async fn send(app: &App, job: &Job) -> Result<Ended, MailError> {
    let mail: Mail = serde_json::from_str(&job.payload).map_err(|error| MailError::Compose(error.to_string()))?;
    if let MailKind::Token { challenge, .. } = mail.kind
        && !deliverable(app, challenge).await.map_err(|error| MailError::Compose(error.to_string()))?
    {
        return Ok(Ended::Withheld);
    }
    let message = mail::compose(&mail, job.id.0, &app.secret, app.mailer.from(), &app.public_url)?;
    deskbell_protocol::crash_point!("mail.send.before");
    app.mailer.send(message, job.id.0).await?;
    deskbell_protocol::crash_point!("mail.send.after");
    Ok(Ended::Sent)
}

async fn deliverable(app: &App, challenge: uuid::Uuid) -> sqlx::Result<bool> {
    let mut tx = app.db.look().await?;
    db::challenges::deliverable(&mut tx, challenge).await
}

/// 10 s, 20 s, 40 s … at most an hour apart; nothing after the last attempt.
fn next_try(attempts: i64, now: Millis) -> Option<Millis> {
    let pause = 10_000_i64.saturating_mul(1 << attempts.clamp(1, 20).saturating_sub(1)).min(3_600_000);
    (attempts < ATTEMPTS).then_some(now + pause)
}

async fn tidy(app: &App, now: Millis) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    db::nonces::prune(&mut tx, now).await?;
    db::attempts::prune(&mut tx, now).await?;
    db::sessions::prune(&mut tx, now).await?;
    db::portal_sessions::prune(&mut tx, now).await?;
    db::jobs::prune(&mut tx, now - DONE).await?;
    db::challenges::prune(&mut tx, now - CHALLENGES).await?;
    db::handovers::prune(&mut tx, now - HANDOVERS).await?;
    db::live_events::prune(&mut tx, now - EVENTS).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(next_try(1, 0), Some(10_000));
        assert_eq!(next_try(3, 0), Some(40_000));
        assert_eq!(next_try(11, 0), Some(3_600_000));
        assert_eq!(next_try(ATTEMPTS, 0), None, "the last attempt has no next one");
    }
}
