//! One history under virtual time: devices that write and sync, a line that misbehaves, two sides that fall
//! over, technicians who change things. All of it follows from the seed.

use std::collections::BTreeSet;

use anyhow::Result;
use deskbell_agent_core::simulate::{Failure, Queue};
use deskbell_protocol::{
    Millis,
    id::{ClientId, RequesterId},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use super::{
    agenda::{Agenda, Event},
    device::Device,
    server::Server,
    writing::Written,
};

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
/// 2026-01-01.
pub(super) const START: Millis = 1_767_225_600_000;
/// Faults end then.
pub(super) const HEALED: Millis = START + 3 * MINUTE;
/// Everything has to be delivered by then.
const BOUND: Millis = HEALED + 10 * MINUTE;
pub(super) const CLIENT: ClientId = ClientId(Uuid::from_u128(500));

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

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) chance: StdRng,
    pub(super) faults: Faults,
    pub(super) now: Millis,
    pub(super) agenda: Agenda,
    pub(super) server: Server,
    pub(super) snapshot: Option<Server>,
    pub(super) down_until: Millis,
    /// The count of events at the last restore.
    pub(super) restored_at: u64,
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
        for (at, queue) in queues.into_iter().enumerate() {
            let person = RequesterId(Uuid::from_u128(700 + u128::try_from(at)?));
            server.people.insert(person, super::server::Person { client: CLIENT, deactivated: false });
            devices.push(Device::new(queue, u64::try_from(at)? + 1, person)?);
        }
        let mut world = Self {
            seed,
            chance,
            faults,
            now: START,
            agenda: Agenda::default(),
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

    pub(super) fn below(&mut self, end: i64) -> i64 {
        self.chance.random_range(0..end.max(1))
    }

    pub(super) fn one_in(&mut self, times: i64) -> bool {
        self.below(times) == 0
    }

    /// Runs it to its end.
    pub(super) fn run(&mut self) -> Result<()> {
        while let Some(time) = self.agenda.next() {
            if time > BOUND || (time > HEALED + MINUTE && self.drained()?) {
                break;
            }
            self.now = time;
            let Some(event) = self.agenda.pop() else { continue };
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

    pub(super) fn into_queues(self) -> Vec<Queue> {
        self.devices.into_iter().map(|device| device.queue).collect()
    }
}
