//! What a process keeps of the machine's memory.

use anyhow::{Context, Result};

/// Bytes of memory that are a process's own, and its part of what it shares.
pub(super) fn bytes(process: u32) -> Result<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("no Pss")?;
    let kilobytes: f64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kilobytes * 1024.0)
}
