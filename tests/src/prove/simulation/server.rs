//! The server's side in memory: its tables as maps, and its own decisions. A request works on a copy, which
//! takes the place of the original where its transaction commits.

use std::collections::{BTreeMap, BTreeSet};

use deskbell_protocol::{
    Millis,
    device::{AgentState, Confirmation, Enrolled, Registration},
    error::{ErrorBody, ErrorCode, ErrorDetails},
    id::{ClientId, DeviceId, InstallationId, RequesterId, ServerId, TicketId},
    limits::CLOCK_WINDOW_SECONDS,
    sync::{OutboxItem, Outcome, Receipt, SyncRequest, SyncResponse},
    ticket::Status,
};
use deskbell_server::{
    auth::device::refusal,
    epochs,
    intake::{self, Author, Decision, Here, Known, Place},
    ticket_status,
};
use uuid::Uuid;

pub(super) type Key = u64;

#[derive(Clone, Debug)]
pub(super) struct Installation {
    id: InstallationId,
    pub(super) registration: Registration,
    pub(super) enabled: bool,
    pub(super) client: ClientId,
    pub(super) person: Option<RequesterId>,
    once: BTreeSet<RequesterId>,
    epoch: i64,
    epoch_before: i64,
    signed_at: i64,
    revision: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: Uuid,
    hash: String,
    pub(super) text: String,
    installation: InstallationId,
    sequence: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Ticket {
    author: RequesterId,
    hash: String,
    pub(super) subject: String,
    pub(super) status: Status,
    number: i64,
    pub(super) messages: Vec<Message>,
}

#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) client: ClientId,
    pub(super) deactivated: bool,
}

/// A request with what its signature says.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) key: Key,
    pub(super) nonce: u64,
    /// Seconds.
    pub(super) created: i64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    pub(super) installations: BTreeMap<Key, Installation>,
    pub(super) people: BTreeMap<RequesterId, Person>,
    pub(super) tickets: BTreeMap<TicketId, Ticket>,
    nonces: BTreeSet<(Key, u64)>,
    numbers: i64,
    /// Installations that were found to be two machines.
    pub(super) quarantined: BTreeSet<Key>,
    /// Ids that were stored though they were there.
    pub(super) twice: Vec<Uuid>,
}

type Answer<T> = Result<T, Box<ErrorBody>>;

fn refused<T>(code: ErrorCode, details: ErrorDetails) -> Answer<T> {
    Err(Box::new(ErrorBody { code, message: String::new(), details }))
}

impl Server {
    fn check(&mut self, signed: &Signed, now: Millis) -> Answer<()> {
        if (now / 1000 - signed.created).abs() > CLOCK_WINDOW_SECONDS {
            return refused(ErrorCode::ClockSkew, ErrorDetails { server_time: Some(now), ..ErrorDetails::default() });
        }
        Ok(())
    }

    fn spend(&mut self, signed: &Signed) -> Answer<()> {
        match self.nonces.insert((signed.key, signed.nonce)) {
            true => Ok(()),
            false => refused(ErrorCode::SignatureReplayed, ErrorDetails::default()),
        }
    }

    fn accepted(&self, key: Key) -> Answer<Installation> {
        let Some(installation) = self.installations.get(&key) else {
            return refused(ErrorCode::DeviceUnknown, ErrorDetails::default());
        };
        match refusal(installation.registration) {
            Some((code, _)) => refused(code, ErrorDetails::default()),
            None => Ok(installation.clone()),
        }
    }

    pub(super) fn enrol(&mut self, signed: &Signed, client: ClientId, now: Millis, id: Uuid) -> Answer<Enrolled> {
        self.check(signed, now)?;
        self.spend(signed)?;
        let new = Installation {
            id: InstallationId(id),
            registration: Registration::Accepted,
            enabled: true,
            client,
            person: None,
            once: BTreeSet::new(),
            epoch: 0,
            epoch_before: 0,
            signed_at: 0,
            revision: 1,
        };
        let known = self.installations.entry(signed.key).or_insert(new);
        if !epochs::begins_anew(known.signed_at, signed.created) {
            return refused(ErrorCode::Conflict, ErrorDetails::default());
        }
        (known.epoch, known.epoch_before, known.signed_at) = (0, 0, signed.created);
        let installation = self.accepted(signed.key)?;
        Ok(Enrolled {
            server_id: ServerId(Uuid::from_u128(1)),
            device_id: DeviceId(Uuid::from_u128(signed.key.into())),
            installation_id: installation.id,
            state: self.state(&installation),
        })
    }

    /// In the order of `api/agent/sync`. The first value says whether it commits.
    pub(super) fn sync(
        &mut self,
        signed: &Signed,
        request: &SyncRequest,
        now: Millis,
        chance: i64,
    ) -> (bool, Answer<SyncResponse>) {
        let begun = self.check(signed, now).and_then(|()| self.spend(signed)).and_then(|()| self.accepted(signed.key));
        let installation = match begun {
            Ok(installation) => installation,
            Err(body) => return (false, Err(body)),
        };
        if epochs::overtaken(installation.epoch, installation.signed_at, request.epoch, signed.created) {
            return (false, refused(ErrorCode::Conflict, ErrorDetails::default()));
        }
        let next = epochs::next(installation.epoch, installation.epoch_before, request.epoch, chance % epochs::CHANCE);
        let Some(row) = self.installations.get_mut(&signed.key) else {
            return (false, refused(ErrorCode::Internal, ErrorDetails::default()));
        };
        let Some((epoch, before)) = next else {
            row.registration = Registration::Quarantined;
            self.quarantined.insert(signed.key);
            return (true, refused(ErrorCode::DeviceQuarantined, ErrorDetails::default()));
        };
        (row.epoch, row.epoch_before, row.signed_at) = (epoch, before, signed.created);
        let receipts = request
            .items
            .iter()
            .map(|item| Receipt { id: item.id(), outcome: self.take(&installation, item, now) })
            .collect();
        let state = self.state(&installation);
        (
            true,
            Ok(SyncResponse { server_time: now, epoch, state, receipts, tickets: Vec::new(), cursor: 0, more: false }),
        )
    }

