//! An agent's folder and a server's folder as they lie there after work: what is damaged later, by seeds.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use rand::{Rng, rngs::StdRng};
use serde_json::json;

use crate::{device::Device, headless::Headless, helpdesk::Helpdesk, server::files};

/// A folder's files, by their paths in it.
pub(super) type Folder = BTreeMap<PathBuf, Vec<u8>>;

#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Killed: the last commits are in the log alone.
    pub(super) killed: Folder,
    /// Closed in order: everything is in the one file.
    pub(super) ended: Folder,
    pub(super) server: Folder,
    /// What waits there, by id: its text.
    pub(super) waiting: BTreeMap<String, String>,
}

/// A device whose key everybody knows: it may write tickets at the server that is kept.
pub(super) const DEVICE: u8 = 9;

/// Tickets of many pages, so that damage has places to go.
const WAITING: usize = 24;

pub(super) async fn make(folder: &Path) -> Result<Sample> {
    let mut helpdesk = Helpdesk::open(folder).await?;
    let mut agent = Headless::new(&folder.join("agent"), &helpdesk.server.url(), &helpdesk.enrolment_key);
    agent.start()?;
    helpdesk.welcome().await?;
    agent.welcomed().await?;
    agent.submit("There already").await?;
    agent.delivered("There already").await?;
    let device = Device::new(helpdesk.server.http(), &helpdesk.server.url(), "PC-9", DEVICE).await?;
    let enrolled = device.enrol(&helpdesk.enrolment_key).await?;
    helpdesk.enable(&enrolled.device_id.to_string()).await?;
    helpdesk.vouch(&enrolled.installation_id.to_string()).await?;
    helpdesk.server.stop().await?;
    let notes = folder.join("notes.txt");
    fs::write(&notes, "Noted. ".repeat(500))?;
    for number in 0..WAITING {
        agent.order(json!({"add_files": [&notes]})).await?;
        let text = format!("Number {number}. {}", "All of it matters. ".repeat(100));
        let subject = format!("Waiting {number}");
        agent.order(json!({"submit": {"subject": subject, "description": text}})).await?;
        agent.said("that it is kept", |line| (line["done"]["subject"] == subject).then_some(())).await?;
    }
    agent.order(json!({"add_files": [&notes]})).await?;
    // The order after it is answered when it is done.
    agent.order(json!({"retry_now": {}})).await?;
    agent.answer(2 + 2 * WAITING + 2).await?;
    agent.kill().await?;
    let killed = take(&agent.data())?;
    // Who is the last to close a database brings its log into it.
    let (waiting, delivered) = entries(&agent.data())?;
    let log = Path::new("deskbell.db-wal");
    ensure!(waiting.len() == WAITING && delivered.len() == 1, "the sample is not what it should be");
    let ended = take(&agent.data())?;
    ensure!(killed.contains_key(log) && !ended.contains_key(log), "the log is not where it should be");
    Ok(Sample { killed, ended, server: take(helpdesk.server.folder())?, waiting })
}

/// Every file of a folder, but for what is made anew at each start.
pub(super) fn take(folder: &Path) -> Result<Folder> {
    let mut taken = Folder::new();
    for path in files(folder)? {
        let name = path.strip_prefix(folder)?.to_owned();
        if name.extension().is_none_or(|extension| extension != "db-shm" && extension != "log") {
            taken.insert(name, fs::read(path)?);
        }
    }
    Ok(taken)
}

pub(super) fn lay_out(files: &Folder, folder: &Path) -> Result<()> {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// What waits, with its text, and what is delivered.
fn entries(data: &Path) -> Result<(BTreeMap<String, String>, Vec<String>)> {
    // With its log: the one that was killed has most there.
    let store = rusqlite::Connection::open(data.join("deskbell.db"))?;
    let mut statement = store.prepare("select id, item, delivered_at is not null from outbox")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?)))?;
    let (mut waiting, mut delivered) = (BTreeMap::new(), Vec::new());
    for row in rows {
        let (id, item, done) = row?;
        if done {
            delivered.push(id);
        } else {
            waiting.insert(id, item);
        }
    }
    Ok((waiting, delivered))
}

/// Damages one of the files, and says how.
pub(super) fn damage(files: &mut Folder, random: &mut StdRng, names: &[&str]) -> Result<String> {
    let there: Vec<&str> = names.iter().copied().filter(|name| files.contains_key(Path::new(name))).collect();
    let name = there[random.random_range(0..there.len())];
    let bytes = files.get_mut(Path::new(name)).context("it was just there")?;
    let size = bytes.len();
    if size == 0 {
        return Ok(format!("{name} is empty"));
    }
    let how = match random.random_range(0..10_u8) {
        0..=2 => {
            bytes.truncate(random.random_range(0..size));
            format!("cut to {} of {size} bytes", bytes.len())
        }
        3..=7 => {
            let count = 1 << random.random_range(0..8_u8);
            for _ in 0..count {
                bytes[random.random_range(0..size)] ^= 1 << random.random_range(0..8_u8);
            }
            format!("{count} bits flipped")
        }
        8 => {
            let (start, random_byte) = (random.random_range(0..size) / 4096 * 4096, random.random());
            let end = size.min(start + 4096);
            bytes[start..end].fill(random_byte);
            format!("the page at {start} filled with {random_byte}")
        }
        _ => {
            let start = random.random_range(0..size) / 512 * 512;
            let end = size.min(start + 512);
            random.fill(&mut bytes[start..end]);
            format!("the sector at {start} filled by chance")
        }
    };
    Ok(format!("{name}: {how}"))
}
