//! Turning the agent on and off: for the organization, a client, a device, or a selection.

use axum::extract::State;
use deskbell_protocol::{
    Millis,
    error::{ErrorBody, ErrorCode},
    id::{ClientId, DeviceId},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    clients::{self, Client},
    devices::{self, Device},
};
use crate::{
    App,
    auth::technician::{Admin, Technician},
    clock,
    db::{
        self, Scope, Tx,
        history::{self, Entry},
        live_events::{self, Concerned, ConsoleEvent},
    },
    enablement::Choices,
    error::{ApiError, ApiResult},
    extract::{Json, Path},
};

/// Devices of one bulk action.
const BULK: usize = 5_000;
const CHANGED: &str = "enablement.changed";

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
pub struct Choice {
    /// Null takes the choice back: the level before decides again.
    enabled: Option<bool>,
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
pub struct ClientChoice {
    enabled: Option<bool>,
    /// Also takes back what single devices of the client have chosen.
    #[serde(default)]
    include_device_choices: bool,
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
pub struct OrganizationChoice {
    enabled: bool,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct BulkChoice {
    devices: Vec<DeviceId>,
    enabled: Option<bool>,
}

#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Changed {
    pub changed: usize,
}

/// What a choice would do, were it made.
#[derive(Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Rehearsal {
    pub turns_on: usize,
    pub turns_off: usize,
    pub unchanged: usize,
}

impl Rehearsal {
    fn of(changes: impl Iterator<Item = (Choices, Choices)>) -> Self {
        let mut rehearsal = Self::default();
        for (before, after) in changes {
            match (before.enabled(), after.enabled()) {
                (false, true) => rehearsal.turns_on += 1,
                (true, false) => rehearsal.turns_off += 1,
                _ => rehearsal.unchanged += 1,
            }
        }
        rehearsal
    }
}

/// Turns the agent on or off on one device.
#[utoipa::path(put, path = "/api/console/v1/devices/{id}/enablement", tag = "console", params(("id" = DeviceId, Path)),
    request_body = Choice, responses((status = 200, body = Device), (status = 404, body = ErrorBody)))]
pub async fn device(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<DeviceId>,
    Json(choice): Json<Choice>,
) -> ApiResult<Json<Device>> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    choose(&mut tx, &technician, id, choice.enabled, now).await?;
    let device = devices::view(&app, &mut tx, technician.scope(), id, now).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(device))
}

/// Turns the agent on or off on several devices.
#[utoipa::path(post, path = "/api/console/v1/enablement", tag = "console", request_body = BulkChoice,
    responses((status = 200, body = Changed), (status = 404, body = ErrorBody, description = "One of them is not there; nothing is changed."),
        (status = 422, body = ErrorBody, description = "None are named, or too many.")))]
pub async fn bulk(
    State(app): State<App>,
    Admin(technician): Admin,
    Json(choice): Json<BulkChoice>,
) -> ApiResult<Json<Changed>> {
    let now = app.now();
    limited(&choice.devices)?;
    let mut devices = choice.devices.clone();
    // In one order for everybody, and each once.
    devices.sort_unstable();
    devices.dedup();
    let mut tx = app.db.write().await?;
    for id in &devices {
        choose(&mut tx, &technician, *id, choice.enabled, now).await?;
    }
    tx.commit().await?;
    app.committed();
    Ok(Json(Changed { changed: devices.len() }))
}

/// Says what [`bulk`] would do.
#[utoipa::path(post, path = "/api/console/v1/enablement/rehearse", tag = "console", request_body = BulkChoice,
    responses((status = 200, body = Rehearsal), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody, description = "None are named, or too many.")))]
pub async fn rehearse(
    State(app): State<App>,
    technician: Technician,
    Json(choice): Json<BulkChoice>,
) -> ApiResult<Json<Rehearsal>> {
    limited(&choice.devices)?;
    let mut tx = app.db.read().await?;
    let mut changes = Vec::with_capacity(choice.devices.len());
    for id in &choice.devices {
        let before =
            db::devices::find(&mut tx, technician.scope(), *id).await?.ok_or_else(ApiError::not_found)?.choices;
        changes.push((before, Choices { device_choice: choice.enabled, ..before }));
    }
    Ok(Json(Rehearsal::of(changes.into_iter())))
}

/// Turns the agent on or off for a whole client, devices that enrol later among them.
#[utoipa::path(put, path = "/api/console/v1/clients/{id}/enablement", tag = "console", params(("id" = ClientId, Path)),
    request_body = ClientChoice, responses((status = 200, body = Client), (status = 404, body = ErrorBody)))]
