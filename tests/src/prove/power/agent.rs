//! The agent: tickets with files, answers, receipts, uploads and its first start, beside a server that is
//! away for a while; and what must be found when the power comes back.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    cuts::{Recording, scratch},
    witness::{Event, Witness},
};
use crate::{headless::Headless, helpdesk::Helpdesk};

/// What was ordered, and what its answer promises.
#[derive(Clone, Debug)]
pub(super) enum Ordered {
    Nothing,
    /// These files, by name, are in what is being written.
    Draft(Files),
    /// A ticket or an answer with this text.
    Entry {
        text: String,
        files: Files,
    },
}

/// Names with their bytes.
type Files = Vec<(String, Vec<u8>)>;

/// What the agent has said so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// Kept, by id: the text and the files.
    pub(super) kept: BTreeMap<String, (String, Files)>,
    pub(super) draft: Files,
    pub(super) numbers: BTreeMap<String, i64>,
    pub(super) delivered: BTreeMap<String, bool>,
    pub(super) registered: bool,
    pub(super) confirmed: bool,
    /// The key, once the server knows it.
    pub(super) key: Option<Vec<u8>>,
}

pub(super) struct Work {
    agent: Headless,
    witness: Witness,
    orders: Vec<Ordered>,
    /// Answers of this run of the program.
    done: usize,
}

/// Works, and gives what the witness saw.
pub(super) async fn record(quick: bool) -> Result<Recording<Said>> {
    let folder = scratch()?;
    let root = folder.path().join("agent");
    fs::create_dir(&root)?;
    let witness = Witness::of(&root, &folder.path().join("events"))?;
    let mut helpdesk = Helpdesk::open(folder.path()).await?;
    let mut agent = Headless::new(&witness.root, &helpdesk.server.url(), &helpdesk.enrolment_key);
    for (name, value) in witness.settings()? {
        agent.set(name, &value);
    }
    let mut work = Work { agent, witness, orders: Vec::new(), done: 0 };
    work.agent.start()?;
    helpdesk.welcome().await?;
    work.obeyed(json!({"retry_now": {}}), Ordered::Nothing).await?;
    let usable = |line: &Value| {
        let state = &line["status"]["state"];
        (state["enabled"] == true && !state["confirmation"].is_null()).then_some(())
    };
    work.agent.said("that somebody may write tickets", usable).await?;
    let source = folder.path().join("sources");
    fs::create_dir(&source)?;
    let files = vec![file(&source, "report.txt", 3_000)?, file(&source, "scan.bin", 70_000)?];
    work.write("The printer is on fire", &source, files).await?;
    let first = work.delivered("The printer is on fire").await?;
    helpdesk.server.kill().await?;
    work.write("The lift is stuck", &source, vec![file(&source, "lift.txt", 600)?]).await?;
    if !quick {
        work.write("No paper", &source, Vec::new()).await?;
        work.reply(&first, "It burns still.", &source, vec![file(&source, "flames.txt", 5_000)?]).await?;
        // Nobody asks whether the program wants to end.
        work.agent.kill_by_witness().await?;
        work.agent.start()?;
        work.done = 0;
        work.obeyed(json!({"retry_now": {}}), Ordered::Nothing).await?;
        work.write("After the fall", &source, vec![file(&source, "after.txt", 1_500)?]).await?;
        helpdesk.server.start().await?;
        work.obeyed(json!({"retry_now": {}}), Ordered::Nothing).await?;
        work.agent.delivered("After the fall").await?;
        ensure!(helpdesk.tickets()? == 4, "the server has {} tickets of 4", helpdesk.tickets()?);
    }
    work.agent.stop().await?;
    let key = fs::read(work.agent.data().join("device.key")).context("no key file")?;
    let events = work.witness.read()?;
    let promised = promises(&events, &work.orders, &key)?;
    let recording = Recording { name: "agent", root: work.witness.root.clone(), events, promised };
    recording.is_whole(&work.agent.data())?;
    Ok(recording)
}

