//! Devices: who they are, whether the agent is on there, and why.

use axum::{extract::State, http::StatusCode};
use deskbell_protocol::{
    Millis,
    device::Registration,
    error::{ErrorBody, ErrorCode},
    id::{ClientId, DeviceId},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Named, Page,
    installations::{self, Installation},
    tickets::TicketRow,
    versions::Newest,
};
use crate::{
    App,
    api::agent::confirmation::name,
    auth::technician::{Admin, Technician},
    clock,
    db::{
        Scope, Tx, clients, devices,
        history::{self, Entry},
        installations as rows, live_events,
        live_events::{Concerned, ConsoleEvent},
        tickets,
    },
    enablement::{Delivery, Level},
    error::{ApiError, ApiResult},
    extract::{Json, Path, Query},
    words::Wanted,
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeviceRow {
    pub id: DeviceId,
    pub name: String,
    pub client: Named<ClientId>,
    /// For people, for example `Windows 11 Pro 23H2`.
    pub os: String,
    pub ip: Option<String>,
    /// Who is signed in to the computer.
    pub user: Option<String>,
    pub online: bool,
    pub last_seen_at: Option<Millis>,
    pub agent: AgentSummary,
    pub agent_version: Option<String>,
    /// The newer version that it is to have; absent where it is not behind.
    pub newer: Option<String>,
}

/// What is decided for a device's agent, and whether it has heard.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AgentSummary {
    pub wanted: bool,
    pub delivery: Delivery,
    pub registration: Registration,
    pub decided_by: Level,
    /// Why it cannot be used fully although it is on.
    pub reason: Option<AgentReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentReason {
    /// Another program holds the hotkey.
    HotkeyTaken,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Devices {
    pub devices: Vec<DeviceRow>,
    /// How many there are on all pages.
    pub total: usize,
    /// How many of those that are searched for run an older version than they are to.
    pub behind: usize,
    /// The cursor of the next page.
    pub next: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Device {
    #[serde(flatten)]
    pub row: DeviceRow,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub platform: String,
    pub enrolled_at: Millis,
    /// The name of the key that introduced it.
    pub enrolled_with: Option<String>,
    pub why: Why,
    pub installations: Vec<Installation>,
    pub active_tickets: i64,
}

/// Why the agent is on or off here.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Why {
    pub enabled: bool,
    pub decides: Level,
    /// From the general to the special.
    pub levels: Vec<LevelChoice>,
    /// What would hold if the device had no choice of its own.
    pub without_device_choice: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LevelChoice {
    pub level: Level,
    pub name: String,
    /// Null: this level leaves it to the one before.
    pub choice: Option<bool>,
    pub by: Option<String>,
    pub at: Option<Millis>,
}

/// Which devices a list shows by their agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentFilter {
    /// On, and the device has heard.
    Active,
    Waiting,
    Failed,
    Off,
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Search {
    client: Option<ClientId>,
    #[serde(default)]
    q: String,
    agent: Option<AgentFilter>,
    /// Only those whose version is older than it is to be.
    #[serde(default)]
    behind: bool,
    cursor: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct Move {
    client: ClientId,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct Rename {
    name: String,
}

/// What the console says of a device's agent.
#[must_use]
pub fn agent(device: &devices::Device) -> AgentSummary {
    let (wanted, decided_by) = device.choices.decide();
    let (delivery, registration) = if device.accepted == 0 && device.failed > 0 {
        (Delivery::Failed, Registration::Revoked)
    } else if device.waiting > 0 || device.accepted == 0 {
        (Delivery::Waiting, Registration::Accepted)
    } else {
        (Delivery::Active, Registration::Accepted)
    };
    let reason = (wanted && device.hotkey_taken > 0).then_some(AgentReason::HotkeyTaken);
    AgentSummary { wanted, delivery, registration, decided_by, reason }
}

fn row(device: &devices::Device, newest: &Newest, now: Millis) -> DeviceRow {
    DeviceRow {
        id: device.id.0,
        name: device.name.clone(),
        client: Named { id: device.client_id.0, name: device.client_name.clone() },
        os: device.os.clone(),
        ip: device.ip.clone(),
        user: device.os_user.clone(),
        online: device.online_until.is_some_and(|until| until > now),
        last_seen_at: device.last_seen_at,
        agent: agent(device),
        agent_version: device.agent_version.clone(),
        newer: newest.newer_than(&device.platform, device.agent_version.as_deref()),
    }
}

fn shows(filter: AgentFilter, agent: &AgentSummary) -> bool {
    match filter {
        AgentFilter::Active => agent.wanted && agent.delivery == Delivery::Active,
        AgentFilter::Waiting => agent.delivery == Delivery::Waiting,
        AgentFilter::Failed => agent.delivery == Delivery::Failed,
        AgentFilter::Off => !agent.wanted && agent.delivery == Delivery::Active,
    }
}

fn why(device: &devices::Device, organization: crate::db::organization::Organization) -> Why {
    let (enabled, decides) = device.choices.decide();
    let mut levels = vec![
        LevelChoice {
            level: Level::Organization,
            name: organization.name.unwrap_or_default(),
            choice: Some(device.choices.organization_choice),
            by: organization.enablement_by,
            at: organization.enablement_at,
        },
        LevelChoice {
            level: Level::Client,
            name: device.client_name.clone(),
            choice: device.choices.client_choice,
            by: device.client_by.clone(),
            at: device.client_at,
        },
    ];
    if let Some(name) = device.site_name.clone() {
        let (choice, by, at) = (device.choices.site_choice, device.site_by.clone(), device.site_at);
        levels.push(LevelChoice { level: Level::Site, name, choice, by, at });
    }
    levels.push(LevelChoice {
        level: Level::Device,
        name: device.name.clone(),
        choice: device.choices.device_choice,
        by: device.device_by.clone(),
        at: device.device_at,
    });
    Why { enabled, decides, levels, without_device_choice: device.choices.without_device() }
}

pub(super) async fn view(app: &App, tx: &mut Tx, scope: Scope, id: DeviceId, now: Millis) -> ApiResult<Device> {
    let device = devices::find(tx, scope, id).await?.ok_or_else(ApiError::not_found)?;
    let organization = crate::db::organization::find(tx).await?.ok_or_else(ApiError::not_found)?;
    let mut installed = Vec::new();
    for installation in rows::of_device(tx, id).await? {
        installed.push(installations::complete(tx, &installation, now).await?);
    }
    Ok(Device {
        row: row(&device, &Newest::read(app, tx, scope).await?, now),
        why: why(&device, organization),
        model: device.model,
        serial: device.serial,
        platform: device.platform,
        enrolled_at: device.created_at,
        enrolled_with: device.enrolled_with,
        installations: installed,
        active_tickets: device.active_tickets,
    })
}

/// One page of devices, by name.
#[utoipa::path(get, path = "/api/console/v1/devices", tag = "console", params(Search), responses((status = 200, body = Devices)))]
pub async fn list(
    State(app): State<App>,
    technician: Technician,
    Query(search): Query<Search>,
) -> ApiResult<Json<Devices>> {
    let now = app.now();
    let page = Page::new(search.cursor.as_deref(), search.limit)?;
    let mut tx = app.db.read().await?;
    let found = devices::list(&mut tx, technician.scope(), search.client, &search.q).await?;
    let newest = Newest::read(&app, &mut tx, technician.scope()).await?;
    let mut rows: Vec<DeviceRow> = found
        .iter()
        .map(|device| row(device, &newest, now))
        .filter(|row| search.agent.is_none_or(|filter| shows(filter, &row.agent)))
        .collect();
    let behind = rows.iter().filter(|row| row.newer.is_some()).count();
    rows.retain(|row| !search.behind || row.newer.is_some());
    let total = rows.len();
    let devices: Vec<DeviceRow> = rows.into_iter().skip(page.offset).take(page.limit).collect();
    let next = page.next(devices.len(), total);
    Ok(Json(Devices { devices, total, behind, next }))
}

#[utoipa::path(get, path = "/api/console/v1/devices/{id}", tag = "console", params(("id" = DeviceId, Path)),
    responses((status = 200, body = Device), (status = 404, body = ErrorBody)))]
pub async fn get(State(app): State<App>, technician: Technician, Path(id): Path<DeviceId>) -> ApiResult<Json<Device>> {
    let mut tx = app.db.read().await?;
    Ok(Json(view(&app, &mut tx, technician.scope(), id, app.now()).await?))
}

/// The tickets that came from a device, last change first.
#[utoipa::path(get, path = "/api/console/v1/devices/{id}/tickets", tag = "console", params(("id" = DeviceId, Path)),
    responses((status = 200, body = Vec<TicketRow>), (status = 404, body = ErrorBody)))]
pub async fn tickets(
    State(app): State<App>,
    technician: Technician,
    Path(id): Path<DeviceId>,
) -> ApiResult<Json<Vec<TicketRow>>> {
    let mut tx = app.db.read().await?;
    devices::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let filter = tickets::Filter {
        view: tickets::View::All,
        technician: technician.id(),
        scope: technician.scope(),
        client: None,
        device: Some(id),
        wanted: Wanted::Any,
    };
    let found = tickets::list(&mut tx, &filter, &tickets::Place::start(), 50).await?;
    Ok(Json(found.lines.iter().map(TicketRow::from).collect()))
}

/// Gives a device a name that its host name no longer replaces.
#[utoipa::path(patch, path = "/api/console/v1/devices/{id}", tag = "console", params(("id" = DeviceId, Path)),
    request_body = Rename, responses((status = 200, body = Device), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn rename(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<DeviceId>,
    Json(change): Json<Rename>,
) -> ApiResult<Json<Device>> {
    let (now, name) = (app.now(), name(&change.name)?);
    let mut tx = app.db.write().await?;
    let device = devices::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    devices::rename(&mut tx, id, &name).await?;
    note(&mut tx, &technician, &device, "device.renamed", json!({ "from": device.name, "to": name }), now).await?;
    let device = view(&app, &mut tx, technician.scope(), id, now).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(device))
}

/// Moves a device to another client. Whoever is confirmed there has to prove their address again:
/// they are another client's person.
#[utoipa::path(post, path = "/api/console/v1/devices/{id}/move", tag = "console", params(("id" = DeviceId, Path)),
    request_body = Move, responses((status = 200, body = Device), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn move_to(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<DeviceId>,
    Json(to): Json<Move>,
) -> ApiResult<Json<Device>> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    let device = devices::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let client = clients::find(&mut tx, technician.scope(), to.client).await?.ok_or_else(ApiError::not_found)?;
    if device.client_id.0 == to.client {
        return Err(ApiError::conflict(ErrorCode::Conflict, "the device belongs to this client already"));
    }
    let detail = json!({ "from": device.client_name, "to": client.name });
    note(&mut tx, &technician, &device, "device.moved", detail.clone(), now).await?;
    rows::move_to(&mut tx, id, to.client).await?;
    live_events::state_changed(&mut tx, Concerned::Device(id), now).await?;
    devices::move_to(&mut tx, id, to.client).await?;
    let moved = devices::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    note(&mut tx, &technician, &moved, "device.moved", detail, now).await?;
    let device = view(&app, &mut tx, technician.scope(), id, now).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(device))
}

