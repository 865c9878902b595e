//! Employees of clients.

use deskbell_protocol::{
    Millis,
    id::{ClientId, RequesterId},
    ticket::Language,
};

use super::{Scope, Text, Tx};
use crate::{db::installations::Installation, intake, row, sql};

row! {
    #[derive(Clone, Debug)]
    pub struct Requester {
        pub id: Text<RequesterId>,
        pub client_id: Text<ClientId>,
        pub email: String,
        pub name: String,
        pub language: Text<Language>,
        pub deactivated_at: Option<Millis>,
        /// Installations at which they are confirmed.
        pub devices: i64,
        pub active_tickets: i64,
    }
}

const SELECT: &str = "select r.id, r.client_id, r.email, r.name, r.language, r.deactivated_at,
    (select count(*) from installations i where i.requester_id = r.id) as devices,
    (select count(*) from tickets t where t.requester_id = r.id and t.status not in ('resolved', 'closed')) as active_tickets
    from requesters r";

/// Who proved this mailbox: the known requester, with their name as it was typed last, or a new one.
pub async fn confirm(
    tx: &mut Tx,
    new_id: RequesterId,
    client: ClientId,
    email: &str,
    name: &str,
    language: Language,
    now: Millis,
) -> sqlx::Result<RequesterId> {
    let (id,): (Text<RequesterId>,) = sql!(
        one tx, (Text<RequesterId>,),
        "insert into requesters (id, client_id, email, name, name_key, language, created_at)
         values ($1, $2, $3, $4, $7, $5, $6)
         on conflict (client_id, email) do update
         set name = excluded.name, name_key = excluded.name_key, language = excluded.language returning id",
        Text(new_id), Text(client), email, name, Text(language), now, name.to_lowercase()
    )?;
    Ok(id.0)
}

pub async fn find(tx: &mut Tx, scope: Scope, id: RequesterId) -> sqlx::Result<Option<Requester>> {
    sql!(
        optional tx, Requester, format!("{SELECT} where r.id = $1 and ($2 = '' or r.client_id = $2)"),
        Text(id), scope.bind()
    )
}

/// Where this person was confirmed at this installation once: their client, and whether their access has ended.
pub async fn once_confirmed(
    tx: &mut Tx,
    id: RequesterId,
    installation: &Installation,
) -> sqlx::Result<Option<intake::Author>> {
    let row: Option<(Text<ClientId>, Option<Millis>)> = sql!(
        optional tx, (Text<ClientId>, Option<Millis>),
        "select r.client_id, r.deactivated_at from requesters r where r.id = $1 and exists (
            select 1 from history h where h.device_id = $2 and h.action in ('person.confirmed', 'person.vouched')
            and h.detail like $3 and (h.actor_id = $1 or h.detail like $4))",
        Text(id), installation.device_id, super::contains(&installation.id.to_string()), super::contains(&id.to_string())
    )?;
    Ok(row.map(|(client, ended)| intake::Author { client: client.0, deactivated: ended.is_some() }))
}

row! {
    /// Whom a mail goes to, and what it says of its sender.
    #[derive(Clone, Debug)]
    pub struct Addressee {
        pub email: String,
        pub name: String,
        pub language: Text<Language>,
        pub deactivated_at: Option<Millis>,
        pub organization_name: Option<String>,
    }
}

pub async fn addressee(tx: &mut Tx, id: RequesterId) -> sqlx::Result<Option<Addressee>> {
    sql!(
        optional tx, Addressee,
        "select r.email, r.name, r.language, r.deactivated_at, o.name as organization_name
         from requesters r cross join organization o where r.id = $1",
        Text(id)
    )
}

pub async fn by_email(tx: &mut Tx, client: ClientId, email: &str) -> sqlx::Result<Option<Requester>> {
    sql!(optional tx, Requester, format!("{SELECT} where r.client_id = $1 and r.email = $2"), Text(client), email)
}

pub async fn of_client(tx: &mut Tx, client: ClientId) -> sqlx::Result<Vec<Requester>> {
    sql!(all tx, Requester, format!("{SELECT} where r.client_id = $1 order by r.name, r.email"), Text(client))
}

pub async fn set_deactivated(tx: &mut Tx, id: RequesterId, at: Option<Millis>) -> sqlx::Result<()> {
    sql!(execute tx, "update requesters set deactivated_at = $2 where id = $1", Text(id), at)?;
    Ok(())
}
