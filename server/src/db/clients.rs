//! Companies that the organization supports, and their e-mail domains.

use deskbell_protocol::{Millis, id::ClientId};

use super::{Scope, Text, Tx};
use crate::{row, sql};

row! {
    #[derive(Clone, Debug)]
    pub struct Client {
        pub id: Text<ClientId>,
        pub name: String,
        pub enablement: Option<bool>,
        pub enablement_by: Option<String>,
        pub enablement_at: Option<Millis>,
        pub created_at: Millis,
        pub devices: i64,
        pub people: i64,
        pub active_tickets: i64,
    }
}

const SELECT: &str = "select c.id, c.name, c.enablement, c.enablement_by, c.enablement_at, c.created_at,
    (select count(*) from devices d where d.client_id = c.id and d.removed_at is null) as devices,
    (select count(*) from requesters r where r.client_id = c.id and r.deactivated_at is null) as people,
    (select count(*) from tickets t where t.client_id = c.id and t.status not in ('resolved', 'closed')) as active_tickets
    from clients c";

pub async fn insert(tx: &mut Tx, id: ClientId, name: &str, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx, "insert into clients (id, name, name_key, created_at) values ($1, $2, $3, $4)",
        Text(id), name, name.to_lowercase(), now
    )?;
    Ok(())
}

pub async fn rename(tx: &mut Tx, id: ClientId, name: &str) -> sqlx::Result<()> {
    sql!(execute tx, "update clients set name = $2, name_key = $3 where id = $1", Text(id), name, name.to_lowercase())?;
    Ok(())
}

pub async fn find(tx: &mut Tx, scope: Scope, id: ClientId) -> sqlx::Result<Option<Client>> {
    sql!(
        optional tx, Client, format!("{SELECT} where c.id = $1 and ($2 = '' or c.id = $2)"), Text(id), scope.bind()
    )
}

/// By name; `query` is part of it, or empty.
pub async fn list(tx: &mut Tx, scope: Scope, query: &str) -> sqlx::Result<Vec<Client>> {
    sql!(
        all tx, Client,
        format!("{SELECT} where ($1 = '' or c.id = $1) and c.name_key like $2 order by c.name_key"),
        scope.bind(), super::contains(query)
    )
}

/// Each client with its active tickets, by name.
pub async fn active_tickets(tx: &mut Tx, scope: Scope) -> sqlx::Result<Vec<(Text<ClientId>, String, i64)>> {
    sql!(
        all tx, (Text<ClientId>, String, i64),
        "select c.id, c.name, (select count(*) from tickets t where t.client_id = c.id
                               and t.status not in ('resolved', 'closed'))
         from clients c where ($1 = '' or c.id = $1) order by c.name_key",
        scope.bind()
    )
}

pub async fn domains(tx: &mut Tx, id: ClientId) -> sqlx::Result<Vec<String>> {
    let rows: Vec<(String,)> =
        sql!(all tx, (String,), "select domain from client_domains where client_id = $1 order by domain", Text(id))?;
    Ok(rows.into_iter().map(|(domain,)| domain).collect())
}

pub async fn set_domains(tx: &mut Tx, id: ClientId, domains: &[String]) -> sqlx::Result<()> {
    sql!(execute tx, "delete from client_domains where client_id = $1", Text(id))?;
    for domain in domains {
        sql!(execute tx, "insert into client_domains (domain, client_id) values ($1, $2)", domain, Text(id))?;
    }
    Ok(())
}

pub async fn set_enablement(
    tx: &mut Tx,
    id: ClientId,
    enabled: Option<bool>,
    by: &str,
    now: Millis,
) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "update clients set enablement = $2, enablement_by = $3, enablement_at = $4 where id = $1",
        Text(id), enabled, by, now
    )?;
    Ok(())
}

/// Forgets the choices of a client's devices, so that they follow the client.
pub async fn clear_device_choices(tx: &mut Tx, id: ClientId) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "update devices set enablement = null, enablement_by = null, enablement_at = null where client_id = $1",
        Text(id)
    )?;
    Ok(())
}
