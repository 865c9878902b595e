//! Clients.

use std::collections::HashMap;

use axum::{extract::State, http::StatusCode};
use deskbell_protocol::{
    Millis,
    error::{ErrorBody, ErrorCode},
    id::ClientId,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    App,
    api::agent::confirmation::name,
    auth::technician::{Admin, Technician},
    clock,
    db::{
        Scope, Tx, clients, devices,
        history::{self, Entry},
        live_events::{self, ConsoleEvent},
    },
    error::{ApiError, ApiResult},
    extract::{Json, Path, Query},
};

/// Domains of one client.
const DOMAINS: usize = 50;

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Client {
    pub id: ClientId,
    pub name: String,
    /// A confirmed address has to be of one of them; any, where there is none.
    pub domains: Vec<String>,
    /// The client's own decision; null where the organization's holds.
    pub enablement: Option<bool>,
    pub created_at: Millis,
    pub devices: i64,
    pub active_tickets: i64,
    pub people: i64,
    pub rollout: Rollout,
}

/// How far the agent has come to a client's devices.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Rollout {
    pub enabled_by: Option<DecidedBy>,
    pub total: i64,
    pub active: i64,
    pub waiting: i64,
    pub failed: i64,
    pub off: i64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DecidedBy {
    pub name: String,
    pub at: Millis,
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Search {
    #[serde(default)]
    q: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewClient {
    name: String,
    #[serde(default)]
    domains: Vec<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct ClientChange {
    name: Option<String>,
    domains: Option<Vec<String>>,
}

pub(super) async fn view(tx: &mut Tx, scope: Scope, id: ClientId) -> ApiResult<Client> {
    let row = clients::find(tx, scope, id).await?.ok_or_else(ApiError::not_found)?;
    let rollouts = devices::rollouts(tx, Scope::Client(id)).await?;
    complete(tx, row, &rollouts).await
}

async fn complete(
    tx: &mut Tx,
    row: clients::Client,
    rollouts: &HashMap<ClientId, devices::Rollout>,
) -> ApiResult<Client> {
    let devices::Rollout { total, active, waiting, failed, off } = rollouts.get(&row.id.0).copied().unwrap_or_default();
    let enabled_by =
        row.enablement.and(row.enablement_by.zip(row.enablement_at)).map(|(name, at)| DecidedBy { name, at });
    let rollout = Rollout { enabled_by, total, active, waiting, failed, off };
    Ok(Client {
        id: row.id.0,
        name: row.name,
        domains: clients::domains(tx, row.id.0).await?,
        enablement: row.enablement,
        created_at: row.created_at,
        devices: row.devices,
        active_tickets: row.active_tickets,
        people: row.people,
        rollout,
    })
}

/// All clients, by name.
#[utoipa::path(get, path = "/api/console/v1/clients", tag = "console", params(Search), responses((status = 200, body = Vec<Client>)))]
pub async fn list(
    State(app): State<App>,
    technician: Technician,
    Query(search): Query<Search>,
) -> ApiResult<Json<Vec<Client>>> {
    let mut tx = app.db.read().await?;
    let mut found = Vec::new();
    let rollouts = devices::rollouts(&mut tx, technician.scope()).await?;
    for row in clients::list(&mut tx, technician.scope(), &search.q).await? {
        found.push(complete(&mut tx, row, &rollouts).await?);
    }
    Ok(Json(found))
}

#[utoipa::path(get, path = "/api/console/v1/clients/{id}", tag = "console", params(("id" = ClientId, Path)), responses(
    (status = 200, body = Client), (status = 404, body = ErrorBody),
))]
pub async fn get(State(app): State<App>, technician: Technician, Path(id): Path<ClientId>) -> ApiResult<Json<Client>> {
    let mut tx = app.db.read().await?;
    Ok(Json(view(&mut tx, technician.scope(), id).await?))
}

#[utoipa::path(post, path = "/api/console/v1/clients", tag = "console", request_body = NewClient, responses(
    (status = 201, body = Client),
    (status = 409, body = ErrorBody, description = "The name or a domain is taken."),
    (status = 422, body = ErrorBody),
))]
pub async fn create(
    State(app): State<App>,
    Admin(technician): Admin,
    Json(new): Json<NewClient>,
) -> ApiResult<(StatusCode, Json<Client>)> {
    let now = app.now();
    let (name, domains) = (name(&new.name)?, domains(&new.domains)?);
    let id = ClientId(clock::new_id(now));
    let mut tx = app.db.write().await?;
    clients::insert(&mut tx, id, &name, now).await?;
    clients::set_domains(&mut tx, id, &domains).await?;
    note(&mut tx, &technician, id, "client.created", json!({ "name": name }), now).await?;
    let client = view(&mut tx, Scope::All, id).await?;
    tx.commit().await?;
    app.committed();
    Ok((StatusCode::CREATED, Json(client)))
}

#[utoipa::path(patch, path = "/api/console/v1/clients/{id}", tag = "console", params(("id" = ClientId, Path)),
    request_body = ClientChange, responses((status = 200, body = Client), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn change(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<ClientId>,
    Json(change): Json<ClientChange>,
) -> ApiResult<Json<Client>> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    view(&mut tx, technician.scope(), id).await?;
    if let Some(typed) = &change.name {
        clients::rename(&mut tx, id, &name(typed)?).await?;
    }
    if let Some(typed) = &change.domains {
        clients::set_domains(&mut tx, id, &domains(typed)?).await?;
        live_events::state_changed(&mut tx, live_events::Concerned::Client(id), now).await?;
    }
    note(&mut tx, &technician, id, "client.changed", json!({}), now).await?;
    let client = view(&mut tx, Scope::All, id).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(client))
}

async fn note(
    tx: &mut Tx,
    technician: &Technician,
    client: ClientId,
    action: &str,
    detail: serde_json::Value,
    now: Millis,
) -> sqlx::Result<()> {
    let id = clock::new_id(now);
    let actor = technician.actor();
    let entry = Entry { id, at: now, actor: &actor, action, client: Some(client), device: None, ticket: None, detail };
    history::add(tx, entry).await?;
    live_events::to_consoles(tx, &ConsoleEvent::Client { id: client }, now).await
}

/// Domains in lower case, each once. Free-mail domains are nobody's.
fn domains(typed: &[String]) -> ApiResult<Vec<String>> {
    let mut domains: Vec<String> = typed
        .iter()
        .map(|domain| domain.trim().trim_start_matches('@').to_lowercase())
        .filter(|domain| !domain.is_empty())
        .collect();
    domains.sort();
    domains.dedup();
    let valid =
        |domain: &String| domain.contains('.') && format!("someone@{domain}").parse::<lettre::Address>().is_ok();
    if domains.len() > DOMAINS || !domains.iter().all(valid) {
        return Err(ApiError::field(ErrorCode::DomainInvalid, "domains", DOMAINS));
    }
    Ok(domains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_read_as_people_type_them() {
        let typed = [" @Example.org ".to_owned(), "example.org".to_owned(), String::new()];
        assert_eq!(domains(&typed).unwrap(), ["example.org"]);
        assert!(domains(&["not a domain".to_owned()]).is_err());
        assert!(domains(&["localhost".to_owned()]).is_err());
    }
}
