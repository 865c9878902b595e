//! Who did what to a device or a client.

use axum::extract::State;
use deskbell_protocol::{
    Millis,
    error::ErrorBody,
    id::{ClientId, DeviceId},
};
use serde::Serialize;

use crate::{
    App,
    auth::technician::Technician,
    db::{
        clients, devices,
        history::{self, HistoryRow},
    },
    error::{ApiError, ApiResult},
    extract::{Json, Path},
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HistoryEntry {
    pub id: String,
    pub at: Millis,
    /// The name of who did it, as it was then.
    pub actor: String,
    /// `technician`, `requester`, `device` or `system`.
    pub actor_kind: String,
    /// For example `enablement.changed`.
    pub action: String,
    /// What exactly, by action.
    pub detail: serde_json::Value,
}

impl From<HistoryRow> for HistoryEntry {
    fn from(row: HistoryRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            actor: row.actor_name,
            actor_kind: row.actor_kind,
            action: row.action,
            detail: serde_json::from_str(&row.detail).unwrap_or_default(),
        }
    }
}

/// The newest 100 entries, newest first.
#[utoipa::path(get, path = "/api/console/v1/devices/{id}/history", tag = "console", params(("id" = DeviceId, Path)),
    responses((status = 200, body = Vec<HistoryEntry>), (status = 404, body = ErrorBody)))]
pub async fn of_device(
    State(app): State<App>,
    technician: Technician,
    Path(id): Path<DeviceId>,
) -> ApiResult<Json<Vec<HistoryEntry>>> {
    let mut tx = app.db.read().await?;
    let device = devices::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let rows = history::of_device(&mut tx, id, device.client_id.0).await?;
    Ok(Json(rows.into_iter().map(HistoryEntry::from).collect()))
}

/// The newest 100 entries that concern no ticket, newest first.
#[utoipa::path(get, path = "/api/console/v1/clients/{id}/history", tag = "console", params(("id" = ClientId, Path)),
    responses((status = 200, body = Vec<HistoryEntry>), (status = 404, body = ErrorBody)))]
pub async fn of_client(
    State(app): State<App>,
    technician: Technician,
    Path(id): Path<ClientId>,
) -> ApiResult<Json<Vec<HistoryEntry>>> {
    let mut tx = app.db.read().await?;
    clients::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let rows = history::of_client(&mut tx, id).await?;
    Ok(Json(rows.into_iter().map(HistoryEntry::from).collect()))
}
