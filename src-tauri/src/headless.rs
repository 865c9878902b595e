//! The agent without a screen: one line of JSON for each thing that happens, and one read for each thing
//! to do. Tests of faults use it, and it is not offered in the help.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use deskbell_agent_core::{
    Agent,
    policy::Folders,
    view::{AgentStatus, CommandError, Draft, EntryState, News, OutboxEntry},
};
use deskbell_protocol::{id::TicketId, ticket::Language};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::broadcast::error::RecvError,
};
use tokio_util::sync::CancellationToken;

use crate::setup::{self, StartError};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    /// Writes a ticket and sends it.
    Submit(Written),
    /// Writes a ticket into the form, as a person does before they send it.
    Write(Written),
    /// Sends what was written.
    Send {},
    Reply {
        ticket: TicketId,
        text: String,
        #[serde(default)]
        files: Vec<PathBuf>,
    },
    AskToken {
        name: String,
        email: String,
    },
    Confirm {
        token: String,
    },
    RetryNow {},
    /// Adds files to what is being written.
    AddFiles(Vec<PathBuf>),
    /// Says so as soon as nothing waits here any more, or only what a person has to look at.
    Drain {
        tag: u64,
    },
    /// Tells how one entry stands, where there is one.
    Entry {
        id: uuid::Uuid,
    },
}

#[derive(Debug, Deserialize)]
struct Written {
    subject: String,
    description: String,
    /// Exactly these, whatever a run before this one left in the form; without a list, those that were added.
    files: Option<Vec<PathBuf>>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Status(Box<AgentStatus>),
    Outbox(Box<OutboxEntry>),
    News(Box<News>),
    /// An order was carried out; a ticket that it made is durable by now.
    Done(Option<Box<OutboxEntry>>),
    Refused(Box<CommandError>),
    /// Nothing waits any more but this many, which need attention.
    Drained {
        tag: u64,
        attention: usize,
    },
    Unreadable(String),
}

/// Runs until its input ends.
pub(crate) fn run(language: Language) -> Result<(), StartError> {
    crate::log::start(&Folders::of_user()?.data);
    tauri::async_runtime::block_on(async {
        let (agent, _running, _config) = setup::open(language).await?;
        let shutdown = CancellationToken::new();
        let worker = tokio::spawn({
            let (agent, shutdown) = (agent.clone(), shutdown.clone());
            async move { agent.run(shutdown).await }
        });
        tokio::spawn(report(agent.clone()));
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        let mut written = None;
        while let Some(line) = lines.next_line().await? {
            let answer = obey(&agent, &line, &mut written).await;
            deskbell_protocol::crash_point!("said.before");
            say(&answer);
            deskbell_protocol::crash_point!("said.after");
        }
        shutdown.cancel();
        // A worker that fell over has said so already.
        let _ = worker.await;
        Ok(())
    })
}

async fn obey(agent: &Agent, line: &str, written: &mut Option<Draft>) -> Line {
    let order = match serde_json::from_str(line) {
        Ok(order) => order,
        Err(error) => return Line::Unreadable(error.to_string()),
    };
    match carry_out(agent, order, written).await {
        Ok(entry) => Line::Done(entry.map(Box::new)),
        Err(error) => Line::Refused(Box::new(error)),
    }
}

async fn carry_out(
    agent: &Agent,
    order: Order,
    written: &mut Option<Draft>,
) -> Result<Option<OutboxEntry>, CommandError> {
    match order {
        Order::Submit(ticket) => return agent.submit(write(agent, ticket).await?, None).await.map(Some),
        Order::Reply { ticket, text, files } => {
            let read = |path: PathBuf| Some((path.file_name()?.to_str()?.to_owned(), std::fs::read(&path).ok()?));
            return agent.reply(ticket, text, files.into_iter().filter_map(read).collect()).await.map(Some);
        }
        Order::Write(ticket) => *written = Some(write(agent, ticket).await?),
        Order::Send {} => {
            if let Some(draft) = written.take() {
                return agent.submit(draft, None).await.map(Some);
            }
        }
        Order::AskToken { name, email } => agent.ask_token(name, email).await.map(|_| ())?,
        Order::Confirm { token } => agent.confirm(token).await.map(|_| ())?,
        Order::RetryNow {} => agent.sync_now(),
        Order::AddFiles(paths) => agent.add_files(paths).await.map(|_| ())?,
        Order::Entry { id } => return agent.outbox_entry(id).await,
        Order::Drain { tag } => _ = tokio::spawn(drain(agent.clone(), tag)),
    }
    Ok(None)
}

async fn write(agent: &Agent, ticket: Written) -> Result<Draft, CommandError> {
    let mut draft = agent.ticket_form(None).await?.draft;
    if let Some(files) = ticket.files {
        if !draft.files.is_empty() {
            agent.discard_draft().await?;
            draft = agent.ticket_form(None).await?.draft;
        }
        if !files.is_empty() {
            draft = agent.add_files(files).await?;
        }
    }
    Ok(Draft { subject: ticket.subject, description: ticket.description, ..draft })
}

/// Looks into the store: what is shown comes behind it.
async fn drain(agent: Agent, tag: u64) {
    let (mut status, mut outbox) = (agent.watch(), agent.outbox_changes());
    loop {
        let entries = agent.outbox().await;
        if let Ok(entries) = &entries
            && entries.iter().all(|entry| entry.state == EntryState::NeedsAttention)
        {
            return say(&Line::Drained { tag, attention: entries.len() });
        }
        // It ends with the agent, where nobody listens any more. What it missed, the store says.
        tokio::select! {
            changed = status.changed() => if changed.is_err() { return },
            entry = outbox.recv() => if entry == Err(RecvError::Closed) { return },
        }
    }
}

async fn report(agent: Agent) {
    let (mut status, mut outbox, mut news) = (agent.watch(), agent.outbox_changes(), agent.news());
    say(&Line::Status(Box::new(agent.status())));
    loop {
        let line = tokio::select! {
            changed = status.changed() => match changed {
                Ok(()) => Line::Status(Box::new(status.borrow_and_update().clone())),
                Err(_) => return,
            },
            entry = outbox.recv() => match entry {
                Ok(entry) => Line::Outbox(Box::new(entry)),
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
            news = news.recv() => match news {
                Ok(news) => Line::News(Box::new(news)),
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
        };
        say(&line);
    }
}

/// Nobody to tell is no reason to stop working.
fn say(line: &Line) {
    let mut out = io::stdout().lock();
    let said = serde_json::to_writer(&mut out, line).map_err(io::Error::from).and_then(|()| out.write_all(b"\n"));
    if let Err(error) = said.and_then(|()| out.flush()) {
        tracing::warn!(%error, "a line cannot be written");
    }
}
