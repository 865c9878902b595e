//! One run: something is written, a program dies, everything heals, and then all of it has to be there.

use std::{path::PathBuf, process::ExitStatus, time::Duration};

use anyhow::{Context, Result};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    agent::Answer,
    held,
    ledger::{self, Broken, File, Ticket, Written},
    plan::{Run, Side, Way},
    world::World,
};
use crate::{hash::sha256, prove::Kind};

/// How long everything together may take after the line has healed.
const LIMIT: Duration = Duration::from_secs(20);
/// How long nothing may happen before the line is healed.
const QUIET: Duration = Duration::from_millis(250);
/// How long a server has for what it does after its answers.
const AFTERWARDS: Duration = Duration::from_millis(400);
const KILLED: i32 = 9;

pub(super) struct Scene<'a> {
    pub(super) world: &'a mut World,
    run: &'a Run,
    /// What the person who sits there wrote in earlier runs.
    past: &'a mut Vec<Ticket>,
    armed: bool,
    pub(super) reached: bool,
    pub(super) broken: Broken,
}

enum Event {
    Said(Option<Value>),
    ServerEnded(ExitStatus),
    Quiet,
}

impl<'a> Scene<'a> {
    pub(super) fn new(world: &'a mut World, run: &'a Run, past: &'a mut Vec<Ticket>) -> Self {
        Self { world, run, past, armed: false, reached: false, broken: Broken::new() }
    }

    pub(super) async fn play(&mut self) -> Result<()> {
        self.prepare().await?;
        let mut tickets = Vec::new();
        let answered = if self.run.way == Way::Technician { self.answer().await? } else { None };
        let replied = if self.past.is_empty() { None } else { self.replies().await? };
        for (number, sizes) in self.run.tickets.iter().enumerate() {
            tickets.push(self.submit(&format!("r{}-{number}", self.run.seed), sizes).await?);
        }
        let drained = self.drained().await?;
        self.afterwards().await?;
        self.world.disarm()?;
        self.world.post.refuse(false);
        self.world.line.heal();
        self.world.late = (self.armed && !self.reached).then_some(self.run.point.side);
        for touched in [answered, replied].into_iter().flatten() {
            tickets.push(self.past[touched].clone());
        }
        self.compare(&tickets).await?;
        if !drained && self.broken.is_empty() {
            self.broken.push((Kind::Lost, format!("not everything was delivered within {LIMIT:?}")));
        }
        let written = self.run.tickets.len();
        self.past.extend(tickets.into_iter().take(written).filter(|ticket| ticket.id.is_some()));
        Ok(())
    }

    async fn prepare(&mut self) -> Result<()> {
        let new = matches!(self.run.way, Way::Introduce | Way::Confirm) || self.past.is_empty();
        if new {
            self.world.forget_agent().await?;
            self.past.clear();
            if self.run.way == Way::Introduce {
                self.arm()?;
            }
            self.world.agent.start()?;
            self.stands("that it is introduced", |status| (status["state"]["enabled"] == true).then_some(())).await?;
            if self.run.way == Way::Confirm {
                self.arm()?;
                self.confirm().await?;
            } else {
                self.world.vouch().await?;
            }
            self.stands("who sits there", confirmed).await?;
        }
        match self.run.way {
            Way::Introduce | Way::Confirm => return Ok(()),
            Way::Start => {
                self.world.agent.kill().await?;
                self.arm()?;
                return self.world.agent.start();
            }
            _ => {}
        }
        if self.past.is_empty() {
            let ticket = self.submit(&format!("r{}-before", self.run.seed), &[]).await?;
            self.drained().await?;
            self.past.push(ticket);
        }
        self.world.post.refuse(self.run.way == Way::NoMail);
        self.arm()
    }

    fn arm(&mut self) -> Result<()> {
        self.armed = true;
        self.world.line.plan(self.run.faults.iter().copied());
        self.world.arm(self.run.point.side, &self.run.point.name, self.run.pass)
    }

