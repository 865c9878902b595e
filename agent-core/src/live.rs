//! The live connection: the server says at once that something is new. What it is, a sync tells.

use std::{sync::atomic::Ordering, time::Duration};

use deskbell_protocol::{limits::LIVE_HEARTBEAT_SECONDS, sync::AgentEvent};
use futures::StreamExt;
use tokio::time::Instant;

use crate::{
    agent::Inner,
    clock,
    http::{HttpError, Identity},
    worker::backoff,
};

/// Keeps a connection open, as long as it is not dropped. Each connection and each event wakes the
/// sync; so does the end of a connection, which is how a server that went away is noticed at once.
pub(crate) async fn keep(inner: &Inner, who: &Identity) {
    let mut failures = 0;
    loop {
        let begun = Instant::now();
        if let Err(error) = follow(inner, who).await {
            tracing::debug!(%error, "no live connection");
        }
        failures = failures_after(failures, begun.elapsed());
        inner.live.store(false, Ordering::Relaxed);
        inner.wake.notify_one();
        tokio::time::sleep(backoff(failures, clock::fraction())).await;
    }
}

/// A connection that outlived a heartbeat was one. A proxy that lets none through ends each at once.
fn failures_after(failures: u32, lasted: Duration) -> u32 {
    if lasted > Duration::from_secs(LIVE_HEARTBEAT_SECONDS) { 1 } else { failures.saturating_add(1) }
}

async fn follow(inner: &Inner, who: &Identity) -> Result<(), HttpError> {
    let Some(http) = &inner.http else { return std::future::pending().await };
    let mut stream = http.stream(who, "/live").await?.bytes_stream();
    inner.live.store(true, Ordering::Relaxed);
    tracing::debug!("live connection");
    // Something may have happened while there was none.
    inner.wake.notify_one();
    let mut lines = Lines::default();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| HttpError::Unreachable(error.without_url().to_string()))?;
        for line in lines.push(&bytes) {
            if event(&line).is_some() {
                inner.wake.notify_one();
            }
        }
    }
    Ok(())
}

/// The event of one line; heartbeats are comments, and a newer server may tell what we do not know.
fn event(line: &str) -> Option<AgentEvent> {
    serde_json::from_str(line.strip_prefix("data:")?.trim_start()).ok()
}

/// Cuts a stream of bytes into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

/// A line that is longer than any event is not one of ours.
const LINE: usize = 64 * 1024;

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        if self.0.len() > LINE {
            self.0.clear();
        }
        lines
    }
}

/// How long a sync waits where nothing wakes it.
pub(crate) fn poll(connected: bool) -> Duration {
    let seconds = deskbell_protocol::limits::POLL_SECONDS;
    Duration::from_secs(if connected { 5 * seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_however_the_bytes_are_cut() {
        let all = b": connected\n\ndata: {\"event\":\"state\"}\n\ndata: {\"event\":\"unheard of\"}\n\n";
        for cut in 0..all.len() {
            let mut lines = Lines::default();
            let mut found = lines.push(&all[..cut]);
            found.extend(lines.push(&all[cut..]));
            let events: Vec<_> = found.iter().filter_map(|line| event(line)).collect();
            assert_eq!(events, [AgentEvent::State], "cut at {cut}");
        }
    }

    #[test]
    fn a_proxy_that_ends_every_connection_is_not_asked_every_second() {
        let at_once = (0..6).fold(0, |failures, _| failures_after(failures, Duration::from_secs(1)));
        assert_eq!(at_once, 6);
        assert_eq!(failures_after(at_once, Duration::from_secs(3600)), 1);
    }

    #[test]
    fn an_endless_line_takes_no_memory() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            lines.push(&[b'x'; 1024]);
        }
        assert!(lines.0.len() <= LINE + 1024);
    }
}
