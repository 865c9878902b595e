//! One run: something is written, a program dies, everything heals, and then all of it has to be there.

use std::{path::PathBuf, process::ExitStatus, time::Duration};

use anyhow::{Context, Result};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    agent::Answer,
    held,
    ledger::{Broken, File, Past, Ticket, Written},
    plan::{Run, Side, Way},
    world::World,
};
use crate::{hash::sha256, prove::Kind, wait::until};

/// How long everything together may take after the line has healed.
const LIMIT: Duration = Duration::from_secs(20);
/// How long nothing may happen before the line is healed.
const QUIET: Duration = Duration::from_millis(250);
/// How long a server has for what it does after its answers.
const AFTERWARDS: Duration = Duration::from_millis(400);
/// How much later than it was said something may come that was called delivered, and is then late and not lost.
const LATE: Duration = Duration::from_secs(2);
const KILLED: i32 = 9;

pub(super) struct Scene<'a> {
    pub(super) world: &'a mut World,
    run: &'a Run,
    past: &'a mut Past,
    /// The order to die, once it was given.
    armed: Option<String>,
    pub(super) reached: bool,
    pub(super) broken: Broken,
}

enum Event {
    Said(Option<Value>),
    ServerEnded(ExitStatus),
    Quiet,
}

impl<'a> Scene<'a> {
    pub(super) fn new(world: &'a mut World, run: &'a Run, past: &'a mut Past) -> Self {
        Self { world, run, past, armed: None, reached: false, broken: Broken::new() }
    }

    pub(super) async fn play(&mut self) -> Result<()> {
        self.prepare().await?;
        let waiting = if self.run.way == Way::Damage { Some(self.damage().await?) } else { None };
        let answered = if self.run.way == Way::Technician { self.answer().await? } else { None };
        let replied = self.replies().await?;
        let mut touched: Vec<usize> = [waiting, answered, replied].into_iter().flatten().collect();
        for (number, sizes) in self.run.tickets.iter().enumerate() {
            let ticket = self.submit(&format!("r{}-{number}", self.run.seed), sizes).await?;
            touched.push(self.past.push(ticket));
        }
        touched.dedup();
        let drained = self.drained().await?;
        self.afterwards().await?;
        self.world.disarm()?;
        self.world.post.refuse(false);
        self.world.line.heal();
        self.compare(&touched, drained).await?;
        if drained.is_none() && self.broken.is_empty() {
            self.broken.push((Kind::Lost, format!("not everything was delivered within {LIMIT:?}")));
        }
        Ok(())
    }

    async fn prepare(&mut self) -> Result<()> {
        let new = matches!(self.run.way, Way::Introduce | Way::Confirm) || self.past.newest().is_none();
        if new {
            self.world.forget_agent().await?;
            self.past.forget();
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
            Way::Introduce | Way::Confirm | Way::Damage => return Ok(()),
            Way::Start => {
                self.world.kill_agent().await?;
                self.arm()?;
                return self.world.agent.start();
            }
            _ => {}
        }
        if self.past.newest().is_none() {
            let ticket = self.submit(&format!("r{}-before", self.run.seed), &[]).await?;
            let at = self.past.push(ticket);
            let drained = self.drained().await?;
            self.compare(&[at], drained).await?;
        }
        self.world.post.refuse(self.run.way == Way::NoMail);
        self.arm()
    }

    /// Something was just written when the agent died, and when it starts again its queue is damaged: which ticket.
    async fn damage(&mut self) -> Result<usize> {
        let ticket = self.submit(&format!("r{}-before", self.run.seed), &[1000]).await?;
        let at = self.past.push(ticket);
        self.world.kill_agent().await?;
        self.world.damage_queue()?;
        self.arm()?;
        self.world.agent.start()?;
        Ok(at)
    }

    fn arm(&mut self) -> Result<()> {
        self.world.line.plan(self.run.faults.iter().copied());
        self.armed = Some(self.world.arm(self.run.point.side, &self.run.point.name, self.run.pass)?);
        Ok(())
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
        let first = Written { text, files, entry: id.clone(), said: done.is_some() };
        Ok(Ticket { subject: subject.to_owned(), first, id, replies: Vec::new(), answers: Vec::new() })
    }

