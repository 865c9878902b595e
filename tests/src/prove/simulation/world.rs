//! One history under virtual time: devices that write and sync, a line that misbehaves, two sides that fall
//! over, technicians who change things. All of it follows from the seed.

use std::{cmp::Reverse, collections::BTreeSet, collections::BinaryHeap};

use anyhow::Result;
use deskbell_agent_core::simulate::{Failure, Queue, pause};
use deskbell_protocol::{
    Millis,
    device::{Context, Enrolled, Registration},
    error::{ErrorBody, ErrorCode},
    id::{ClientId, MessageId, RequesterId, TicketId},
    sync::{OutboxItem, SyncRequest, SyncResponse},
    ticket::{Affected, Language, NewReply, NewStatus, NewTicket, Status, TicketType},
};
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use super::server::{Key, Server, Signed};

pub(super) const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const YEAR: i64 = 365 * 24 * 60 * MINUTE;
/// 2026-01-01.
const START: Millis = 1_767_225_600_000;
/// Faults end then.
const HEALED: Millis = START + 3 * MINUTE;
/// Everything has to be delivered by then.
const BOUND: Millis = HEALED + 10 * MINUTE;
/// How long an agent waits for an answer.
const PATIENCE: i64 = 30 * SECOND;
const POLL: i64 = MINUTE;
const CLIENT: ClientId = ClientId(Uuid::from_u128(500));

/// What may go wrong in a history; each seed has some of it, so that little hides behind much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    pub(super) line: bool,
    pub(super) crashes: bool,
    pub(super) restore: bool,
    pub(super) people: bool,
    pub(super) registration: bool,
    pub(super) clocks: bool,
    pub(super) closing: bool,
}

/// What somebody wrote, in the order in which they wrote it.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) id: Uuid,
    pub(super) ticket: TicketId,
    pub(super) device: usize,
    pub(super) is_ticket: bool,
    pub(super) text: String,
}

pub(super) struct Device {
    pub(super) queue: Queue,
    pub(super) key: Key,
    pub(super) person: RequesterId,
    /// What its clock is ahead.
    ahead: i64,
    /// What it knows of that.
    offset: i64,
    failures: u32,
    /// The request that it waits for, by its number.
    waits: Option<(u64, Option<SyncRequest>)>,
    /// The wake-up that counts.
    alarm: u64,
    skewed: bool,
    /// When its last request was signed.
    signed_at: i64,
    /// Whether one of its requests was signed earlier than the one before it.
    pub(super) set_back: bool,
}

enum Event {
    Wake(usize, u64),
    Arrives(usize, u64, Signed, Option<Box<SyncRequest>>),
    Answer(usize, u64, Box<Answer>),
    Timeout(usize, u64),
    Write(usize),
    Happens(u8),
    Heal,
}

impl Event {
    fn told(&self) -> String {
        let sent = |request: &SyncRequest| {
            let items = request.items.iter().map(|item| item.id().to_string()[..4].to_owned());
            format!("epoch {} items {:?}", epoch(request.epoch), items.collect::<Vec<_>>())
        };
        match self {
            Self::Wake(device, alarm) => format!("wake {device} {alarm}"),
            Self::Arrives(device, number, signed, Some(request)) => {
                format!("request {number} of {device} signed at {}: {}", signed.created - START / 1000, sent(request))
            }
            Self::Arrives(device, number, ..) => format!("introduction {number} of {device}"),
            Self::Answer(device, number, answer) => match answer.as_ref() {
                Answer::Synced(Ok(response)) => {
                    format!("answer {number} to {device}: epoch {} {:?}", epoch(response.epoch), response.receipts)
                }
                Answer::Synced(Err(body)) | Answer::Introduced(Err(body)) => {
                    format!("answer {number} to {device}: {:?}", body.code)
                }
                Answer::Introduced(Ok(_)) => format!("answer {number} to {device}: introduced"),
                Answer::Page => format!("answer {number} to {device}: a page"),
            },
            Self::Timeout(device, number) => format!("{device} gives {number} up"),
            Self::Write(device) => format!("{device} writes"),
            Self::Happens(kind) => format!("happens {kind}"),
            Self::Heal => "heal".to_owned(),
        }
    }
}

/// Count and chance apart.
fn epoch(epoch: i64) -> String {
    format!("{}.{}", epoch / deskbell_server::epochs::CHANCE, epoch % deskbell_server::epochs::CHANCE)
}

