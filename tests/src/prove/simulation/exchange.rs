//! Requests and answers on a line that misbehaves, between two sides that fall over.

use anyhow::Result;
use deskbell_agent_core::simulate::{Failure, pause};
use deskbell_protocol::{error::ErrorCode, sync::SyncRequest};
use rand::Rng;
use uuid::Uuid;

use super::{
    agenda::{Answer, Event},
    server::Signed,
    world::{CLIENT, HEALED, MINUTE, SECOND, World},
};

/// How long an agent waits for an answer.
const PATIENCE: i64 = 30 * SECOND;
const POLL: i64 = MINUTE;

impl World {
    /// The next request of a device: an introduction where there was none.
    pub(super) fn begin(&mut self, device: usize) -> Result<()> {
        let queue = &self.devices[device].queue;
        let request = if queue.is_introduced()? { Some(queue.request()?) } else { None };
        self.send(device, request);
        Ok(())
    }

    fn send(&mut self, device: usize, request: Option<SyncRequest>) {
        self.exchanges += 1;
        let number = self.agenda.count() + 1;
        let sender = &mut self.devices[device];
        let created = (self.now + sender.ahead + sender.offset) / 1000;
        sender.set_back |= created < sender.signed_at;
        sender.signed_at = created;
        let key = sender.key;
        sender.waits = Some((number, request.clone()));
        sender.alarm = 0;
        let signed = Signed { key, nonce: self.chance.random(), created };
        self.agenda.at(self.now + PATIENCE, Event::Timeout(device, number));
        let request = request.map(Box::new);
        let faulty = self.faults.line && self.now < HEALED;
        if faulty && self.one_in(5) {
            // Cut off at once, or never heard of again; what was sent may still be on its way.
            if self.one_in(2) {
                let time = self.now + self.chance.random_range(1..SECOND);
                self.agenda.at(time, Event::Timeout(device, number));
            }
            if self.one_in(2) {
                return;
            }
        }
        let copies = if faulty && self.one_in(6) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = if faulty && self.one_in(4) { self.below(40 * SECOND) } else { 5 + self.below(200) };
            self.agenda.at(self.now + delay, Event::Arrives(device, number, signed.clone(), request.clone()));
        }
        if faulty && self.one_in(12) {
            self.agenda.at(self.now + 50, Event::Answer(device, number, Box::new(Answer::Page)));
        }
    }

    pub(super) fn arrives(
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
        self.agenda.at(self.now + delay, Event::Answer(device, number, Box::new(answer)));
        Ok(())
    }

    pub(super) fn answer(&mut self, device: usize, number: u64, answer: Answer) -> Result<()> {
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

    pub(super) fn restart(&mut self, device: usize) -> Result<()> {
        let begins = self.now + self.below(10 * SECOND);
        let device_ = &mut self.devices[device];
        device_.queue.restart();
        (device_.waits, device_.failures, device_.offset, device_.skewed) = (None, 0, 0, false);
        self.wake(device, begins);
        Ok(())
    }

    pub(super) fn fails(&mut self, device: usize, failure: Failure) -> Result<()> {
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
}
