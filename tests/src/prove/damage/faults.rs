//! Disks that fail at the n-th change: an error, no room, half a write. Who is told *kept* finds it there.

use std::fs;

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use super::{
    full,
    sample::{self, Sample},
};
use crate::{
    device::Device,
    headless::Headless,
    prove::{
        Found, Kind, Order,
        power::{cuts, kept, stored, witness::Witness},
    },
    server::Server,
};

const NOWHERE: &str = "http://127.0.0.1:1";
const TICKETS: u128 = 4;

/// How the disk fails: the shim's words.
fn fault(random: &mut StdRng) -> String {
    let kind = ["eio", "enospc", "short"][random.random_range(0..3)];
    let count = [1, 4, 100_000][random.random_range(0..3)];
    format!("{kind}:{}:{count}", random.random_range(1..90))
}

pub(super) async fn agents(order: Order, sample: &Sample, least: u64) -> Result<Found> {
    let (mut found, mut injected, mut ended) = (Found::default(), 0_u64, 0_u64);
    while found.runs < least {
        let seed = order.seed.wrapping_mul(3_000_017).wrapping_add(found.runs);
        let fault = fault(&mut StdRng::seed_from_u64(seed));
        let place = format!("the agent, seed {seed}, the disk fails with {fault}");
        let folder = cuts::scratch()?;
        let root = folder.path().join("agent");
        let mut agent = Headless::new(&root, NOWHERE, "");
        sample::lay_out(&sample.ended, &agent.data())?;
        let witness = Witness::of(&root, &folder.path().join("events"))?;
        for (name, value) in witness.settings()? {
            agent.set(name, &value);
        }
        agent.set("DESKBELL_DISK_FAIL", &fault);
        let told = work(&mut agent, &folder.path().join("notes.txt")).await?;
        found.runs += 1;
        injected += u64::from(witness.failed()?);
        let said = fs::read_to_string(agent.log())?;
        if said.contains("panicked") {
            found.violation(Kind::Crashed, format!("{place}: {said}"));
        } else if told.is_none() {
            ended += 1;
            if !said.contains("deskbell:") {
                found.violation(Kind::Crashed, format!("{place}: it ended without a word: {said}"));
            }
        }
        for (id, files) in told.unwrap_or_default() {
            if !is_kept(&agent, &id, files).await? {
                found.violation(Kind::Lost, format!("{place}: {id} was called kept"));
            }
        }
    }
    if injected == 0 {
        found.violation(Kind::Wrong, "no disk of an agent failed: the shim is blind");
    }
    found.notes.push(format!("{} disks of agents, {injected} failed, {ended} let no agent start", found.runs));
    Ok(found)
}

/// The tickets that the agent called kept, with how many files; nothing where it did not start.
async fn work(agent: &mut Headless, notes: &std::path::Path) -> Result<Option<Vec<(String, usize)>>> {
    fs::write(notes, "Noted. ".repeat(2_000))?;
    agent.start()?;
    let (mut kept, mut added) = (Vec::new(), 0);
    for number in 0..4 {
        let file = json!({"add_files": [notes]});
        let text = "All of it matters. ".repeat(40);
        let ticket = json!({"submit": {"subject": format!("Fault {number}"), "description": text}});
        // It has ended where it takes nothing and answers nothing: what it said tells why.
        if agent.order(file).await.is_err() || agent.order(ticket).await.is_err() {
            return Ok(None);
        }
        let Ok(answer) = agent.answer(2 * number + 2).await else { return Ok(None) };
        // A file that the disk refused stays out of the ticket; one that it took is in this one or in the next.
        let files = answer["done"]["files"].as_array().map_or(0, Vec::len);
        added += usize::from(agent.answer(2 * number + 1).await?.get("done").is_some());
        if let Some(id) = answer["done"]["id"].as_str() {
            kept.push((id.to_owned(), files.max(added)));
            added = 0;
        }
    }
    agent.kill().await?;
    Ok(Some(kept))
}

/// By the agent's own code, on a disk that works again.
async fn is_kept(agent: &Headless, id: &str, files: usize) -> Result<bool> {
    let Ok(opened) = kept::open(&agent.data()).await else { return Ok(false) };
    let outbox = opened.outbox().await.unwrap_or_default();
    let Some(entry) = outbox.iter().find(|entry| entry.id.to_string() == *id) else { return Ok(false) };
    let whole = |file: &deskbell_agent_core::view::FileProgress| {
        fs::metadata(agent.data().join("files").join(file.id.to_string())).is_ok_and(|data| data.len() == file.size)
    };
    Ok(entry.files.len() == files && entry.files.iter().all(whole))
}

pub(super) async fn servers(order: Order, sample: &Sample, least: u64) -> Result<Found> {
    let (mut found, mut injected, mut accepted) = (Found::default(), 0_u64, 0);
    while found.runs < least {
        let seed = order.seed.wrapping_mul(4_000_037).wrapping_add(found.runs);
        let fault = fault(&mut StdRng::seed_from_u64(seed));
        let place = format!("the server, seed {seed}, the disk fails with {fault}");
        let folder = cuts::scratch()?;
        let (data, log) = (folder.path().join("disk/data"), folder.path().join("server.log"));
        sample::lay_out(&sample.server, &data)?;
        let witness = Witness::of(&folder.path().join("disk"), &folder.path().join("events"))?;
        let mut server = Server::new(&witness.root.join("data"), &log)?.with_variable("DESKBELL_DISK_FAIL", &fault);
        for (name, value) in witness.settings()? {
            server = server.with_variable(name, &value);
        }
        let mut taken = Vec::new();
        let started = server.start().await.is_ok();
        if started {
            let device = Device::new(server.http(), &server.url(), "PC-9", sample::DEVICE).await?;
            let mut writer = full::Writer::new(device);
            for number in 0..TICKETS {
                if writer.submit(number).await.unwrap_or(false) {
                    taken.push(number);
                }
            }
            server.kill().await?;
        }
        found.runs += 1;
        injected += u64::from(witness.failed()?);
        let said = fs::read_to_string(&log)?;
        if said.contains("panicked") || (!started && !said.contains("deskbell-server: ")) {
            found.violation(Kind::Crashed, format!("{place}: {said}"));
        }
        accepted += taken.len();
        let app = stored::open(&data).await?.context("a server does not start on a disk that works again")?;
        let store = Connection::open_with_flags(data.join("deskbell.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        for number in taken {
            let id = full::id(number).to_string();
            let there =
                store.query_row("select count(*) from tickets where id = ?1", [id], |row| row.get::<_, i64>(0))?;
            if there != 1 {
                found.violation(Kind::Lost, format!("{place}: ticket {number} was accepted"));
            }
        }
        app.db.close().await;
    }
    if injected == 0 || accepted == 0 {
        let what =
            format!("{injected} disks of servers failed, and {accepted} tickets were accepted: nothing is tried");
        found.violation(Kind::Wrong, what);
    }
    found.notes.push(format!("{} disks of servers, {injected} failed, {accepted} tickets accepted", found.runs));
    Ok(found)
}
