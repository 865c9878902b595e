//! The one place where a test looks again: for evidence that announces itself by no event, such as
//! a file in a mailbox, a row in a database or an element of a page.

use std::time::Duration;

use anyhow::{Result, bail};

/// How long evidence may take where no rule names a time.
pub const SOON: Duration = Duration::from_secs(40);
/// What is there soon is found soon; what takes longer is not asked for more often than it is worth.
const LOOK_AGAIN: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(50)];

/// Calls `look` until it finds something. An error of `look` counts as *not yet*, and the last one
/// is told when the time is over.
pub async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let end = tokio::time::Instant::now() + within;
    let (mut last, mut pause) = (None, LOOK_AGAIN[0]);
    loop {
        match tokio::time::timeout_at(end, look()).await {
            Ok(Ok(Some(found))) => return Ok(found),
            Ok(Ok(None)) => last = None,
            Ok(Err(error)) => last = Some(error),
            Err(_) => {}
        }
        if tokio::time::Instant::now() >= end {
            match last {
                Some(error) => bail!("{what}: not within {within:?}: {error:#}"),
                None => bail!("{what}: not within {within:?}"),
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(LOOK_AGAIN[1]);
    }
}