#[derive(Clone)]
enum Answer {
    Synced(Result<SyncResponse, Box<ErrorBody>>),
    Introduced(Result<Enrolled, Box<ErrorBody>>),
    /// Something on the way answers.
    Page,
}

pub(super) struct World {
    pub(super) seed: u64,
    chance: StdRng,
    pub(super) faults: Faults,
    pub(super) now: Millis,
    events: BinaryHeap<Reverse<(Millis, u64)>>,
    payloads: std::collections::HashMap<u64, Event>,
    count: u64,
    pub(super) server: Server,
    snapshot: Option<Server>,
    down_until: Millis,
    /// The count of events at the last restore.
    restored_at: u64,
    pub(super) devices: Vec<Device>,
    pub(super) written: Vec<Written>,
    /// Stored once, and gone with the restored server.
    pub(super) gone: BTreeSet<Uuid>,
    pub(super) exchanges: u64,
    /// Every event is printed: for the person who looks for a defect.
    pub(super) told: bool,
    pub(super) ever_attention: BTreeSet<Uuid>,
}

impl World {
    pub(super) fn new(seed: u64, queues: Vec<Queue>) -> Result<Self> {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut some = || chance.random_bool(0.4);
        let faults = Faults {
            line: some(),
            crashes: some(),
            restore: some() && some(),
            people: some(),
            registration: some(),
            clocks: some(),
            closing: some() && some(),
        };
        let mut devices = Vec::new();
        let mut server = Server::default();
        for (at, mut queue) in queues.into_iter().enumerate() {
            queue.empty()?;
            let person = RequesterId(Uuid::from_u128(700 + u128::try_from(at)?));
            server.people.insert(person, super::server::Person { client: CLIENT, deactivated: false });
            let key = u64::try_from(at)? + 1;
            let (ahead, offset, failures) = (0, 0, 0);
            let (waits, alarm, skewed, signed_at, set_back) = (None, 0, false, 0, false);
            devices.push(Device {
                queue,
                key,
                person,
                ahead,
                offset,
                failures,
                waits,
                alarm,
                skewed,
                signed_at,
                set_back,
            });
        }
        let mut world = Self {
            seed,
            chance,
            faults,
            now: START,
            events: BinaryHeap::new(),
            payloads: std::collections::HashMap::new(),
            count: 0,
            server,
            snapshot: None,
            down_until: 0,
            restored_at: 0,
            devices,
            written: Vec::new(),
            gone: BTreeSet::new(),
            exchanges: 0,
            told: false,
            ever_attention: BTreeSet::new(),
        };
        world.plan();
        Ok(world)
    }

    fn below(&mut self, end: i64) -> i64 {
        self.chance.random_range(0..end.max(1))
    }

    fn one_in(&mut self, times: i64) -> bool {
        self.below(times) == 0
    }

    fn at(&mut self, time: Millis, event: Event) {
        self.count += 1;
        self.events.push(Reverse((time, self.count)));
        self.payloads.insert(self.count, event);
    }

    /// Who writes what when, and what goes wrong when.
    fn plan(&mut self) {
        for device in 0..self.devices.len() {
            let time = START + self.below(5 * SECOND);
            self.wake(device, time);
            for _ in 0..2 + self.below(4) {
                let time = START + self.below(HEALED - START);
                self.at(time, Event::Write(device));
            }
        }
        let happenings: [(bool, std::ops::Range<u8>); 6] = [
            (true, 0..1),
            (self.faults.crashes, 1..3),
            (self.faults.restore, 3..5),
            (self.faults.people, 5..8),
            (self.faults.registration, 8..11),
            (self.faults.clocks, 11..12),
        ];
        for (_, kinds) in happenings.into_iter().filter(|happening| happening.0) {
            for kind in kinds {
                let time = START + if kind == 0 { 2 * SECOND } else { self.below(HEALED - START) };
                self.at(time, Event::Happens(kind));
            }
        }
        if self.faults.closing {
            let time = START + self.below(HEALED - START);
            self.at(time, Event::Happens(12));
        }
        self.at(HEALED, Event::Heal);
    }

    /// Runs it to its end.
    pub(super) fn run(&mut self) -> Result<()> {
        while let Some(Reverse((time, count))) = self.events.pop() {
            if time > BOUND || (time > HEALED + MINUTE && self.drained()?) {
                break;
            }
            self.now = time;
            let Some(event) = self.payloads.remove(&count) else { continue };
            if self.told {
                println!("    {:>9.3} s {}", (time - START) as f64 / 1_000.0, event.told());
            }
            self.step(event)?;
        }
        Ok(())
    }

