//! Settings that are sent to agents: a client's, and the organization's for every client.

use deskbell_protocol::{Millis, id::ClientId, settings::SentSetting};
use uuid::Uuid;

use super::{Text, Tx};
use crate::{row, sql};

row! {
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AgentSetting {
        pub name: String,
        pub value: String,
        pub locked: bool,
        pub set_by: String,
        pub set_at: Millis,
    }
}

/// What one level has set; without a client the organization's.
pub async fn of(tx: &mut Tx, client: Option<ClientId>) -> sqlx::Result<Vec<AgentSetting>> {
    sql!(
        all tx, AgentSetting,
        "select name, value, locked, set_by, set_at from agent_settings
         where coalesce(client_id, '') = $1 order by name",
        level(client)
    )
}

/// Has one level say something, or nothing any more.
pub async fn put(tx: &mut Tx, id: Uuid, client: Option<ClientId>, setting: &AgentSetting) -> sqlx::Result<()> {
    remove(tx, client, &setting.name).await?;
    sql!(
        execute tx,
        "insert into agent_settings (id, client_id, name, value, locked, set_by, set_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id.to_string(), client.map(Text), &setting.name, &setting.value, setting.locked, &setting.set_by, setting.set_at
    )?;
    Ok(())
}

pub async fn remove(tx: &mut Tx, client: Option<ClientId>, name: &str) -> sqlx::Result<()> {
    sql!(
        execute tx, "delete from agent_settings where coalesce(client_id, '') = $1 and name = $2", level(client), name
    )?;
    Ok(())
}

/// What the agents of a client are told with every answer: its e-mail domains, and its settings, or the
/// organization's where it says nothing.
pub async fn told(tx: &mut Tx, client: ClientId) -> sqlx::Result<(Vec<String>, Vec<SentSetting>)> {
    let rows: Vec<(String, Option<String>, bool)> = sql!(
        all tx, (String, Option<String>, bool),
        "select domain, null, false from client_domains where client_id = $1
         union all select name, value, locked from agent_settings s
         where client_id = $1 or client_id is null and not exists (
             select 1 from agent_settings own where own.client_id = $1 and own.name = s.name)
         order by 1",
        Text(client)
    )?;
    let (mut domains, mut settings) = (Vec::new(), Vec::new());
    for (name, value, locked) in rows {
        match value {
            Some(value) => settings.push(SentSetting { name, value, locked }),
            None => domains.push(name),
        }
    }
    Ok((domains, settings))
}

fn level(client: Option<ClientId>) -> String {
    client.map_or_else(String::new, |client| client.to_string())
}
