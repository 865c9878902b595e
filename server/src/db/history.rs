//! Who did what, when. Rows are only ever added.

use deskbell_protocol::{
    Millis,
    id::{ClientId, DeviceId, TechnicianId, TicketId},
};
use uuid::Uuid;

use super::{Text, Tx};
use crate::{row, sql};

/// Who did it.
#[derive(Clone, Debug)]
pub enum Actor {
    Technician {
        id: TechnicianId,
        name: String,
    },
    /// A person at a device.
    Requester {
        id: String,
        name: String,
    },
    /// A device, by its name.
    Device {
        id: DeviceId,
        name: String,
    },
    System,
}

/// One entry to be written. `detail` is a JSON object without personal data beyond what it is about.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub id: Uuid,
    pub at: Millis,
    pub actor: &'a Actor,
    /// For example `enablement.changed`.
    pub action: &'a str,
    pub client: Option<ClientId>,
    pub device: Option<DeviceId>,
    pub ticket: Option<TicketId>,
    pub detail: serde_json::Value,
}

row! {
    #[derive(Clone, Debug)]
    pub struct HistoryRow {
        pub id: String,
        pub at: Millis,
        pub actor_kind: String,
        pub actor_name: String,
        pub action: String,
        pub detail: String,
    }
}

pub async fn add(tx: &mut Tx, entry: Entry<'_>) -> sqlx::Result<()> {
    let (kind, actor_id, name) = match entry.actor {
        Actor::Technician { id, name } => ("technician", Some(id.to_string()), name.as_str()),
        Actor::Requester { id, name } => ("requester", Some(id.clone()), name.as_str()),
        Actor::Device { id, name } => ("device", Some(id.to_string()), name.as_str()),
        Actor::System => ("system", None, "Deskbell"),
    };
    sql!(
        execute tx,
        "insert into history (id, at, actor_kind, actor_id, actor_name, action, client_id, device_id, ticket_id, detail)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        entry.id.to_string(), entry.at, kind, actor_id.clone(), name, entry.action, entry.client.map(Text),
        entry.device.map(Text), entry.ticket.map(Text), entry.detail.to_string()
    )?;
    Ok(())
}

const SELECT: &str = "select id, at, actor_kind, actor_name, action, detail from history";

/// The newest 100 entries that concern a device, its client's enablement among them.
pub async fn of_device(tx: &mut Tx, device: DeviceId, client: ClientId) -> sqlx::Result<Vec<HistoryRow>> {
    sql!(
        all tx, HistoryRow,
        format!("{SELECT} where device_id = $1 or (client_id = $2 and device_id is null and ticket_id is null
                 and action = 'enablement.changed') order by at desc, id desc limit 100"),
        Text(device), Text(client)
    )
}

/// The newest 100 entries of a client that concern no ticket.
pub async fn of_client(tx: &mut Tx, client: ClientId) -> sqlx::Result<Vec<HistoryRow>> {
    sql!(
        all tx, HistoryRow,
        format!("{SELECT} where client_id = $1 and ticket_id is null order by at desc, id desc limit 100"), Text(client)
    )
}