/// Removes a device and revokes its keys. Its tickets stay.
#[utoipa::path(delete, path = "/api/console/v1/devices/{id}", tag = "console", params(("id" = DeviceId, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub async fn remove(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<DeviceId>,
) -> ApiResult<StatusCode> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    let device = devices::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    live_events::state_changed(&mut tx, Concerned::Device(id), now).await?;
    devices::remove(&mut tx, id, now).await?;
    note(&mut tx, &technician, &device, "device.removed", json!({ "name": device.name }), now).await?;
    tx.commit().await?;
    app.committed();
    Ok(StatusCode::NO_CONTENT)
}

/// Writes into a device's history, and tells consoles.
pub(super) async fn note(
    tx: &mut Tx,
    technician: &Technician,
    device: &devices::Device,
    action: &str,
    detail: serde_json::Value,
    now: Millis,
) -> sqlx::Result<()> {
    let (id, client) = (device.id.0, device.client_id.0);
    let actor = technician.actor();
    let entry = Entry {
        id: clock::new_id(now),
        at: now,
        actor: &actor,
        action,
        client: Some(client),
        device: Some(id),
        ticket: None,
        detail,
    };
    history::add(tx, entry).await?;
    live_events::to_consoles(tx, &ConsoleEvent::Device { id, client }, now).await
}
