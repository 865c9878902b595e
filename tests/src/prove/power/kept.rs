//! Whether an agent's folder has what the agent had said.

use std::{fs, path::Path};

use anyhow::Result;
use deskbell_agent_core::{
    Agent, Setup,
    policy::{Folders, Sources},
    view::ProblemCode,
};
use deskbell_protocol::{Millis, ticket::Language};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde_json::Value;

use super::{agent::Said, cuts::Broken};
use crate::{hash::sha256, prove::Kind};

/// A day on which every recording was made: what was delivered is remembered for another one.
#[expect(clippy::disallowed_methods, reason = "what was delivered in the recording was delivered today")]
fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Opens an agent over a folder, as its next start does.
pub(in crate::prove) async fn open(data: &Path) -> Result<Agent, deskbell_agent_core::OpenError> {
    let folders = Folders { data: data.to_owned(), machine_files: Vec::new(), user_file: None };
    Agent::open(Setup { sources: Sources::default(), folders, clock: now, language: Language::En }).await
}

/// Everything that was said is there, whole.
pub(super) async fn check(folder: &Path, said: &Said) -> Result<Vec<Broken>> {
    let data = folder.join("data");
    let agent = match open(&data).await {
        Ok(agent) => agent,
        Err(error) => return Ok(vec![(Kind::Lost, format!("the agent does not start: {error}"))]),
    };
    let mut broken = Vec::new();
    if agent.status().problems.iter().any(|problem| problem.code == ProblemCode::StoreRecovered) {
        broken.push((Kind::Wrong, "the queue is called damaged".to_owned()));
    }
    let outbox = agent.outbox().await;
    if let Err(error) = &outbox {
        broken.push((Kind::Lost, format!("the outbox cannot be read: {}", error.message)));
    }
    if let Err(error) = agent.ticket_form(None).await {
        broken.push((Kind::Lost, format!("the draft cannot be read: {}", error.message)));
    }
    let store = Connection::open_with_flags(data.join("deskbell.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    entries(&store, &data, said, &mut broken)?;
    named(&store, &data, &mut broken)?;
    state(&store, &data, said, &mut broken)?;
    Ok(broken)
}

/// What was said to be kept.
fn entries(store: &Connection, data: &Path, said: &Said, broken: &mut Vec<Broken>) -> Result<()> {
    for (id, (text, files)) in &said.kept {
        let sql = "select item, number, delivered_at from outbox where id = ?1";
        let row = store.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((item, number, delivered)): Option<(String, Option<i64>, Option<i64>)> = row else {
            broken.push((Kind::Lost, format!("{id} was kept and is not there")));
            continue;
        };
        let item: Value = serde_json::from_str(&item)?;
        let kept = item["description"].as_str().or(item["text"].as_str());
        if kept != Some(text) {
            broken.push((Kind::Lost, format!("{id} has another text")));
        }
        for (name, bytes) in files {
            let mut named = item["attachments"].as_array().into_iter().flatten();
            match named.find(|file| file["name"] == *name && file["sha256"] == sha256(bytes)) {
                None => broken.push((Kind::Lost, format!("{id} does not name its file {name}"))),
                Some(file) if delivered.is_none() && !has(data, &file["id"], bytes) => {
                    broken.push((Kind::Lost, format!("the file {name} of {id} is not whole")));
                }
                Some(_) => {}
            }
        }
        if said.numbers.get(id).is_some_and(|said| Some(*said) != number) {
            broken.push((Kind::Lost, format!("{id} had a number, and has {number:?}")));
        }
        if said.delivered.contains_key(id) && delivered.is_none() {
            broken.push((Kind::Lost, format!("{id} was delivered, and is not any more")));
        }
    }
    Ok(())
}

fn has(data: &Path, id: &Value, bytes: &[u8]) -> bool {
    id.as_str().is_some_and(|id| fs::read(data.join("files").join(id)).is_ok_and(|found| found == bytes))
}

/// Every file that a row names, said or not, is there as long as it is needed.
fn named(store: &Connection, data: &Path, broken: &mut Vec<Broken>) -> Result<()> {
    let mut statement = store.prepare(
        "select f.id, f.size from outbox_files f join outbox o on o.id = f.entry where o.delivered_at is null",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    for row in rows {
        let (id, size) = row?;
        let found = fs::metadata(data.join("files").join(&id)).map(|data| data.len());
        if found.as_ref().ok() != Some(&size.cast_unsigned()) {
            broken.push((Kind::Lost, format!("a row names the file {id} of {size} bytes, and the disk has {found:?}")));
        }
    }
    Ok(())
}

/// The draft, who this installation is, and who sits here.
fn state(store: &Connection, data: &Path, said: &Said, broken: &mut Vec<Broken>) -> Result<()> {
    let setting = |name: &str| -> Result<Value> {
        let sql = "select value from settings where name = ?1";
        let text: Option<String> = store.query_row(sql, [name], |row| row.get(0)).optional()?;
        Ok(text.map_or(Ok(Value::Null), |text| serde_json::from_str(&text))?)
    };
    let draft = setting("draft")?;
    for (name, bytes) in &said.draft {
        let hash = sha256(bytes);
        let files = draft["draft"]["files"].as_array();
        let file = files.into_iter().flatten().find(|file| file["name"] == *name);
        let whole = file.is_some_and(|file| has(data, &file["id"], bytes));
        let sql = "select count(*) from outbox where instr(item, ?1) > 0";
        // Its ticket may be in the outbox by now, which is said a little later.
        let sent: i64 = store.query_row(sql, [&hash], |row| row.get(0))?;
        if !whole && sent == 0 {
            broken.push((Kind::Lost, format!("the file {name} of the draft is not there")));
        }
    }
    if let Some(key) = &said.key
        && fs::read(data.join("device.key")).ok().as_ref() != Some(key)
    {
        broken.push((Kind::Lost, "the key that the server knows is not there".to_owned()));
    }
    let state = setting("state")?;
    if said.registered && state.is_null() {
        broken.push((Kind::Lost, "the agent has forgotten that it was introduced".to_owned()));
    }
    if said.confirmed && state["confirmation"].is_null() {
        broken.push((Kind::Lost, "the agent has forgotten who sits here".to_owned()));
    }
    Ok(())
}