    fn drained(&self) -> Result<bool> {
        use deskbell_agent_core::view::EntryState::{Delivered, NeedsAttention};
        for written in &self.written {
            let entry = self.devices[written.device].queue.entry(written.id)?;
            if entry.is_none_or(|entry| !matches!(entry.state, Delivered | NeedsAttention)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn step(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Wake(device, alarm) if self.devices[device].alarm == alarm => self.begin(device),
            Event::Wake(..) => Ok(()),
            Event::Arrives(device, number, signed, request) => self.arrives(device, number, &signed, request),
            Event::Answer(device, number, answer) => self.answer(device, number, *answer),
            Event::Timeout(device, number) => {
                if self.devices[device].waits.as_ref().is_some_and(|waits| waits.0 == number) {
                    self.fails(device, Failure::NoAnswer)?;
                }
                Ok(())
            }
            Event::Write(device) => self.write(device),
            Event::Happens(kind) => self.happens(kind),
            Event::Heal => self.heal(),
        }
    }

    fn wake(&mut self, device: usize, time: Millis) {
        self.devices[device].alarm = self.count + 1;
        let alarm = self.devices[device].alarm;
        self.at(time, Event::Wake(device, alarm));
    }

    /// The next request of a device: an introduction where there was none.
    fn begin(&mut self, device: usize) -> Result<()> {
        let queue = &self.devices[device].queue;
        let request = if queue.is_introduced()? { Some(queue.request()?) } else { None };
        self.send(device, request);
        Ok(())
    }

    fn send(&mut self, device: usize, request: Option<SyncRequest>) {
        self.exchanges += 1;
        let number = self.count + 1;
        let sender = &mut self.devices[device];
        let created = (self.now + sender.ahead + sender.offset) / 1000;
        sender.set_back |= created < sender.signed_at;
        sender.signed_at = created;
        let key = sender.key;
        sender.waits = Some((number, request.clone()));
        sender.alarm = 0;
        let signed = Signed { key, nonce: self.chance.random(), created };
        self.at(self.now + PATIENCE, Event::Timeout(device, number));
        let request = request.map(Box::new);
        let faulty = self.faults.line && self.now < HEALED;
        if faulty && self.one_in(5) {
            // Cut off at once, or never heard of again; what was sent may still be on its way.
            if self.one_in(2) {
                let time = self.now + self.chance.random_range(1..SECOND);
                self.at(time, Event::Timeout(device, number));
            }
            if self.one_in(2) {
                return;
            }
        }
        let copies = if faulty && self.one_in(6) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = if faulty && self.one_in(4) { self.below(40 * SECOND) } else { 5 + self.below(200) };
            self.at(self.now + delay, Event::Arrives(device, number, signed.clone(), request.clone()));
        }
        if faulty && self.one_in(12) {
            self.at(self.now + 50, Event::Answer(device, number, Box::new(Answer::Page)));
        }
    }

    fn arrives(
        &mut self,
        device: usize,
        number: u64,
        signed: &Signed,
        request: Option<Box<SyncRequest>>,
    ) -> Result<()> {
        // The number is the count of events when it was sent.
        if self.now < self.down_until || number < self.restored_at {
            return Ok(());
        }
        let mut after = self.server.clone();
        let (commits, answer) = match &request {
            Some(request) => {
                let chance = self.chance.random_range(0..i64::MAX);
                let (commits, answer) = after.sync(signed, request, self.now, chance);
                (commits, Answer::Synced(answer))
            }
            None => {
                let id = Uuid::from_u128(self.chance.random());
                let answer = after.enrol(signed, CLIENT, self.now, id);
                (answer.is_ok(), Answer::Introduced(answer))
            }
        };
        let falls = self.faults.crashes && self.now < HEALED && self.one_in(15);
        let before_commit = falls && self.one_in(2);
        if commits && !before_commit {
            self.server = after;
        }
        if falls {
            self.down_until = self.now + self.below(20 * SECOND);
            return Ok(());
        }
        let faulty = self.faults.line && self.now < HEALED;
        if faulty && self.one_in(5) {
            return Ok(());
        }
        let delay = if faulty && self.one_in(4) { self.below(40 * SECOND) } else { 5 + self.below(200) };
        self.at(self.now + delay, Event::Answer(device, number, Box::new(answer)));
        Ok(())
    }

    fn answer(&mut self, device: usize, number: u64, answer: Answer) -> Result<()> {
        let now = self.now;
        // A connection that was given up hears nothing more.
        if self.devices[device].waits.as_ref().is_none_or(|waits| waits.0 != number) {
            return Ok(());
        }
        let Some((_, request)) = self.devices[device].waits.take() else { return Ok(()) };
        let falls = self.faults.crashes && now < HEALED && self.one_in(15);
        let survives = !falls || self.one_in(2);
        let receiver = &mut self.devices[device];
        let clock = now + receiver.ahead;
        let again = match (answer, &request) {
            (Answer::Synced(Ok(response)), Some(request)) => {
                let again = receiver.queue.answered(request, &response, clock, survives)?;
                (receiver.failures, receiver.skewed) = (0, false);
                Some(again)
            }
            (Answer::Introduced(Ok(enrolled)), None) => {
                receiver.queue.introduced(&enrolled, survives)?;
                receiver.skewed = false;
                Some(true)
            }
            (Answer::Synced(Err(body)) | Answer::Introduced(Err(body)), _) => {
                if let (ErrorCode::ClockSkew, Some(time), false) =
                    (body.code, body.details.server_time, receiver.skewed)
                {
                    // The offset is learned, and the request made once more.
                    (receiver.offset, receiver.skewed) = (time - clock, true);
                    self.send(device, request);
                    return Ok(());
                }
                receiver.skewed = false;
                receiver.waits = Some((number, request));
                return self.fails(device, Failure::Refused(body));
            }
            _ => {
                receiver.waits = Some((number, request));
                return self.fails(device, Failure::Unintelligible);
            }
        };
        if falls {
            return self.restart(device);
        }
        match again {
            Some(true) => self.wake(device, now),
            _ => {
                let poll = POLL * (75 + self.below(25)) / 100;
                self.wake(device, now + poll);
            }
        }
        self.note_attention(device)
    }

    fn restart(&mut self, device: usize) -> Result<()> {
        let begins = self.now + self.below(10 * SECOND);
        let device_ = &mut self.devices[device];
        device_.queue.restart();
        (device_.waits, device_.failures, device_.offset, device_.skewed) = (None, 0, 0, false);
        self.wake(device, begins);
        Ok(())
    }

    fn fails(&mut self, device: usize, failure: Failure) -> Result<()> {
        let fraction = self.chance.random_range(0..1_000) as f64 / 1_000.0;
        let now = self.now;
        let sender = &mut self.devices[device];
        let items = sender.waits.take().and_then(|waits| waits.1).map(|request| request.items).unwrap_or_default();
        if sender.queue.failed(failure.clone(), &items)? {
            self.wake(device, now);
            return Ok(());
        }
        sender.failures += 1;
        let wait = pause(failure, sender.failures, fraction);
        self.wake(device, now + i64::try_from(wait.as_millis())?);
        self.note_attention(device)
    }

    fn note_attention(&mut self, device: usize) -> Result<()> {
        if !(self.faults.people || self.faults.restore || self.faults.closing) {
            return Ok(());
        }
        for written in self.written.iter().filter(|written| written.device == device) {
            let entry = self.devices[device].queue.entry(written.id)?;
            if entry.is_some_and(|entry| entry.state == deskbell_agent_core::view::EntryState::NeedsAttention) {
                self.ever_attention.insert(written.id);
            }
        }
        Ok(())
    }

    /// Somebody writes a ticket, or to one of theirs that the server has.
    fn write(&mut self, device: usize) -> Result<()> {
        let id = Uuid::from_u128(self.chance.random());
        let text = format!("{}", self.chance.next_u64());
        let reply_to = self.own_ticket(device)?;
        let kind = self.below(10);
        let writer = &mut self.devices[device];
        let now = self.now + writer.ahead;
        let who = writer.queue.state()?.and_then(|state| state.confirmation).map(|person| person.requester_id);
        match (reply_to, who) {
            (Some(ticket), Some(author)) if kind < 7 => {
                let status = if kind == 0 { Some(Status::Resolved) } else { None };
                let said = text.clone();
                writer.queue.append(id, ticket, author, now, |sequence| match status {
                    Some(status) => OutboxItem::Status(NewStatus {
                        id: MessageId(id),
                        author,
                        ticket,
                        sequence,
                        status,
                        written_at: now,
                    }),
                    None => OutboxItem::Reply(NewReply {
                        id: MessageId(id),
                        author,
                        ticket,
                        sequence,
                        text: said,
                        attachments: Vec::new(),
                        written_at: now,
                    }),
                })?;
                let text = if status.is_some() { String::new() } else { text };
                self.written.push(Written { id, ticket, device, is_ticket: false, text });
            }
            _ => {
                let ticket = TicketId(id);
                writer.queue.write(new_ticket(ticket, &text, now), now)?;
                self.written.push(Written { id, ticket, device, is_ticket: true, text });
            }
        }
        // What is written is sent at once, unless a request is on its way.
        if self.devices[device].waits.is_none() {
            self.wake(device, self.now);
        }
        Ok(())
    }

    /// A ticket that this device knows to be received.
    fn own_ticket(&mut self, device: usize) -> Result<Option<TicketId>> {
        let mut known = Vec::new();
        for written in self.written.iter().filter(|written| written.device == device && written.is_ticket) {
            let entry = self.devices[device].queue.entry(written.id)?;
            if entry.is_some_and(|entry| entry.number.is_some()) {
                known.push(written.ticket);
            }
        }
        if known.is_empty() {
            return Ok(None);
        }
        let at = self.below(i64::try_from(known.len())?);
        Ok(known.get(usize::try_from(at)?).copied())
    }

    fn happens(&mut self, kind: u8) -> Result<()> {
        let device = usize::try_from(self.below(i64::try_from(self.devices.len())?))?;
        let (key, person) = (self.devices[device].key, self.devices[device].person);
        match kind {
            0 => self.everybody(),
            1 => return self.restart(device),
            2 => self.down_until = self.now + self.below(30 * SECOND),
            3 => self.snapshot = Some(self.server.clone()),
            4 => self.restore(),
            5 => self.server.confirm(key, None),
            6 => self.server.confirm(key, Some(RequesterId(Uuid::from_u128(900)))),
            7 => self.server.deactivate(person, true),
            8 => self.server.enable(key, false),
            9 => self.server.register(key, Registration::Revoked),
            10 => self.server.register(key, Registration::Accepted),
            11 => {
                let years = self.below(21) - 10;
                let step = [years * YEAR, -self.below(30 * SECOND), -self.below(10 * MINUTE)];
                let at = usize::try_from(self.below(3))?;
                self.devices[device].ahead += step[at];
            }
            _ => {
                let tickets: Vec<TicketId> = self.server.tickets.keys().copied().collect();
                let at = usize::try_from(self.below(i64::try_from(tickets.len())?))?;
                if let Some(ticket) = tickets.get(at).and_then(|id| self.server.tickets.get_mut(id)) {
                    ticket.status = Status::Closed;
                }
            }
        }
        Ok(())
    }

    /// Everybody's address is confirmed where they sit.
    fn everybody(&mut self) {
        for device in &self.devices {
            self.server.confirm(device.key, Some(device.person));
        }
    }

    fn restore(&mut self) {
        let Some(snapshot) = self.snapshot.take() else { return };
        let ids = |server: &Server| -> BTreeSet<Uuid> {
            let messages = server.tickets.values().flat_map(|ticket| ticket.messages.iter().map(|message| message.id));
            messages.chain(server.tickets.keys().map(|id| id.0)).collect()
        };
        self.gone.extend(ids(&self.server).difference(&ids(&snapshot)));
        self.server = snapshot;
        // It takes its time, and no request outlives it.
        self.restored_at = self.count;
        self.down_until = self.now + 3 * SECOND;
    }

    /// The line is good again, both sides run, and technicians have undone what was done to people.
    fn heal(&mut self) -> Result<()> {
        self.down_until = 0;
        for at in 0..self.devices.len() {
            let (key, person) = (self.devices[at].key, self.devices[at].person);
            self.server.deactivate(person, false);
            self.server.enable(key, true);
            self.server.register(key, Registration::Accepted);
            self.server.confirm(key, Some(person));
        }
        // Whoever introduces themselves only now is confirmed then.
        if self.devices.iter().any(|device| !self.server.installations.contains_key(&device.key)) {
            self.at(self.now + 90 * SECOND, Event::Heal);
        }
        Ok(())
    }

    pub(super) fn into_queues(self) -> Vec<Queue> {
        self.devices.into_iter().map(|device| device.queue).collect()
    }
}

fn new_ticket(id: TicketId, text: &str, now: Millis) -> NewTicket {
    NewTicket {
        id,
        author: RequesterId(Uuid::nil()),
        ticket_type: TicketType::Incident,
        subject: text.to_owned(),
        description: String::new(),
        can_work: None,
        affected: Affected::Me,
        attachments: Vec::new(),
        context: Context::default(),
        language: Language::En,
        written_at: now,
    }
}
