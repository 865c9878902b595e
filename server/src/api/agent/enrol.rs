//! `POST /api/agent/v1/enrol`: a new installation introduces itself.

use axum::extract::State;
use deskbell_protocol::{
    Millis,
    device::{Enrol, Enrolled, Registration},
    error::{ErrorBody, ErrorCode},
    id::{DeviceId, InstallationId},
    secret,
    signature::ALGORITHM,
};
use serde_json::json;

use super::state;
use crate::{
    App, auth,
    auth::device::Signed,
    clock,
    db::{
        Tx, devices,
        enrolment_keys::{self, EnrolmentKey},
        history::{self, Actor},
        installations::{self, Installation, NewInstallation},
        live_events::{self, ConsoleEvent},
    },
    epochs,
    error::{ApiError, ApiResult},
    extract::Json,
    intake, secrets,
};

/// Introduces an installation for the client of its enrolment key. Again with the same key pair, it
/// gets the same answer and uses nothing up.
#[utoipa::path(post, path = "/api/agent/v1/enrol", tag = "agent", request_body = Enrol, responses(
    (status = 200, body = Enrolled),
    (status = 401, body = ErrorBody, description = "The signature is refused."),
    (status = 403, body = ErrorBody, description = "The enrolment key is unknown, expired, used up or revoked."),
    (status = 409, body = ErrorBody, description = "A later request of this installation came first; introduce it again."),
))]
pub async fn enrol(State(app): State<App>, signed: Signed) -> ApiResult<Json<Enrolled>> {
    let enrol: Enrol = signed.json()?;
    if enrol.algorithm != ALGORITHM || enrol.public_key != signed.params.key_id {
        return Err(ApiError::unauthorized(
            ErrorCode::SignatureInvalid,
            "the request is not signed by the key that it introduces",
        ));
    }
    intake::facts_fit(&enrol.facts, &enrol.agent_version)?;
    let now = app.now();
    let mut tx = app.db.write().await?;
    signed.spend_nonce(&mut tx).await?;
    tx.serialize_on(&enrol.public_key).await?;
    match installations::by_key(&mut tx, &enrol.public_key).await? {
        Some(known) if late(&known, &signed, now) => {
            let why = "a later request of this device came first; introduce it again";
            return Err(ApiError::conflict(ErrorCode::Conflict, why));
        }
        // It has lost what it knew, and begins to count anew.
        Some(known) => installations::begin_epochs(&mut tx, known.id.0, signed.params.created).await?,
        None if introduce(&app, &mut tx, &enrol, now).await? == Registration::Unapproved => {
            // Stored, so that a technician sees it; let in once they say so.
            tx.commit().await?;
            app.committed();
            return Err(auth::device::unapproved());
        }
        None => {}
    }
    let installation = auth::device::accepted(&mut tx, &enrol.public_key).await?;
    let enrolled = Enrolled {
        server_id: app.server_id,
        device_id: installation.device_id.0,
        installation_id: installation.id.0,
        state: state::of(&mut tx, &installation).await?,
    };
    deskbell_protocol::crash_point!("device.commit.before");
    tx.commit().await?;
    deskbell_protocol::crash_point!("device.commit.after");
    app.committed();
    Ok(Json(enrolled))
}

/// Whether this introduction was on its way for long.
fn late(known: &Installation, signed: &Signed, now: Millis) -> bool {
    !epochs::begins_anew(epochs::last_signed(known.signed_at, now / 1000), signed.params.created)
}

async fn introduce(app: &App, tx: &mut Tx, enrol: &Enrol, now: Millis) -> ApiResult<Registration> {
    let key = key(tx, &enrol.enrolment_key, now).await?;
    let client = key.client_id.0;
    let hint = secrets::hmac(&app.secret, &["machine", &client.to_string(), &enrol.machine_hint]);
    tx.serialize_on(&format!("machine {hint}")).await?;
    let device = match devices::by_hint(tx, client, &hint).await? {
        Some((device, false)) => device,
        _ => {
            tx.serialize_on(&format!("key {}", *key.id)).await?;
            let used = enrolment_keys::find(tx, crate::db::Scope::All, key.id.0).await?.map_or(0, |key| key.used);
            if used >= key.max_devices {
                return Err(refused(
                    ErrorCode::EnrolmentKeyUsedUp,
                    "this enrolment key has introduced as many devices as it may",
                ));
            }
            devices::insert(tx, DeviceId(clock::new_id(now)), client, key.id.0, &hint, &enrol.facts, now).await?
        }
    };
    // A new key where another one is kept out may be its replacement; a technician decides that.
    let kept_out = installations::any_kept_out(tx, device).await?;
    let registration = if kept_out { Registration::Unapproved } else { Registration::Accepted };
    let new = NewInstallation {
        id: InstallationId(clock::new_id(now)),
        device,
        client,
        public_key: &enrol.public_key,
        os_user: &enrol.facts.os_user,
        agent_version: &enrol.agent_version,
        language: enrol.language,
        registration,
    };
    installations::insert(tx, &new, now).await?;
    let actor = Actor::Device { id: device, name: enrol.facts.name.clone() };
    history::add(
        tx,
        history::Entry {
            id: clock::new_id(now),
            at: now,
            actor: &actor,
            action: "device.enrolled",
            client: Some(client),
            device: Some(device),
            ticket: None,
            detail: json!({ "device": enrol.facts.name, "key": key.name }),
        },
    )
    .await?;
    live_events::to_consoles(tx, &ConsoleEvent::Device { id: device, client }, now).await?;
    Ok(registration)
}

async fn key(tx: &mut Tx, typed: &str, now: Millis) -> ApiResult<EnrolmentKey> {
    let unknown = || refused(ErrorCode::EnrolmentKeyUnknown, "this enrolment key is unknown; ask for a new one");
    let normalized = secret::normalize_enrolment_key(typed).ok_or_else(unknown)?;
    let key = enrolment_keys::by_secret(tx, &secrets::sha256(&normalized)).await?.ok_or_else(unknown)?;
    if key.revoked_at.is_some() {
        return Err(refused(ErrorCode::EnrolmentKeyRevoked, "this enrolment key was revoked; ask for a new one"));
    }
    if key.expires_at <= now {
        return Err(refused(ErrorCode::EnrolmentKeyExpired, "this enrolment key has expired; ask for a new one"));
    }
    Ok(key)
}

fn refused(code: ErrorCode, message: &str) -> ApiError {
    ApiError::forbidden(code, message)
}