pub async fn client(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<ClientId>,
    Json(choice): Json<ClientChoice>,
) -> ApiResult<Json<Client>> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    let before = db::clients::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    db::clients::set_enablement(&mut tx, id, choice.enabled, &technician.row.name, now).await?;
    // Installations before devices, as a sync takes them.
    live_events::state_changed(&mut tx, Concerned::Client(id), now).await?;
    if choice.include_device_choices {
        db::clients::clear_device_choices(&mut tx, id).await?;
    }
    let detail = json!({
        "level": "client", "from": before.enablement, "to": choice.enabled,
        "include_device_choices": choice.include_device_choices,
    });
    note(&mut tx, &technician, Some(id), None, detail, now).await?;
    live_events::to_consoles(&mut tx, &ConsoleEvent::Client { id }, now).await?;
    tx.commit().await?;
    app.committed();
    // Devices are told before they are counted: no other writer waits for the answer, however many there are.
    let mut tx = app.db.read().await?;
    Ok(Json(clients::view(&mut tx, technician.scope(), id).await?))
}

/// Says what [`client`] would do.
#[utoipa::path(post, path = "/api/console/v1/clients/{id}/enablement/rehearse", tag = "console", params(("id" = ClientId, Path)),
    request_body = ClientChoice, responses((status = 200, body = Rehearsal), (status = 404, body = ErrorBody)))]
pub async fn rehearse_client(
    State(app): State<App>,
    technician: Technician,
    Path(id): Path<ClientId>,
    Json(choice): Json<ClientChoice>,
) -> ApiResult<Json<Rehearsal>> {
    let mut tx = app.db.read().await?;
    db::clients::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let devices = db::devices::list(&mut tx, technician.scope(), Some(id), "").await?;
    let changes = devices.iter().map(|device| {
        let before = device.choices;
        let device_choice = before.device_choice.filter(|_| !choice.include_device_choices);
        (before, Choices { client_choice: choice.enabled, device_choice, ..before })
    });
    Ok(Json(Rehearsal::of(changes)))
}

/// What holds where no client, site or device says otherwise.
#[utoipa::path(put, path = "/api/console/v1/organization/enablement", tag = "console", request_body = OrganizationChoice,
    responses((status = 204)))]
pub async fn organization(
    State(app): State<App>,
    Admin(technician): Admin,
    Json(choice): Json<OrganizationChoice>,
) -> ApiResult<axum::http::StatusCode> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    let before = db::organization::find(&mut tx).await?.ok_or_else(ApiError::not_found)?;
    db::organization::set_enablement(&mut tx, choice.enabled, &technician.row.name, now).await?;
    live_events::state_changed(&mut tx, Concerned::All, now).await?;
    let detail = json!({ "level": "organization", "from": before.enablement, "to": choice.enabled });
    note(&mut tx, &technician, None, None, detail, now).await?;
    for client in db::clients::list(&mut tx, Scope::All, "").await? {
        live_events::to_consoles(&mut tx, &ConsoleEvent::Client { id: client.id.0 }, now).await?;
    }
    tx.commit().await?;
    app.committed();
    Ok(axum::http::StatusCode::NO_CONTENT)
}

fn limited(devices: &[DeviceId]) -> ApiResult<()> {
    if devices.is_empty() || devices.len() > BULK {
        return Err(ApiError::field(ErrorCode::Malformed, "devices", BULK));
    }
    Ok(())
}

async fn choose(
    tx: &mut Tx,
    technician: &Technician,
    id: DeviceId,
    enabled: Option<bool>,
    now: Millis,
) -> ApiResult<()> {
    let before = db::devices::find(tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let client = before.client_id.0;
    // Installations before devices, as a sync takes them: in another order the two would wait for each other.
    live_events::state_changed(tx, Concerned::Device(id), now).await?;
    db::devices::set_enablement(tx, id, enabled, &technician.row.name, now).await?;
    let detail = json!({ "level": "device", "from": before.choices.device_choice, "to": enabled });
    note(tx, technician, Some(client), Some(id), detail, now).await?;
    live_events::to_consoles(tx, &ConsoleEvent::Device { id, client }, now).await?;
    Ok(())
}

async fn note(
    tx: &mut Tx,
    technician: &Technician,
    client: Option<ClientId>,
    device: Option<DeviceId>,
    detail: serde_json::Value,
    now: Millis,
) -> sqlx::Result<()> {
    let actor = technician.actor();
    let entry =
        Entry { id: clock::new_id(now), at: now, actor: &actor, action: CHANGED, client, device, ticket: None, detail };
    history::add(tx, entry).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_counts_what_would_change() {
        let off = Choices { organization_choice: false, client_choice: None, site_choice: None, device_choice: None };
        let on = Choices { client_choice: Some(true), ..off };
        let own = Choices { device_choice: Some(false), ..on };
        let rehearsal = Rehearsal::of([(off, on), (on, off), (on, on), (own, own)].into_iter());
        assert_eq!(rehearsal, Rehearsal { turns_on: 1, turns_off: 1, unchanged: 2 });
    }
}
