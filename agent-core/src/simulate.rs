//! The agent's queue and its exchanges without threads, keys and a line: what the simulation of the proofs
//! runs under virtual time. Each function is the agent's own, over a queue in memory; only what carries
//! requests to and fro is another.

use std::time::Duration;

use deskbell_protocol::{
    Millis,
    device::{AgentState, DeviceFacts, Enrolled, HotkeyState},
    error::ErrorBody,
    id::{RequesterId, TicketId},
    sync::{OutboxItem, SyncRequest, SyncResponse},
    ticket::{Language, NewTicket},
};
use rusqlite::Connection;
use uuid::Uuid;

use crate::{
    agent,
    http::HttpError,
    store::{self, outbox, settings},
    sync::{self, Round, Said},
    view::OutboxEntry,
    worker::{self, Fault},
};

pub use crate::store::StoreError;
// What the fuzzers try: the name of a file as a person's computer gives it.
pub use crate::agent::attachment::plain_name;

/// How an exchange failed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The server's own words.
    Refused(Box<ErrorBody>),
    /// Something that answers, and is not the server.
    Unintelligible,
    NoAnswer,
}

impl From<Failure> for HttpError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(body) => Self::Refused(body),
            Failure::Unintelligible => Self::Unintelligible("simulation".to_owned()),
            Failure::NoAnswer => Self::TimedOut("simulation".to_owned()),
        }
    }
}

/// An agent's queue in memory, and the round of exchanges that it is in.
pub struct Queue {
    connection: Connection,
    round: Round,
}

impl Queue {
    /// # Errors
    /// Where SQLite fails.
    pub fn open() -> Result<Self, StoreError> {
        Ok(Self { connection: store::in_memory()?, round: Round::default() })
    }

    /// As it was when it was opened: making a new one takes longer.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn empty(&mut self) -> Result<(), StoreError> {
        self.round = Round::default();
        let tables = ["settings", "outbox_files", "outbox", "sequences", "tickets"];
        let deletions: String = tables.iter().map(|table| format!("delete from {table};")).collect();
        Ok(self.connection.execute_batch(&format!("begin; {deletions} commit"))?)
    }

    /// Writes a ticket, as *Send* does.
    ///
    /// # Errors
    /// Where SQLite fails: it is not saved then.
    pub fn write(&mut self, ticket: NewTicket, now: Millis) -> Result<(), StoreError> {
        self.commit(true, |connection| outbox::keep(connection, agent::form::queued(ticket, &[], now)).map(drop))
    }

    /// Writes a reply or a status change, which gets its place in the ticket.
    ///
    /// # Errors
    /// Where SQLite fails: it is not saved then.
    pub fn append(
        &mut self,
        id: Uuid,
        ticket: TicketId,
        author: RequesterId,
        now: Millis,
        item: impl FnOnce(u32) -> OutboxItem,
    ) -> Result<(), StoreError> {
        self.commit(true, |connection| outbox::append(connection, id, ticket, author, Vec::new(), now, item).map(drop))
    }

    /// The program begins anew, with what is on the disk.
    pub fn restart(&mut self) {
        self.round = Round::default();
    }

    /// The next request of this round.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn request(&self) -> Result<SyncRequest, StoreError> {
        let said = Said { hotkey: HotkeyState::Registered, language: Language::En, facts: DeviceFacts::default() };
        sync::request(&self.connection, &said, &self.round.skip, self.round.size)
    }

    /// Takes an answer, and says whether the round goes on. Where the program `survives` the moment before
    /// the commit is the caller's to say.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn answered(
        &mut self,
        request: &SyncRequest,
        response: &SyncResponse,
        now: Millis,
        survives: bool,
    ) -> Result<bool, StoreError> {
        let mut again = self.round.answered(request, response);
        let culprits = std::mem::take(&mut self.round.culprits);
        let effects =
            self.commit(survives, |connection| sync::settle(connection, &request.items, response, culprits, now))?;
        again |= self.round.moved(&effects);
        if !again {
            self.round = Round::default();
        }
        Ok(again)
    }

    /// Takes a failure: whether the round goes on with fewer items. Otherwise the fault is noted.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn failed(&mut self, failure: Failure, items: &[OutboxItem]) -> Result<bool, StoreError> {
        let error = HttpError::from(failure);
        if self.round.failed(&error, items).is_some() {
            return Ok(true);
        }
        self.round = Round::default();
        let code = error.code();
        self.commit(true, |connection| worker::kept_out(connection, code).map(drop))?;
        Ok(false)
    }

    /// Takes the answer to an introduction.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn introduced(&mut self, enrolled: &Enrolled, survives: bool) -> Result<(), StoreError> {
        self.commit(survives, |connection| worker::let_in(connection, enrolled).map(drop))
    }

    /// A person gives a new enrolment key where the old one is kept out: a new key is made. Says whether it is.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn renew_key(&mut self) -> Result<bool, StoreError> {
        settings::set(&self.connection, "key_account", &"key")?;
        let tx = self.connection.transaction()?;
        let forgotten = worker::forget_refused_key(&tx)?.is_some();
        tx.commit()?;
        Ok(forgotten)
    }

    /// Whether it has to introduce itself first.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn is_introduced(&self) -> Result<bool, StoreError> {
        Ok(settings::get::<Uuid>(&self.connection, "installation")?.is_some())
    }

    /// What the server decided last, as far as it is known here.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn state(&self) -> Result<Option<AgentState>, StoreError> {
        settings::get(&self.connection, "state")
    }

    /// # Errors
    /// Where SQLite fails.
    pub fn entry(&self, id: Uuid) -> Result<Option<OutboxEntry>, StoreError> {
        Ok(outbox::find(&self.connection, id)?.map(|entry| entry.view()))
    }

    fn commit<T>(
        &mut self,
        survives: bool,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tx = self.connection.transaction()?;
        let done = work(&tx)?;
        if survives {
            tx.commit()?
        } else {
            tx.rollback()?
        }
        Ok(done)
    }
}

/// How long the agent waits after so many failures in a row. `fraction` is random, from 0 to 1.
#[must_use]
pub fn pause(failure: Failure, failures: u32, fraction: f64) -> Duration {
    worker::pause(&Fault::Http(failure.into()), failures, fraction)
}
