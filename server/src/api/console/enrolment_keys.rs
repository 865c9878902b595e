//! Enrolment keys of a client.

use axum::{extract::State, http::StatusCode};
use deskbell_protocol::{
    Millis,
    error::{ErrorBody, ErrorCode},
    id::{ClientId, EnrolmentKeyId},
    secret::{KEY_ALPHABET, enrolment_key_from},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    App,
    api::agent::confirmation::name,
    auth::technician::{Admin, Technician},
    clock,
    db::{
        Text, clients, enrolment_keys,
        history::{self, Entry},
        live_events::{self, ConsoleEvent},
    },
    error::{ApiError, ApiResult},
    extract::{Json, Path},
    secrets,
};

/// Devices that one key may introduce at most.
const MAX_DEVICES: i64 = 100_000;
const DAY: Millis = 24 * 60 * 60 * 1000;

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EnrolmentKey {
    pub id: EnrolmentKeyId,
    pub name: String,
    /// How it begins.
    pub hint: String,
    pub expires_at: Millis,
    pub max_devices: i64,
    pub used: i64,
    pub revoked_at: Option<Millis>,
    pub created_at: Millis,
    pub created_by: String,
    pub state: KeyState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    Active,
    Expired,
    UsedUp,
    Revoked,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewKey {
    name: String,
    /// 1, 7, 30 or 90.
    expires_in_days: i64,
    max_devices: i64,
}

/// The only answer that holds the secret.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CreatedKey {
    pub key: EnrolmentKey,
    pub secret: String,
}

fn view(row: enrolment_keys::EnrolmentKey, now: Millis) -> EnrolmentKey {
    let state = if row.revoked_at.is_some() {
        KeyState::Revoked
    } else if row.expires_at <= now {
        KeyState::Expired
    } else if row.used >= row.max_devices {
        KeyState::UsedUp
    } else {
        KeyState::Active
    };
    EnrolmentKey {
        id: row.id.0,
        name: row.name,
        hint: row.hint,
        expires_at: row.expires_at,
        max_devices: row.max_devices,
        used: row.used,
        revoked_at: row.revoked_at,
        created_at: row.created_at,
        created_by: row.created_by,
        state,
    }
}

/// Newest first, without their secrets.
#[utoipa::path(get, path = "/api/console/v1/clients/{id}/enrolment-keys", tag = "console", params(("id" = ClientId, Path)),
    responses((status = 200, body = Vec<EnrolmentKey>), (status = 404, body = ErrorBody)))]
pub async fn list(
    State(app): State<App>,
    technician: Technician,
    Path(client): Path<ClientId>,
) -> ApiResult<Json<Vec<EnrolmentKey>>> {
    let mut tx = app.db.read().await?;
    clients::find(&mut tx, technician.scope(), client).await?.ok_or_else(ApiError::not_found)?;
    let rows = enrolment_keys::of_client(&mut tx, client).await?;
    Ok(Json(rows.into_iter().map(|row| view(row, app.now())).collect()))
}

#[utoipa::path(post, path = "/api/console/v1/clients/{id}/enrolment-keys", tag = "console", params(("id" = ClientId, Path)),
    request_body = NewKey, responses((status = 201, body = CreatedKey), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn create(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(client): Path<ClientId>,
    Json(new): Json<NewKey>,
) -> ApiResult<(StatusCode, Json<CreatedKey>)> {
    let name = name(&new.name)?;
    if ![1, 7, 30, 90].contains(&new.expires_in_days) || !(1..=MAX_DEVICES).contains(&new.max_devices) {
        return Err(ApiError::unprocessable(ErrorCode::Malformed, "the expiry or the cap is out of range"));
    }
    let now = app.now();
    let secret = enrolment_key_from(clock::random_indices(u8::try_from(KEY_ALPHABET.len()).unwrap_or(u8::MAX)));
    let row = enrolment_keys::EnrolmentKey {
        id: Text(EnrolmentKeyId(clock::new_id(now))),
        client_id: Text(client),
        name,
        hint: secret.chars().take("DB-XXXX".len()).collect(),
        expires_at: now + new.expires_in_days * DAY,
        max_devices: new.max_devices,
        revoked_at: None,
        created_at: now,
        created_by: technician.row.name.clone(),
        used: 0,
    };
    let mut tx = app.db.write().await?;
    clients::find(&mut tx, technician.scope(), client).await?.ok_or_else(ApiError::not_found)?;
    enrolment_keys::insert(&mut tx, &row, &secrets::sha256(&secret)).await?;
    note(&mut tx, &technician, &row, "key.created", now).await?;
    tx.commit().await?;
    app.committed();
    Ok((StatusCode::CREATED, Json(CreatedKey { key: view(row, now), secret })))
}

/// Revokes a key. Devices that it introduced stay.
#[utoipa::path(delete, path = "/api/console/v1/enrolment-keys/{id}", tag = "console", params(("id" = EnrolmentKeyId, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub async fn revoke(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<EnrolmentKeyId>,
) -> ApiResult<StatusCode> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    let row = enrolment_keys::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    enrolment_keys::revoke(&mut tx, id, now).await?;
    note(&mut tx, &technician, &row, "key.revoked", now).await?;
    tx.commit().await?;
    app.committed();
    Ok(StatusCode::NO_CONTENT)
}

async fn note(
    tx: &mut crate::db::Tx,
    technician: &Technician,
    key: &enrolment_keys::EnrolmentKey,
    action: &str,
    now: Millis,
) -> sqlx::Result<()> {
    let entry = Entry {
        id: clock::new_id(now),
        at: now,
        actor: &technician.actor(),
        action,
        client: Some(key.client_id.0),
        device: None,
        ticket: None,
        detail: json!({ "key": key.name, "hint": key.hint }),
    };
    history::add(tx, entry).await?;
    live_events::to_consoles(tx, &ConsoleEvent::Client { id: key.client_id.0 }, now).await
}