    /// Replies to the newest ticket; which one that was.
    async fn replies(&mut self) -> Result<Option<usize>> {
        let Some(at) = self.past.newest().filter(|_| !self.run.replies.is_empty()) else { return Ok(None) };
        for (number, sizes) in self.run.replies.iter().enumerate() {
            let text = format!("reply r{}-{number} 🙂", self.run.seed);
            let (files, paths) = self.files(&format!("reply-{}-{number}", self.run.seed), sizes)?;
            let order = json!({"reply": {"ticket": self.past.all[at].id, "text": text, "files": paths}});
            let done = self.ask(&order).await?;
            let entry = done.as_ref().and_then(|entry| entry["id"].as_str()).map(str::to_owned);
            self.past.all[at].replies.push(Written { text, files, entry, said: done.is_some() });
        }
        Ok(Some(at))
    }

    /// A technician answers the newest ticket.
    async fn answer(&mut self) -> Result<Option<usize>> {
        let Some(at) = self.past.newest() else { return Ok(None) };
        let text = format!("answer r{}", self.run.seed);
        let id = self.past.all[at].id.clone().context("a ticket without id")?;
        let body = json!({"id": uuid::Uuid::from_u128(u128::from(self.run.seed)), "kind": "reply", "text": text});
        let said = self.world.api.post(&format!("/tickets/{id}/messages"), body).await.is_ok();
        self.past.all[at].answers.push(Written { text, files: Vec::new(), entry: None, said });
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

    /// Waits until nothing waits at the agent any more, but for so many entries that a person has to look at.
    async fn drained(&mut self) -> Result<Option<u64>> {
        let tag = self.world.number();
        let find = |line: &Value| {
            let drained = &line["drained"];
            (drained["tag"] == tag).then(|| drained["attention"].as_u64().unwrap_or_default())
        };
        self.watch(&json!({"drain": {"tag": tag}}), find, LIMIT).await
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
        if !later || self.armed.is_none() || self.reached {
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
        let order = self.world.died_of(side)?;
        if order.is_some() && order == self.armed {
            self.reached = true;
            return self.world.disarm();
        }
        // One of an earlier run's may come as late as this.
        if order.is_none() || signal != Some(KILLED) {
            self.broken.push((Kind::Crashed, format!("the {side:?} ended by itself, with signal {signal:?}")));
        }
        Ok(())
    }

    /// Holds these tickets against what the server has of them.
    async fn compare(&mut self, touched: &[usize], drained: Option<u64>) -> Result<()> {
        let tickets: Vec<_> = touched.iter().map(|at| self.past.all[*at].clone()).collect();
        let is_lost = |broken: &Broken| broken.iter().any(|(kind, _)| *kind == Kind::Lost);
        let first = held::judged(self.world, &tickets).await?;
        if !is_lost(&first) {
            self.broken.extend(first);
            return Ok(());
        }
        let looks = until("what is missing comes", LATE, async || {
            let again = held::judged(self.world, &tickets).await?;
            Ok((!is_lost(&again)).then_some(again))
        });
        if let Ok(again) = looks.await {
            // It is no loss; what was called delivered was not there all the same.
            self.broken.extend(first.into_iter().map(|(_, what)| (Kind::Wrong, format!("came late: {what}"))));
            self.broken.extend(again);
        } else {
            let seen = self.seen(&tickets, drained).await?;
            self.broken.extend(first.into_iter().map(|(kind, what)| (kind, format!("{what}; {seen}"))));
        }
        Ok(())
    }

    /// How the agent sees these tickets, for who has to find out where they are.
    async fn seen(&mut self, tickets: &[Ticket], drained: Option<u64>) -> Result<String> {
        let said = match drained {
            Some(attention) => format!("drained with {attention} that need attention"),
            None => "not drained".to_owned(),
        };
        let mut seen = format!("{said}; died: {}; the agent: {}", self.reached, self.world.agent.status());
        for one in tickets.iter().flat_map(|ticket| std::iter::once(&ticket.first).chain(&ticket.replies)) {
            if let Some(id) = &one.entry {
                let entry = self.ask(&json!({"entry": {"id": id}})).await?;
                seen += &format!("; {id}: {}", entry.unwrap_or(Value::Null));
            }
        }
        Ok(seen)
    }
}

/// Whether somebody has proved that they sit there.
fn confirmed(status: &Value) -> Option<()> {
    (!status["state"]["confirmation"].is_null()).then_some(())
}
