//! What a process has used up, as the kernel counts it.

use anyhow::{Context, Result};

use crate::server::Server;

/// Seconds of a processor that this process has used.
pub(super) fn own() -> Result<f64> {
    seconds("self")
}

/// Seconds of a processor that the server has used.
pub(super) fn of(server: &Server) -> Result<f64> {
    seconds(&server.id().context("the server does not run")?.to_string())
}

fn seconds(process: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold spaces; user and system time are the 14th and the 15th field.
    let (_, rest) = stat.rsplit_once(") ").context("an unknown form of /proc/*/stat")?;
    let ticks: u64 = rest.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    // Linux shows them in hundredths of a second, whatever its own clock does.
    Ok(ticks as f64 / 100.0)
}
