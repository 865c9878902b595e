//! Writes the words by which tickets are found, behind the transactions that change them: whoever sends a ticket
//! does not wait for it, and what an older version stored is taken up in the same way.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{App, db::search, error::ApiResult};

/// Changes of one transaction: the lock of SQLite's writer is held for some ten milliseconds.
const BATCH: i64 = 200;
/// What comes within this time of a change goes into one transaction with it.
const GATHER: Duration = Duration::from_millis(200);
/// How often the table is looked at where nobody wakes us: another server may have ended before it came to this.
const POLL: Duration = Duration::from_secs(5);

/// Runs until `shutdown`. What is left then is in the table.
pub(crate) async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let more = batch(&app).await.unwrap_or_else(|error| {
            tracing::warn!(?error, "tickets' words cannot be written");
            false
        });
        if !more {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = app.words.notified() => tokio::time::sleep(GATHER).await,
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
}

/// Writes one batch, and says whether there may be more.
async fn batch(app: &App) -> ApiResult<bool> {
    // Most commits change no words, and a look does not wait for SQLite's writer.
    if !search::is_due(&mut app.db.look().await?).await? {
        return Ok(false);
    }
    let written = app.group.write(|tx| Box::pin(async { Ok(search::index_due(tx, BATCH).await?) })).await?;
    Ok(written > 0)
}