    /// The person asks for a token, reads it and types it, and does so again where something fails.
    async fn confirm(&mut self) -> Result<()> {
        let end = Instant::now() + LIMIT / 2;
        while Instant::now() < end {
            let email = self.world.person();
            if self.ask(&json!({"ask_token": {"name": "Camille Martin", "email": email}})).await?.is_some() {
                let mail = tokio::time::timeout(LIMIT, self.world.post.token(&email)).await;
                let token = mail.context("no token came")?;
                if self.ask(&json!({"confirm": {"token": token}})).await?.is_some() {
                    return Ok(());
                }
            }
            let confirmed = |line: &Value| confirmed(&line["status"]);
            if self.watch(&json!({"retry_now": {}}), confirmed, QUIET).await?.is_some() {
                return Ok(());
            }
        }
        // Tokens are counted, and those that a kill took with it count as well.
        self.world.vouch().await
    }

    /// An order of the person's; nothing where it was refused, or the agent died of it. It runs again then.
    async fn ask(&mut self, order: &Value) -> Result<Option<Value>> {
        let (agent, line) = (&mut self.world.agent, &self.world.line);
        // What needs the server may be held on its way there.
        let healing = async {
            loop {
                tokio::time::sleep(2 * QUIET).await;
                line.heal();
            }
        };
        let answer = tokio::select! {
            answer = agent.ask(order) => answer?,
            () = healing => unreachable!("it heals for ever"),
        };
        match answer {
            Answer::Done(value) => Ok(Some(value)),
            Answer::Refused => Ok(None),
            Answer::Died => self.agent_died().await.map(|()| None),
        }
    }

    async fn submit(&mut self, subject: &str, sizes: &[usize]) -> Result<Ticket> {
        let (files, paths) = self.files(subject, sizes)?;
        let text = format!("{subject}: żółć, 打印机, \u{202e}gnp.exe 🖨️ {}", self.run.seed);
        let order = json!({"submit": {"subject": subject, "description": text, "files": paths}});
        let done = self.ask(&order).await?;
        let id = done.as_ref().and_then(|entry| entry["id"].as_str()).map(str::to_owned);
        let first = Written { text, files, said: done.is_some() };
        Ok(Ticket { subject: subject.to_owned(), first, id, replies: Vec::new(), answers: Vec::new() })
    }

    /// Replies to the newest ticket; which one that was.
    async fn replies(&mut self) -> Result<Option<usize>> {
        if self.run.replies.is_empty() {
            return Ok(None);
        }
        let at = self.past.len() - 1;
        for (number, sizes) in self.run.replies.iter().enumerate() {
            let text = format!("reply r{}-{number} 🙂", self.run.seed);
            let (files, paths) = self.files(&format!("reply-{}-{number}", self.run.seed), sizes)?;
            let order = json!({"reply": {"ticket": self.past[at].id, "text": text, "files": paths}});
            let said = self.ask(&order).await?.is_some();
            self.past[at].replies.push(Written { text, files, said });
        }
        Ok(Some(at))
    }

    /// A technician answers the newest ticket.
    async fn answer(&mut self) -> Result<Option<usize>> {
        let Some(at) = self.past.len().checked_sub(1) else { return Ok(None) };
        let text = format!("answer r{}", self.run.seed);
        let id = self.past[at].id.clone().context("a ticket without id")?;
        let body = json!({"id": uuid::Uuid::from_u128(u128::from(self.run.seed)), "kind": "reply", "text": text});
        let said = self.world.api.post(&format!("/tickets/{id}/messages"), body).await.is_ok();
        self.past[at].answers.push(Written { text, files: Vec::new(), said });
        Ok(Some(at))
    }

    fn files(&self, name: &str, sizes: &[usize]) -> Result<(Vec<File>, Vec<PathBuf>)> {
        let mut chance = StdRng::seed_from_u64(self.run.seed ^ name.len() as u64);
        let (mut files, mut paths) = (Vec::new(), Vec::new());
        for (number, size) in sizes.iter().enumerate() {
            let mut bytes = vec![0; *size];
            chance.fill_bytes(&mut bytes);
            let (name, sha256) = (format!("{name}-{number}.bin"), sha256(&bytes));
            let path = self.world.folder().join(&name);
            std::fs::write(&path, bytes)?;
            files.push(File { name, size: *size as u64, sha256 });
            paths.push(path);
        }
        Ok((files, paths))
    }

