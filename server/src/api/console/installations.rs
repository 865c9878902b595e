//! Installations of a device: whether they are trusted, and who is confirmed there.

use axum::extract::State;
use deskbell_protocol::{
    Millis,
    device::{HotkeyState, Registration},
    error::{ErrorBody, ErrorCode},
    id::{InstallationId, RequesterId},
    ticket::Language,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::devices::note;
use crate::{
    App,
    api::agent::confirmation::{domain_fits, email, name},
    auth::technician::{Admin, Worker},
    clock,
    db::{
        Tx, challenges, devices, installations as rows,
        live_events::{self, Concerned},
        requesters,
    },
    enablement::{self, Delivery},
    error::{ApiError, ApiResult},
    extract::{Json, Path},
    secrets,
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Installation {
    pub id: InstallationId,
    pub os_user: String,
    pub registration: Registration,
    pub agent_version: String,
    pub language: Language,
    pub online: bool,
    pub last_seen_at: Millis,
    pub hotkey: HotkeyState,
    pub delivery: Delivery,
    pub person: Option<Person>,
    /// A token that was asked for and not typed yet.
    pub challenge: Option<Challenge>,
    /// The beginning of the SHA-256 of its public key, to compare with what the device shows.
    pub key_fingerprint: String,
}

/// Who is confirmed at an installation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = InstallationPerson)]
pub struct Person {
    pub id: RequesterId,
    pub name: String,
    pub email: String,
    pub confirmed_at: Millis,
    /// The technician who vouched, where no token was typed.
    pub vouched_by: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Challenge {
    pub email: String,
    pub name: String,
    pub asked_at: Millis,
    pub expires_at: Millis,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct RegistrationChange {
    registration: Registration,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct Vouch {
    name: String,
    email: String,
}

pub(super) async fn complete(tx: &mut Tx, row: &rows::Installation, now: Millis) -> sqlx::Result<Installation> {
    let accepted = row.registration.0 == Registration::Accepted;
    let person = match (row.requester_id, &row.requester_name, &row.requester_email, row.confirmed_at) {
        (Some(id), Some(name), Some(email), Some(confirmed_at)) => Some(Person {
            id: id.0,
            name: name.clone(),
            email: email.clone(),
            confirmed_at,
            vouched_by: row.vouched_by.clone(),
        }),
        _ => None,
    };
    let challenge = challenges::waiting(tx, row.id.0).await?.map(|challenge| Challenge {
        email: challenge.email,
        name: challenge.name,
        asked_at: challenge.created_at,
        expires_at: challenge.expires_at,
    });
    Ok(Installation {
        id: row.id.0,
        os_user: row.os_user.clone(),
        registration: row.registration.0,
        agent_version: row.agent_version.clone(),
        language: row.language.0,
        online: row.online_until > now,
        last_seen_at: row.last_seen_at,
        hotkey: row.hotkey.0,
        delivery: enablement::delivery(accepted, row.applied_revision, row.revision),
        person,
        challenge,
        key_fingerprint: secrets::sha256(&row.public_key).chars().take(16).collect(),
    })
}

/// Accepts an installation again, or revokes it: its key is refused from the next request on.
#[utoipa::path(put, path = "/api/console/v1/installations/{id}/registration", tag = "console",
    params(("id" = InstallationId, Path)), request_body = RegistrationChange,
    responses((status = 200, body = Installation), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn set_registration(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<InstallationId>,
    Json(change): Json<RegistrationChange>,
) -> ApiResult<Json<Installation>> {
    if !matches!(change.registration, Registration::Accepted | Registration::Revoked) {
        return Err(ApiError::unprocessable(ErrorCode::Malformed, "registration has to be accepted or revoked"));
    }
    let now = app.now();
    let mut tx = app.db.write().await?;
    let row = rows::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let device = devices::find(&mut tx, technician.scope(), row.device_id.0).await?.ok_or_else(ApiError::not_found)?;
    // Told while it is accepted still: a live connection closes itself then.
    live_events::state_changed(&mut tx, Concerned::Installation(id), now).await?;
    rows::set_registration(&mut tx, id, change.registration).await?;
    if change.registration == Registration::Accepted && row.registration.0 != Registration::Accepted {
        // Whichever machine comes first from now on is the one; a copy is found out again.
        rows::forget_epochs(&mut tx, id).await?;
    }
    let detail = json!({ "from": row.registration.0, "to": change.registration, "os_user": row.os_user });
    note(&mut tx, &technician, &device, "registration.changed", detail, now).await?;
    let row = rows::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let installation = complete(&mut tx, &row, now).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(installation))
}

/// Confirms a person without a token, where their mail does not arrive: this technician knows them.
#[utoipa::path(post, path = "/api/console/v1/installations/{id}/vouch", tag = "console",
    params(("id" = InstallationId, Path)), request_body = Vouch, responses(
    (status = 200, body = Installation), (status = 404, body = ErrorBody),
    (status = 422, body = ErrorBody, description = "The address is none of the client's, or no address.")))]
pub async fn vouch(
    State(app): State<App>,
    Worker(technician): Worker,
    Path(id): Path<InstallationId>,
    Json(vouch): Json<Vouch>,
) -> ApiResult<Json<Installation>> {
    let now = app.now();
    let (name, email) = (name(&vouch.name)?, email(&vouch.email)?);
    let mut tx = app.db.write().await?;
    let row = rows::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let client = row.client_id.0;
    domain_fits(&mut tx, client, &email).await?;
    if requesters::by_email(&mut tx, client, &email).await?.is_some_and(|known| known.deactivated_at.is_some()) {
        return Err(ApiError::unprocessable(ErrorCode::RequesterDeactivated, "this person's access has ended"));
    }
    let device = devices::find(&mut tx, technician.scope(), row.device_id.0).await?.ok_or_else(ApiError::not_found)?;
    let new_id = RequesterId(clock::new_id(now));
    let requester = requesters::confirm(&mut tx, new_id, client, &email, &name, row.language.0, now).await?;
    rows::set_confirmed(&mut tx, id, requester, Some(technician.id()), now).await?;
    challenges::spend_of(&mut tx, id, now).await?;
    live_events::state_changed(&mut tx, Concerned::Installation(id), now).await?;
    let detail = json!({ "requester": requester, "os_user": row.os_user, "installation": id });
    note(&mut tx, &technician, &device, "person.vouched", detail, now).await?;
    let row = rows::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let installation = complete(&mut tx, &row, now).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(installation))
}
