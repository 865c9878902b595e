//! What live connections are told. The rows are the truth; waking the servers is only a hint.

use deskbell_protocol::{
    Millis,
    device::Registration,
    id::{ClientId, DeviceId, InstallationId, TicketId},
    sync::AgentEvent,
};
use serde::{Deserialize, Serialize};

use super::{Scope, Text, Tx};
use crate::sql;

/// What a console is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ConsoleEvent {
    Ticket { id: TicketId, client: ClientId },
    Device { id: DeviceId, client: ClientId },
    Client { id: ClientId },
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LiveEvent {
    pub id: i64,
    pub client_id: Option<Text<ClientId>>,
    /// For this installation; absent: for consoles.
    pub installation_id: Option<Text<InstallationId>>,
    pub event: String,
}

pub async fn to_consoles(tx: &mut Tx, event: &ConsoleEvent, now: Millis) -> sqlx::Result<()> {
    let client = match event {
        ConsoleEvent::Ticket { client, .. } | ConsoleEvent::Device { client, .. } => *client,
        ConsoleEvent::Client { id } => *id,
    };
    sql!(
        execute tx,
        "insert into live_events (at, audience, client_id, event) values ($1, 'console', $2, $3)",
        now, Text(client), json(event)
    )?;
    tx.notify_live().await
}

/// Tells every accepted installation at which this requester is confirmed.
pub async fn to_requester(tx: &mut Tx, requester: &str, event: &AgentEvent, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "insert into live_events (at, audience, client_id, installation_id, event)
         select $1, 'agent', client_id, id, $2 from installations where requester_id = $3",
        now, json(event), requester
    )?;
    tx.notify_live().await
}

/// Whose state changes.
#[derive(Clone, Copy, Debug)]
pub enum Concerned {
    All,
    Client(ClientId),
    Device(DeviceId),
    Installation(InstallationId),
}

/// The state of these installations changed: their revision grows, and they are told.
pub async fn state_changed(tx: &mut Tx, concerned: Concerned, now: Millis) -> sqlx::Result<()> {
    let (condition, id) = match concerned {
        Concerned::All => ("$1 = ''", String::new()),
        Concerned::Client(id) => ("client_id = $1", id.to_string()),
        Concerned::Device(id) => ("device_id = $1", id.to_string()),
        Concerned::Installation(id) => ("id = $1", id.to_string()),
    };
    sql!(execute tx, format!("update installations set revision = revision + 1 where {condition}"), &id)?;
    sql!(
        execute tx,
        format!(
            "insert into live_events (at, audience, client_id, installation_id, event)
             select $2, 'agent', client_id, id, $3 from installations where registration = $4 and {condition}"
        ),
        &id, now, json(&AgentEvent::State), Text(Registration::Accepted)
    )?;
    tx.notify_live().await
}

/// Events since a time, oldest first. Ids commit out of order on PostgreSQL, so a reader asks for a
/// stretch of time again and leaves out what it has seen.
pub async fn since(tx: &mut Tx, at: Millis) -> sqlx::Result<Vec<LiveEvent>> {
    sql!(
        all tx, LiveEvent,
        "select id, client_id, installation_id, event from live_events where at >= $1 order by id", at
    )
}

pub async fn prune(tx: &mut Tx, before: Millis) -> sqlx::Result<u64> {
    sql!(execute tx, "delete from live_events where at < $1", before)
}

impl LiveEvent {
    /// Whether a console with this scope may hear of it.
    #[must_use]
    pub fn for_console(&self, scope: Scope) -> bool {
        self.installation_id.is_none() && self.client_id.is_some_and(|client| scope.includes(client.0))
    }
}

fn json(event: &impl Serialize) -> String {
    serde_json::to_string(event).expect("an event is plain data")
}
