//! What live connections are told. The rows are the truth; waking the servers ([`super::Db::wake_others`]) is only a
//! hint.

use deskbell_protocol::{
    Millis,
    device::Registration,
    id::{ClientId, DeviceId, InstallationId, RequesterId, TicketId},
    sync::AgentEvent,
};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use super::{Scope, Text, Tx, read_all};
use crate::{row, sql};

/// What a console is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ConsoleEvent {
    Ticket { id: TicketId, client: ClientId },
    Device { id: DeviceId, client: ClientId },
    Client { id: ClientId },
}

row! {
    #[derive(Clone, Debug)]
    pub struct LiveEvent {
        pub id: i64,
        pub client_id: Option<Text<ClientId>>,
        /// For this installation; absent: for consoles.
        pub installation_id: Option<Text<InstallationId>>,
        /// Of that installation, at the time of reading.
        pub registration: Option<Text<Registration>>,
        pub event: String,
    }
}

pub async fn to_consoles(tx: &mut Tx, event: &ConsoleEvent, now: Millis) -> sqlx::Result<()> {
    let client = match event {
        ConsoleEvent::Ticket { client, .. } | ConsoleEvent::Device { client, .. } => *client,
        ConsoleEvent::Client { id } => *id,
    };
    sql!(
        execute tx, "insert into live_events (at, audience, client_id, event) values ($1, 'console', $2, $3)",
        now, Text(client), json(event)
    )?;
    Ok(())
}

/// Tells consoles of a ticket, and every installation at which its requester is confirmed.
pub async fn of_ticket(
    tx: &mut Tx,
    client: ClientId,
    ticket: TicketId,
    requester: RequesterId,
    now: Millis,
) -> sqlx::Result<()> {
    let (console, agent) = (ConsoleEvent::Ticket { id: ticket, client }, AgentEvent::Ticket { id: ticket });
    sql!(
        execute tx,
        "insert into live_events (at, audience, client_id, installation_id, event)
         select $1, 'console', $2, null, $3 where $4 <> ''
         union all select $1, 'agent', client_id, id, $5 from installations where requester_id = $4",
        now, Text(client), json(&console), Text(requester), json(&agent)
    )?;
    Ok(())
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
        format!("insert into live_events (at, audience, client_id, installation_id, event)
                 select $2, 'agent', client_id, id, $3 from installations where registration = $4 and {condition}"),
        &id, now, json(&AgentEvent::State), Text(Registration::Accepted)
    )?;
    Ok(())
}

const SELECT: &str = "select e.id, e.client_id, e.installation_id, i.registration, e.event from live_events e
    left join installations i on i.id = e.installation_id";

/// Events with higher ids than this one, in their order, and those of `missing` that have come since. SQLite's one
/// writer leaves nothing out.
pub async fn after(tx: &mut Tx, id: i64, missing: &[i64]) -> sqlx::Result<Vec<LiveEvent>> {
    match tx {
        Tx::Sqlite(tx) => tx.all(&format!("{SELECT} where e.id > $1 order by e.id"), rusqlite::params![id]),
        Tx::Postgres(tx) => {
            let which = "where e.id > $1 or e.id = any($2) order by e.id";
            let rows = sqlx::query(AssertSqlSafe(format!("{SELECT} {which}"))).bind(id).bind(missing);
            read_all(&rows.fetch_all(&mut **tx).await?)
        }
    }
}

/// The ids of what was written from one time until before another, in their order.
pub async fn ids_between(tx: &mut Tx, from: Millis, until: Millis) -> sqlx::Result<Vec<i64>> {
    let rows: Vec<(i64,)> =
        sql!(all tx, (i64,), "select id from live_events where at >= $1 and at < $2 order by id", from, until)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The highest id that was written before a time; 0 where there is none.
pub async fn newest_before(tx: &mut Tx, at: Millis) -> sqlx::Result<i64> {
    let (newest,): (Option<i64>,) = sql!(one tx, (Option<i64>,), "select max(id) from live_events where at < $1", at)?;
    Ok(newest.unwrap_or(0))
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
