//! What happens to a history beside its exchanges, and when.

use std::collections::BTreeSet;

use anyhow::Result;
use deskbell_protocol::{
    device::Registration,
    id::{RequesterId, TicketId},
    ticket::Status,
};
use uuid::Uuid;

use super::{
    agenda::Event,
    server::Server,
    world::{HEALED, MINUTE, SECOND, START, World},
};

const YEAR: i64 = 365 * 24 * 60 * MINUTE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    EverybodyIsConfirmed,
    AgentFalls,
    ServerFalls,
    /// What a later restore brings back.
    Backup,
    Restore,
    PersonLeaves,
    SomebodyElseComes,
    PersonIsDeactivated,
    AgentIsDisabled,
    DeviceIsRevoked,
    DeviceIsAccepted,
    ClockIsSet,
    TicketIsClosed,
}

impl World {
    /// Who writes what when, and what goes wrong when.
    pub(super) fn plan(&mut self) {
        for device in 0..self.devices.len() {
            let time = START + self.below(5 * SECOND);
            self.wake(device, time);
            for _ in 0..2 + self.below(4) {
                let time = START + self.below(HEALED - START);
                self.agenda.at(time, Event::Write(device));
            }
        }
        for (_, happenings) in self.possible().into_iter().filter(|possible| possible.0) {
            for happening in happenings {
                let first = *happening == Happening::EverybodyIsConfirmed;
                let time = START + if first { 2 * SECOND } else { self.below(HEALED - START) };
                self.agenda.at(time, Event::Happens(*happening));
            }
        }
        self.agenda.at(HEALED, Event::Heal);
    }

    /// What may happen in this history, in the order in which chance gives the times.
    fn possible(&self) -> [(bool, &'static [Happening]); 7] {
        use Happening::{
            AgentFalls, AgentIsDisabled, Backup, ClockIsSet, DeviceIsAccepted, DeviceIsRevoked, EverybodyIsConfirmed,
            PersonIsDeactivated, PersonLeaves, Restore, ServerFalls, SomebodyElseComes, TicketIsClosed,
        };
        let faults = self.faults;
        [
            (true, &[EverybodyIsConfirmed]),
            (faults.crashes, &[AgentFalls, ServerFalls]),
            (faults.restore, &[Backup, Restore]),
            (faults.people, &[PersonLeaves, SomebodyElseComes, PersonIsDeactivated]),
            (faults.registration, &[AgentIsDisabled, DeviceIsRevoked, DeviceIsAccepted]),
            (faults.clocks, &[ClockIsSet]),
            (faults.closing, &[TicketIsClosed]),
        ]
    }

    pub(super) fn happens(&mut self, happening: Happening) -> Result<()> {
        let device = usize::try_from(self.below(i64::try_from(self.devices.len())?))?;
        let (key, person) = (self.devices[device].key, self.devices[device].person);
        match happening {
            Happening::EverybodyIsConfirmed => self.everybody(),
            Happening::AgentFalls => return self.restart(device),
            Happening::ServerFalls => self.down_until = self.now + self.below(30 * SECOND),
            Happening::Backup => self.snapshot = Some(self.server.clone()),
            Happening::Restore => self.restore(),
            Happening::PersonLeaves => self.server.confirm(key, None),
            Happening::SomebodyElseComes => self.server.confirm(key, Some(RequesterId(Uuid::from_u128(900)))),
            Happening::PersonIsDeactivated => self.server.deactivate(person, true),
            Happening::AgentIsDisabled => self.server.enable(key, false),
            Happening::DeviceIsRevoked => self.server.register(key, Registration::Revoked),
            Happening::DeviceIsAccepted => self.server.register(key, Registration::Accepted),
            Happening::ClockIsSet => {
                let years = self.below(21) - 10;
                let step = [years * YEAR, -self.below(30 * SECOND), -self.below(10 * MINUTE)];
                let at = usize::try_from(self.below(3))?;
                self.devices[device].ahead += step[at];
            }
            Happening::TicketIsClosed => {
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
        self.restored_at = self.agenda.count();
        self.down_until = self.now + 3 * SECOND;
    }

    /// The line is good again, both sides run, and technicians have undone what was done to people.
    pub(super) fn heal(&mut self) -> Result<()> {
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
            self.agenda.at(self.now + 90 * SECOND, Event::Heal);
        }
        Ok(())
    }
}
