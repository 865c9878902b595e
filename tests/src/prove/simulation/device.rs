//! One device of a history: the agent's own queue, its clock, and what it waits for.

use anyhow::Result;
use deskbell_agent_core::simulate::Queue;
use deskbell_protocol::{Millis, id::RequesterId, sync::SyncRequest};

use super::{agenda::Event, server::Key, world::World};

pub(super) struct Device {
    pub(super) queue: Queue,
    pub(super) key: Key,
    pub(super) person: RequesterId,
    /// What its clock is ahead.
    pub(super) ahead: i64,
    /// What it knows of that.
    pub(super) offset: i64,
    pub(super) failures: u32,
    /// The request that it waits for, by its number.
    pub(super) waits: Option<(u64, Option<SyncRequest>)>,
    /// The wake-up that counts.
    pub(super) alarm: u64,
    pub(super) skewed: bool,
    /// When its last request was signed.
    pub(super) signed_at: i64,
    /// Whether one of its requests was signed earlier than the one before it.
    pub(super) set_back: bool,
}

impl Device {
    /// One that nobody has introduced yet.
    pub(super) fn new(mut queue: Queue, key: Key, person: RequesterId) -> Result<Self> {
        queue.empty()?;
        let (ahead, offset, failures) = (0, 0, 0);
        let (waits, alarm, skewed, signed_at, set_back) = (None, 0, false, 0, false);
        Ok(Self { queue, key, person, ahead, offset, failures, waits, alarm, skewed, signed_at, set_back })
    }
}

impl World {
    pub(super) fn wake(&mut self, device: usize, time: Millis) {
        self.devices[device].alarm = self.agenda.count() + 1;
        let alarm = self.devices[device].alarm;
        self.agenda.at(time, Event::Wake(device, alarm));
    }
}
