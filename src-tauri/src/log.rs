//! Structured logs without personal data: to `agent.log` in the data folder, at most twice
//! [`LIMIT`] long with the file before it, and to stderr as `RUST_LOG` says.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

use deskbell_agent_core::make_private;
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, util::SubscriberInitExt};

const LIMIT: u64 = 1024 * 1024;

/// Starts logging. Without a file, for example on a full disk, the program goes on with stderr.
pub(crate) fn start(folder: &Path) {
    let file = Rotating::open(folder.join("agent.log"), LIMIT);
    let reason = file.as_ref().err().map(ToString::to_string);
    let file = file.ok().map(|file| {
        let filter = EnvFilter::new("warn,deskbell=info,deskbell_agent_core=info");
        fmt::layer().json().with_writer(Mutex::new(file)).with_filter(filter)
    });
    let stderr = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")));
    let started = tracing_subscriber::registry().with(file).with(stderr).try_init();
    if let Err(error) = started {
        eprintln!("deskbell: cannot log: {error}");
    }
    if let Some(reason) = reason {
        tracing::warn!(reason, "the log file cannot be opened");
    }
}

/// A file that becomes `<name>.old` when it is full.
struct Rotating {
    path: PathBuf,
    file: File,
    length: u64,
    limit: u64,
}

impl Rotating {
    fn open(path: PathBuf, limit: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            make_private(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { path, file, length, limit })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let mut old = self.path.clone().into_os_string();
        old.push(".old");
        fs::rename(&self.path, old)?;
        *self = Self::open(self.path.clone(), self.limit)?;
        Ok(())
    }
}

impl Write for Rotating {
    /// Writes a whole line or nothing, so that no line is torn over two files.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.length > 0 && self.length + line.len() as u64 > self.limit {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.length += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_stays_within_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.log");
        let mut log = Rotating::open(path.clone(), 100).unwrap();
        for number in 0..50 {
            log.write_all(format!("line {number:03}\n").as_bytes()).unwrap();
        }
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        let (now, old) = (read(path.clone()), read(folder.path().join("agent.log.old")));
        assert!(now.len() <= 100 && old.len() <= 100, "{} and {}", now.len(), old.len());
        assert!(now.ends_with("line 049\n"), "the newest line is kept");
        assert!(old.lines().chain(now.lines()).all(|line| line.len() == 8), "no line is torn");
    }

    #[test]
    fn a_log_goes_on_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("agent.log");
        for line in ["one\n", "two\n"] {
            Rotating::open(path.clone(), 100).unwrap().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(path).unwrap(), "one\ntwo\n");
    }
}
