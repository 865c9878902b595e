//! Settings that are sent to agents, for a client or for everybody.

use axum::extract::State;
use deskbell_protocol::{
    Millis,
    error::{ErrorBody, ErrorCode},
    id::ClientId,
    settings::{SENDABLE, Sendable, VALUE_CHARS},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    App,
    auth::technician::{Admin, Technician},
    clock,
    db::{
        self, Scope, Tx,
        agent_settings::{self, AgentSetting},
        history::{self, Entry},
        live_events::{self, Concerned, ConsoleEvent},
    },
    error::{ApiError, ApiResult},
    extract::{Json, Path},
};

/// One setting at one level.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LevelSetting {
    pub name: String,
    /// What it may be; any text where there are none.
    pub words: Vec<String>,
    /// What this level says.
    pub own: Option<SetValue>,
    /// What holds where this level says nothing: the organization's. Absent for the organization itself.
    pub inherited: Option<SetValue>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SetValue {
    pub value: String,
    /// The person may not set another.
    pub locked: bool,
    pub by: String,
    pub at: Millis,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct SettingChange {
    name: String,
    /// Null: this level says nothing of it any more.
    value: Option<String>,
    #[serde(default)]
    locked: bool,
}

#[utoipa::path(get, path = "/api/console/v1/clients/{id}/agent-settings", tag = "console", params(("id" = ClientId, Path)),
    responses((status = 200, body = Vec<LevelSetting>), (status = 404, body = ErrorBody)))]
pub async fn of_client(
    State(app): State<App>,
    technician: Technician,
    Path(id): Path<ClientId>,
) -> ApiResult<Json<Vec<LevelSetting>>> {
    let mut tx = app.db.read().await?;
    db::clients::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    Ok(Json(view(&mut tx, Some(id)).await?))
}

/// Sets one of them for the devices of a client.
#[utoipa::path(put, path = "/api/console/v1/clients/{id}/agent-settings", tag = "console", params(("id" = ClientId, Path)),
    request_body = SettingChange, responses(
        (status = 200, body = Vec<LevelSetting>), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody),
    ))]
pub async fn set_for_client(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<ClientId>,
    Json(change): Json<SettingChange>,
) -> ApiResult<Json<Vec<LevelSetting>>> {
    checked(&change)?;
    let now = app.now();
    let mut tx = app.db.write().await?;
    db::clients::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    live_events::state_changed(&mut tx, Concerned::Client(id), now).await?;
    set(&mut tx, &technician, Some(id), change, now).await?;
    live_events::to_consoles(&mut tx, &ConsoleEvent::Client { id }, now).await?;
    let settings = view(&mut tx, Some(id)).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(settings))
}

#[utoipa::path(get, path = "/api/console/v1/organization/agent-settings", tag = "console",
    responses((status = 200, body = Vec<LevelSetting>)))]
pub async fn of_organization(State(app): State<App>, _: Technician) -> ApiResult<Json<Vec<LevelSetting>>> {
    Ok(Json(view(&mut app.db.read().await?, None).await?))
}

/// Sets one of them for every device whose client says nothing of it.
#[utoipa::path(put, path = "/api/console/v1/organization/agent-settings", tag = "console",
    request_body = SettingChange, responses((status = 200, body = Vec<LevelSetting>), (status = 422, body = ErrorBody)))]
pub async fn set_for_organization(
    State(app): State<App>,
    Admin(technician): Admin,
    Json(change): Json<SettingChange>,
) -> ApiResult<Json<Vec<LevelSetting>>> {
    checked(&change)?;
    let now = app.now();
    let mut tx = app.db.write().await?;
    live_events::state_changed(&mut tx, Concerned::All, now).await?;
    set(&mut tx, &technician, None, change, now).await?;
    for client in db::clients::list(&mut tx, Scope::All, "").await? {
        live_events::to_consoles(&mut tx, &ConsoleEvent::Client { id: client.id.0 }, now).await?;
    }
    let settings = view(&mut tx, None).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(settings))
}

fn checked(change: &SettingChange) -> ApiResult<()> {
    let sendable =
        Sendable::of(&change.name).ok_or_else(|| ApiError::field(ErrorCode::Malformed, "name", VALUE_CHARS))?;
    match &change.value {
        Some(value) if !sendable.takes(value) => Err(ApiError::field(ErrorCode::SettingInvalid, "value", VALUE_CHARS)),
        _ => Ok(()),
    }
}

async fn set(
    tx: &mut Tx,
    technician: &Technician,
    client: Option<ClientId>,
    change: SettingChange,
    now: Millis,
) -> sqlx::Result<()> {
    let level = if client.is_some() { "client" } else { "organization" };
    let detail = json!({ "level": level, "name": &change.name, "to": &change.value, "locked": change.locked });
    match change.value {
        Some(value) => {
            let (name, set_by) = (change.name, technician.row.name.clone());
            let setting = AgentSetting { name, value, locked: change.locked, set_by, set_at: now };
            agent_settings::put(tx, clock::new_id(now), client, &setting).await?;
        }
        None => agent_settings::remove(tx, client, &change.name).await?,
    }
    let (id, actor, action) = (clock::new_id(now), technician.actor(), "agent_settings.changed");
    history::add(tx, Entry { id, at: now, actor: &actor, action, client, device: None, ticket: None, detail }).await
}

async fn view(tx: &mut Tx, client: Option<ClientId>) -> sqlx::Result<Vec<LevelSetting>> {
    let own = agent_settings::of(tx, client).await?;
    let above = if client.is_some() { agent_settings::of(tx, None).await? } else { Vec::new() };
    let find = |rows: &[AgentSetting], name: &str| {
        let row = rows.iter().find(|row| row.name == name)?.clone();
        Some(SetValue { value: row.value, locked: row.locked, by: row.set_by, at: row.set_at })
    };
    let one = |sendable: &Sendable| LevelSetting {
        name: sendable.name.to_owned(),
        words: sendable.words.iter().map(|word| (*word).to_owned()).collect(),
        own: find(&own, sendable.name),
        inherited: find(&above, sendable.name),
    };
    Ok(SENDABLE.iter().map(one).collect())
}
