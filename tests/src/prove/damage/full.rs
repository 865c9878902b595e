//! Disks without room: what is said to be kept is, what cannot be kept is said, and all goes on when there
//! is room again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use deskbell_protocol::{
    sync::{OutboxItem, SyncResponse},
    ticket::NewTicket,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    device::Device,
    headless::Headless,
    helpdesk::Helpdesk,
    prove::{Found, Kind},
    server::Server,
    ticket,
};

/// A disk in memory.
struct Small(PathBuf);

impl Small {
    fn mount(folder: &Path, size: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let options = format!("size={size},mode=755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder).output()?;
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr).into_owned();
            bail!("a small disk needs root, or the proof run under `unshare -rm`: {why}");
        }
        Ok(Self(folder.to_owned()))
    }

    /// Takes all the room there is.
    fn fill(&self) -> Result<()> {
        let mut size = 1 << 20;
        let mut file = fs::File::options().create(true).append(true).open(self.0.join("filler"))?;
        while size > 0 {
            match std::io::Write::write(&mut file, &vec![b'x'; size]) {
                Ok(written) if written > 0 => {}
                Ok(_) => size /= 2,
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => size /= 2,
                Err(error) => return Err(error).context("the disk cannot be filled"),
            }
        }
        Ok(())
    }

    fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.0.join("filler"))?)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // At the latest it goes with the computer; a busy one goes as soon as nobody uses it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

pub(super) async fn agent() -> Result<Found> {
    let mut found = Found::default();
    let folder = tempfile::tempdir()?;
    let disk = Small::mount(&folder.path().join("disk"), "12m")?;
    let helpdesk = Helpdesk::open(folder.path()).await?;
    let mut agent = Headless::new(&folder.path().join("agent"), &helpdesk.server.url(), &helpdesk.enrolment_key);
    // What the harness writes down about it lies elsewhere.
    agent.set("DESKBELL_DATA_DIR", disk.0.join("data").to_str().context("a path that is no text")?);
    agent.start()?;
    helpdesk.welcome().await?;
    agent.welcomed().await?;
    agent.submit("While there was room").await?;
    agent.delivered("While there was room").await?;
    let long = "It does not fit. ".repeat(3_000);
    disk.fill()?;
    let mut refused = 0;
    for number in 0..20 {
        let subject = format!("No room {number}");
        agent.order(json!({"submit": {"subject": subject, "description": long}})).await?;
        // The first order asked how it stands, the second wrote while there was room.
        let answer = agent.answer(3 + number).await?;
        found.runs += 1;
        match (&answer["done"], answer["refused"]["code"].as_str()) {
            (serde_json::Value::Object(_), _) => {}
            (_, Some("disk_full")) => refused += 1,
            _ => found.violation(Kind::Wrong, format!("on a full disk, a ticket is answered with {answer}")),
        }
    }
    ensure!(refused > 0, "the disk was not full");
    disk.free()?;
    agent.submit("Room again").await?;
    agent.delivered("Room again").await?;
    found.runs += 1;
    if !agent.is_running() {
        found.violation(Kind::Crashed, "the agent ended on a full disk");
    }
    // All that was called kept arrives, and nothing else does.
    let kept = i64::from(20 - refused) + 2;
    let arrived = crate::wait::until("what was kept has arrived", crate::wait::SOON, async || {
        Ok((helpdesk.tickets()? >= kept).then_some(()))
    });
    if arrived.await.is_err() || helpdesk.tickets()? != kept {
        found.violation(Kind::Lost, format!("{kept} tickets were kept, and {} arrived", helpdesk.tickets()?));
    }
    agent.stop().await?;
    Ok(found)
}

pub(super) async fn server() -> Result<Found> {
    let mut found = Found::default();
    let folder = tempfile::tempdir()?;
    let disk = Small::mount(&folder.path().join("disk"), "16m")?;
    let server = Server::new(&disk.0.join("data"), &folder.path().join("server.log"))?;
    let mut helpdesk = Helpdesk::with(server).await?;
    let device = Device::new(helpdesk.server.http(), &helpdesk.server.url(), "PC-1", 1).await?;
    let enrolled = device.enrol(&helpdesk.enrolment_key).await?;
    helpdesk.welcome().await?;
    ensure!(!enrolled.installation_id.0.is_nil(), "no installation");
    let (mut writer, mut accepted) = (Writer::new(device), Vec::new());
    for number in 0..60_u128 {
        if number == 5 {
            disk.fill()?;
        }
        if number == 50 {
            disk.free()?;
        }
        found.runs += 1;
        let stored = writer.submit(number).await;
        if matches!(stored, Ok(true)) {
            accepted.push(number);
        } else if !(5..50).contains(&number) {
            let log = fs::read_to_string(folder.path().join("server.log"))?;
            let why = log.lines().rfind(|line| line.contains("a request failed")).unwrap_or_default();
            let answer = stored.map_or_else(|error| format!("{error}"), |taken| format!("taken: {taken}"));
            found.violation(Kind::Wrong, format!("with room, ticket {number}: {answer}; {why}"));
        }
    }
    ensure!(accepted.len() < 60, "the disk was not full");
    // Nobody asks whether it wants to end: what it answered is on the disk.
    helpdesk.server.kill().await?;
    helpdesk.server.start().await?;
    for number in accepted {
        let id = id(number).to_string();
        if helpdesk.server.database()?.count("select count(*) from tickets where id = ?1", [&id])? != 1 {
            found.violation(Kind::Lost, format!("ticket {number} was accepted on a full disk and is not there"));
        }
    }
    helpdesk.server.stop().await?;
    Ok(found)
}

pub(super) const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number + 1)
}

/// A device that writes tickets, and hears what the server says to each.
pub(super) struct Writer {
    device: Device,
    /// What the last answer said: who forgets it is taken for a copy.
    epoch: i64,
}

impl Writer {
    pub(super) fn new(device: Device) -> Self {
        Self { device, epoch: 0 }
    }

    async fn sync(&mut self, items: Vec<OutboxItem>) -> Result<SyncResponse> {
        let answer = self.device.sync(self.epoch, 0, items).await?;
        self.epoch = answer.epoch;
        Ok(answer)
    }

    /// Whether the server took it; an error where it answered with one.
    pub(super) async fn submit(&mut self, number: u128) -> Result<bool> {
        let state = self.sync(Vec::new()).await?.state;
        let author = state.confirmation.context("nobody is confirmed")?.requester_id;
        let plain = ticket::plain(id(number), author, format!("Ticket {number}"));
        let item = OutboxItem::Ticket(NewTicket { description: "It does not fit. ".repeat(1_000), ..plain });
        let answer = self.sync(vec![item]).await?;
        Ok(serde_json::to_value(&answer.receipts)?[0]["outcome"] == "accepted")
    }
}