    async fn drained(&mut self) -> Result<bool> {
        let tag = self.run.seed;
        let find = |line: &Value| (line["drained"]["tag"] == tag).then_some(());
        self.watch(&json!({"drain": {"tag": tag}}), find, LIMIT).await.map(|found| found.is_some())
    }

    /// Waits until the agent's status is one in which `find` finds something.
    async fn stands<T>(&mut self, what: &str, find: impl Fn(&Value) -> Option<T>) -> Result<T> {
        if let Some(found) = find(self.world.agent.status()) {
            return Ok(found);
        }
        let found = self.watch(&json!({"retry_now": {}}), |line| find(&line["status"]), LIMIT).await?;
        found.with_context(|| format!("the agent never said {what}; see {}", self.world.agent.log().display()))
    }

    /// Waits for a line of the agent's. Who dies is started again, and where all is quiet the line is healed.
    async fn watch<T>(
        &mut self,
        order: &Value,
        find: impl Fn(&Value) -> Option<T>,
        limit: Duration,
    ) -> Result<Option<T>> {
        let end = Instant::now() + limit;
        self.world.agent.order(order).await;
        let mut quiet = Instant::now() + QUIET;
        loop {
            let world = &mut *self.world;
            let event = tokio::select! {
                biased;
                line = world.agent.next() => Event::Said(line),
                status = world.server.ended() => Event::ServerEnded(status?),
                () = tokio::time::sleep_until(quiet) => Event::Quiet,
            };
            match event {
                Event::Said(Some(line)) => match find(&line) {
                    Some(found) => return Ok(Some(found)),
                    None if Instant::now() > end => return Ok(None),
                    None => continue,
                },
                Event::Said(None) => self.agent_died().await?,
                Event::ServerEnded(status) => self.server_died(status).await?,
                Event::Quiet if Instant::now() > end => return Ok(None),
                Event::Quiet => {}
            }
            self.world.line.heal();
            self.world.agent.order(&json!({"retry_now": {}})).await;
            self.world.agent.order(order).await;
            quiet = Instant::now() + QUIET;
        }
    }

    /// What a server does after its answers, it may die of as well.
    async fn afterwards(&mut self) -> Result<()> {
        let later = ["job", "mail", "db"].contains(&self.run.point.name.split('.').next().unwrap_or_default());
        if !later || !self.armed || self.reached {
            return Ok(());
        }
        if let Ok(status) = tokio::time::timeout(AFTERWARDS, self.world.server.ended()).await {
            self.server_died(status?).await?;
        }
        Ok(())
    }

    async fn agent_died(&mut self) -> Result<()> {
        let signal = self.world.agent.signal().await?;
        self.died(Side::Agent, signal)?;
        self.world.agent.start()
    }

    async fn server_died(&mut self, status: ExitStatus) -> Result<()> {
        self.died(Side::Server, std::os::unix::process::ExitStatusExt::signal(&status))?;
        self.world.server.start().await
    }

    fn died(&mut self, side: Side, signal: Option<i32>) -> Result<()> {
        if self.armed && !self.reached && side == self.run.point.side && signal == Some(KILLED) {
            self.reached = true;
        } else if signal == Some(KILLED) && self.world.late == Some(side) {
            // Of the last run's point, between its end and this one's beginning.
            self.world.late = None;
        } else {
            self.broken.push((Kind::Crashed, format!("the {side:?} ended by itself, with signal {signal:?}")));
        }
        self.world.disarm()
    }

    async fn compare(&mut self, tickets: &[Ticket]) -> Result<()> {
        let subjects: Vec<_> = tickets.iter().map(|ticket| ticket.subject.as_str()).collect();
        let held = held::under(self.world, &subjects).await?;
        for ticket in tickets {
            let these: Vec<_> = held.iter().filter(|held| held.subject == ticket.subject).cloned().collect();
            self.broken.extend(ledger::judge(ticket, &these));
        }
        Ok(())
    }
}

/// Whether somebody has proved that they sit there.
fn confirmed(status: &Value) -> Option<()> {
    (!status["state"]["confirmation"].is_null()).then_some(())
}
