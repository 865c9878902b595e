//! The agent without a screen: one line of JSON for each thing that happens, and one read for each thing
//! to do. Tests of faults use it, and it is not offered in the help.

use std::io::{self, Write};

use deskbell_agent_core::{
    Agent,
    policy::Folders,
    view::{AgentStatus, CommandError, News, OutboxEntry},
};
use deskbell_protocol::ticket::Language;
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
    Submit { subject: String, description: String },
    AskToken { name: String, email: String },
    Confirm { token: String },
    RetryNow {},
    /// Adds files to what is being written.
    AddFiles(Vec<std::path::PathBuf>),
    /// Answers in a ticket.
    Reply(Reply),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    ticket: deskbell_protocol::id::TicketId,
    text: String,
    /// Names with their texts.
    files: Vec<(String, String)>,
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
        while let Some(line) = lines.next_line().await? {
            say(&obey(&agent, &line).await);
        }
        shutdown.cancel();
        // A worker that fell over has said so already.
        let _ = worker.await;
        Ok(())
    })
}

async fn obey(agent: &Agent, line: &str) -> Line {
    let order = match serde_json::from_str(line) {
        Ok(order) => order,
        Err(error) => return Line::Unreadable(error.to_string()),
    };
    match carry_out(agent, order).await {
        Ok(entry) => Line::Done(entry.map(Box::new)),
        Err(error) => Line::Refused(Box::new(error)),
    }
}

async fn carry_out(agent: &Agent, order: Order) -> Result<Option<OutboxEntry>, CommandError> {
    match order {
        Order::Submit { subject, description } => {
            let mut draft = agent.ticket_form(None).await?.draft;
            draft.subject = subject;
            draft.description = description;
            return agent.submit(draft, None).await.map(Some);
        }
        Order::AskToken { name, email } => agent.ask_token(name, email).await.map(|_| ())?,
        Order::Confirm { token } => agent.confirm(token).await.map(|_| ())?,
        Order::RetryNow {} => agent.sync_now(),
        Order::AddFiles(paths) => agent.add_files(paths).await.map(|_| ())?,
        Order::Reply(Reply { ticket, text, files }) => {
            let files = files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
            return agent.reply(ticket, text, files).await.map(Some);
        }
    }
    Ok(None)
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
