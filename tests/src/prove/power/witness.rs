//! What tests/shim/disk.c wrote down: every change that a program asked of its disk, every flush, and every
//! word that it said, in the order of their effects.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{prove::names::root, server::program};

/// One thing that happened.
#[derive(Clone, Debug)]
pub(in crate::prove) enum Event {
    /// A program began; it holds no descriptor of ours.
    Began,
    Opened {
        fd: i64,
        path: PathBuf,
        truncated: bool,
    },
    Closed {
        fd: i64,
    },
    Doubled {
        fd: i64,
        to: i64,
    },
    Wrote {
        fd: i64,
        at: u64,
        data: Vec<u8>,
    },
    Cut {
        fd: i64,
        size: u64,
    },
    Flushed {
        fd: i64,
    },
    Renamed {
        from: PathBuf,
        to: PathBuf,
    },
    Linked {
        from: PathBuf,
        to: PathBuf,
    },
    Removed {
        path: PathBuf,
    },
    MadeFolder {
        path: PathBuf,
    },
    /// Bytes on the standard output.
    Said(Vec<u8>),
    /// A line of the proof's own: what a program answered to it.
    Marked(String),
    /// A change failed at our wish.
    Failed,
}

impl Event {
    /// As a line can hold it.
    pub(in crate::prove) fn brief(&self) -> String {
        match self {
            Self::Wrote { fd, at, data } => format!("{} bytes at {at} of {fd}", data.len()),
            Self::Said(_) => "a word".to_owned(),
            other => format!("{other:?}"),
        }
    }
}

/// The library, compiled beside the programs; and where a program's witness writes.
#[derive(Clone, Debug)]
pub(in crate::prove) struct Witness {
    library: PathBuf,
    pub(in crate::prove) root: PathBuf,
    pub(in crate::prove) log: PathBuf,
}

impl Witness {
    /// Of what happens below `root`, which has to be there.
    pub(in crate::prove) fn of(root: &Path, log: &Path) -> Result<Self> {
        Ok(Self { library: compiled()?, root: root.canonicalize()?, log: log.to_owned() })
    }

    /// The variables that a program has to have, before it is started.
    pub(in crate::prove) fn settings(&self) -> Result<[(&'static str, String); 3]> {
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path that is no text");
        Ok([
            ("LD_PRELOAD", text(&self.library)?),
            ("DESKBELL_DISK_ROOT", text(&self.root)?),
            ("DESKBELL_DISK_LOG", text(&self.log)?),
        ])
    }

    /// Notes what was answered to us; everything that is written down later happened later.
    pub(in crate::prove) fn mark(&self, line: &str) -> Result<()> {
        let mut record = u32::try_from(29 + line.len())?.to_le_bytes().to_vec();
        record.push(b'M');
        record.extend([0; 20]);
        record.extend(u32::try_from(line.len())?.to_le_bytes());
        record.extend([0; 4]);
        record.extend(line.as_bytes());
        // One call, so that no record of the program lands within it.
        Ok(File::options().append(true).create(true).open(&self.log)?.write_all(&record)?)
    }

    /// Whether a change failed at our wish.
    pub(in crate::prove) fn failed(&self) -> Result<bool> {
        Ok(self.read()?.iter().any(|(_, event)| matches!(event, Event::Failed)))
    }

    pub(in crate::prove) fn read(&self) -> Result<Vec<(u32, Event)>> {
        let bytes = std::fs::read(&self.log).context("the witness has written nothing")?;
        let mut rest = bytes.as_slice();
        let mut events = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_le_bytes(take(&mut rest, 4)?.try_into()?);
            events.push(event(take(&mut rest, length as usize)?)?);
        }
        Ok(events)
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(count).context("a record that is cut off")?;
    *rest = tail;
    Ok(head)
}

fn event(mut record: &[u8]) -> Result<(u32, Event)> {
    let kind = take(&mut record, 1)?[0];
    let process = u32::from_le_bytes(take(&mut record, 4)?.try_into()?);
    let fd = i64::from_le_bytes(take(&mut record, 8)?.try_into()?);
    let number = i64::from_le_bytes(take(&mut record, 8)?.try_into()?);
    let first = u32::from_le_bytes(take(&mut record, 4)?.try_into()?);
    let second = u32::from_le_bytes(take(&mut record, 4)?.try_into()?);
    let data = take(&mut record, first as usize)?.to_vec();
    let more = take(&mut record, second as usize)?;
    ensure!(record.is_empty(), "a record that is too long");
    let unsigned = || u64::try_from(number).context("a place before the file's beginning");
    let path = |bytes: &[u8]| Ok::<_, anyhow::Error>(PathBuf::from(std::str::from_utf8(bytes)?));
    let event = match kind {
        b'X' => Event::Began,
        b'O' => Event::Opened { fd, path: path(&data)?, truncated: number & 2 != 0 },
        b'C' => Event::Closed { fd },
        b'P' => Event::Doubled { fd, to: number },
        b'W' => Event::Wrote { fd, at: unsigned()?, data },
        b'T' => Event::Cut { fd, size: unsigned()? },
        b'F' => Event::Flushed { fd },
        b'R' => Event::Renamed { from: path(&data)?, to: path(more)? },
        b'L' => Event::Linked { from: path(&data)?, to: path(more)? },
        b'U' => Event::Removed { path: path(&data)? },
        b'K' => Event::MadeFolder { path: path(&data)? },
        b'S' => Event::Said(data),
        b'M' => Event::Marked(String::from_utf8(data)?),
        b'E' => Event::Failed,
        other => bail!("a record of the unknown kind {other}"),
    };
    Ok((process, event))
}

/// The shim, compiled by the system's compiler where it is not, or is older than its source.
pub(in crate::prove) fn compiled() -> Result<PathBuf> {
    let source = root().join("tests/shim/disk.c");
    let library = program("deskbell")?.with_file_name("libdeskbell_disk.so");
    let changed = |path: &Path| std::fs::metadata(path).and_then(|data| data.modified());
    if changed(&library).is_ok_and(|built| changed(&source).is_ok_and(|source| source < built)) {
        return Ok(library);
    }
    // Two proofs may begin at once; each finds a whole library.
    let own = library.with_extension(format!("{}.so", std::process::id()));
    let done = Command::new("cc")
        .args(["-shared", "-fPIC", "-pthread", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&own, &source])
        .status()
        .context("there is no C compiler (cc)")?;
    ensure!(done.success(), "{} does not compile", source.display());
    std::fs::rename(own, &library)?;
    Ok(library)
}