/// A file of a person's, with a content that no other one has.
fn file(folder: &Path, name: &str, size: usize) -> Result<(String, Vec<u8>)> {
    let line = format!("{name} of {size} bytes. ");
    let bytes: Vec<u8> = line.bytes().cycle().take(size).collect();
    fs::write(folder.join(name), &bytes)?;
    Ok((name.to_owned(), bytes))
}

impl Work {
    async fn obeyed(&mut self, order: Value, promise: Ordered) -> Result<()> {
        self.orders.push(promise);
        self.agent.order(order.clone()).await?;
        self.done += 1;
        let answer = self.agent.answer(self.done).await?;
        ensure!(answer.get("done").is_some(), "{order}: {answer}");
        Ok(())
    }

    async fn write(&mut self, subject: &str, source: &Path, files: Files) -> Result<()> {
        if !files.is_empty() {
            let paths: Vec<_> = files.iter().map(|(name, _)| source.join(name)).collect();
            self.obeyed(json!({"add_files": paths}), Ordered::Draft(files.clone())).await?;
        }
        let text = format!("About: {subject}. {}", "It has been so since this morning. ".repeat(20));
        let order = json!({"submit": {"subject": subject, "description": text}});
        self.obeyed(order, Ordered::Entry { text, files }).await
    }

    /// The id of a ticket, once the server has it and its files.
    async fn delivered(&mut self, subject: &'static str) -> Result<String> {
        let find = move |line: &Value| {
            let entry = &line["outbox"];
            let found = entry["subject"] == subject && entry["state"] == "delivered";
            found.then(|| entry["id"].as_str().map(str::to_owned)).flatten()
        };
        self.agent.said("that the ticket is delivered", find).await
    }

    async fn reply(&mut self, to: &str, text: &str, source: &Path, files: Files) -> Result<()> {
        let paths: Vec<_> = files.iter().map(|(name, _)| source.join(name)).collect();
        let order = json!({"reply": {"ticket": to, "text": text, "files": paths}});
        self.obeyed(order, Ordered::Entry { text: text.to_owned(), files }).await
    }
}

/// What had been said after each event.
fn promises(events: &[(u32, Event)], orders: &[Ordered], key: &[u8]) -> Result<Vec<Arc<Said>>> {
    let (mut now, mut line) = (Arc::new(Said::default()), Vec::new());
    let mut orders = orders.iter();
    let mut promised = Vec::with_capacity(events.len());
    for (_, event) in events {
        match event {
            // A word that a kill cut off was never heard.
            Event::Began => line.clear(),
            Event::Said(bytes) => line.extend(bytes),
            _ => {}
        }
        while let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            let heard: Vec<u8> = line.drain(..=end).collect();
            hear(Arc::make_mut(&mut now), &serde_json::from_slice(&heard)?, &mut orders, key)?;
        }
        promised.push(Arc::clone(&now));
    }
    ensure!(orders.next().is_none(), "an order without an answer");
    Ok(promised)
}

fn hear<'a>(said: &mut Said, line: &Value, orders: &mut impl Iterator<Item = &'a Ordered>, key: &[u8]) -> Result<()> {
    if line.get("done").is_some() {
        match orders.next().context("an answer without an order")? {
            Ordered::Nothing => {}
            Ordered::Draft(files) => said.draft.clone_from(files),
            Ordered::Entry { text, files } => {
                let id = line["done"]["id"].as_str().context("an entry without id")?;
                said.kept.insert(id.to_owned(), (text.clone(), files.clone()));
                said.draft.clear();
            }
        }
    }
    if let Some(id) = line["outbox"]["id"].as_str() {
        if let Some(number) = line["outbox"]["number"].as_i64() {
            said.numbers.insert(id.to_owned(), number);
        }
        if line["outbox"]["state"] == "delivered" {
            said.delivered.insert(id.to_owned(), true);
        }
    }
    let state = &line["status"]["state"];
    if !state.is_null() {
        said.registered = true;
        said.key = Some(key.to_vec());
        said.confirmed |= !state["confirmation"].is_null();
    }
    Ok(())
}