    fn state(&self, installation: &Installation) -> AgentState {
        AgentState {
            registration: installation.registration,
            enabled: installation.enabled,
            revision: installation.revision,
            organization: String::new(),
            client: String::new(),
            domains: Vec::new(),
            confirmation: installation.person.map(|requester_id| Confirmation {
                requester_id,
                name: String::new(),
                email: String::new(),
                confirmed_at: 0,
                vouched: false,
            }),
            settings: Vec::new(),
        }
    }

    /// As `api/agent/ingest` does it, with maps in the place of tables.
    fn take(&mut self, installation: &Installation, item: &OutboxItem, now: Millis) -> Outcome {
        let hash = intake::content_hash(item);
        let decision = intake::decide(item, &hash, &self.known(installation, item));
        match decision {
            Decision::Not(outcome) => outcome,
            Decision::Again => self.receipt(item, now),
            Decision::Store => {
                if self.stored(item).is_some() {
                    self.twice.push(item.id());
                }
                self.store(installation, item, hash);
                self.receipt(item, now)
            }
        }
    }

    fn receipt(&self, item: &OutboxItem, now: Millis) -> Outcome {
        let number = self.tickets.get(&item.ticket()).map_or(0, |ticket| ticket.number);
        Outcome::Accepted { number, received_at: now, missing: Vec::new() }
    }

    fn stored(&self, item: &OutboxItem) -> Option<String> {
        match item {
            OutboxItem::Ticket(new) => self.tickets.get(&new.id).map(|ticket| ticket.hash.clone()),
            _ => {
                let messages = self.tickets.values().flat_map(|ticket| &ticket.messages);
                messages.into_iter().find(|message| message.id == item.id()).map(|message| message.hash.clone())
            }
        }
    }

    fn known(&self, installation: &Installation, item: &OutboxItem) -> Known {
        let here = Here { client: installation.client, enabled: installation.enabled, person: installation.person };
        let by = intake::author(item);
        let once = installation.once.contains(&by).then(|| self.people.get(&by)).flatten();
        let author = once.map(|person| Author { client: person.client, deactivated: person.deactivated });
        let own = self.tickets.get(&item.ticket()).filter(|ticket| ticket.author == by);
        let place = own.map(|ticket| {
            let mine = ticket.messages.iter().filter(|message| message.installation == installation.id);
            Place { status: ticket.status, last: mine.map(|message| message.sequence).max().unwrap_or(0) }
        });
        Known { stored: self.stored(item), here, author, place }
    }

    fn store(&mut self, installation: &Installation, item: &OutboxItem, hash: String) {
        let (status, sequence, text) = match item {
            OutboxItem::Ticket(new) => {
                self.numbers += 1;
                let (subject, number) = (new.subject.clone(), self.numbers);
                let ticket =
                    Ticket { author: new.author, hash, subject, status: Status::Open, number, messages: Vec::new() };
                self.tickets.insert(new.id, ticket);
                return;
            }
            OutboxItem::Reply(reply) => (None, reply.sequence, reply.text.clone()),
            OutboxItem::Status(new) => (Some(new.status), new.sequence, String::new()),
        };
        let Some(ticket) = self.tickets.get_mut(&item.ticket()) else { return };
        let after = ticket_status::after_reply(deskbell_protocol::conversation::AuthorKind::Requester, ticket.status);
        ticket.status = status.unwrap_or(after);
        let message = Message { id: item.id(), hash, text, installation: installation.id, sequence: sequence.into() };
        ticket.messages.push(message);
    }

    /// A person is confirmed at an installation, or nobody is any more.
    pub(super) fn confirm(&mut self, key: Key, person: Option<RequesterId>) {
        if let Some(row) = self.installations.get_mut(&key) {
            row.person = person;
            row.once.extend(person);
            row.revision += 1;
        }
    }

    pub(super) fn enable(&mut self, key: Key, enabled: bool) {
        if let Some(row) = self.installations.get_mut(&key) {
            row.enabled = enabled;
            row.revision += 1;
        }
    }

    /// A technician takes the installation for what it says it is: its next epoch is the current one.
    pub(super) fn register(&mut self, key: Key, registration: Registration) {
        if let Some(row) = self.installations.get_mut(&key) {
            if registration == Registration::Accepted && row.registration != Registration::Accepted {
                (row.epoch, row.epoch_before) = (epochs::ANY, epochs::ANY);
            }
            row.registration = registration;
            row.revision += 1;
        }
    }

    pub(super) fn deactivate(&mut self, person: RequesterId, deactivated: bool) {
        if let Some(row) = self.people.get_mut(&person) {
            row.deactivated = deactivated;
        }
        if deactivated {
            for row in self.installations.values_mut().filter(|row| row.person == Some(person)) {
                row.person = None;
                row.revision += 1;
            }
        }
    }
}
