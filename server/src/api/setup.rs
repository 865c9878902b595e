//! The first-run set-up: opened by a one-time code, and gone afterwards.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use axum_extra::extract::cookie::CookieJar;
use deskbell_protocol::{
    error::{ErrorBody, ErrorCode},
    id::TechnicianId,
    ticket::Language,
};
use serde::{Deserialize, Serialize};

use super::{
    agent::confirmation::{email, name},
    console::session::{SessionInfo, info, password},
};
use crate::{
    App,
    auth::technician,
    clock,
    db::{
        Text, attempts, organization,
        technicians::{self, Role},
    },
    error::{ApiError, ApiResult},
    extract::Json,
    secrets,
};

/// Wrong codes within an hour.
const GUESSES: i64 = 10;

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SetupOpen {
    open: bool,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct Setup {
    /// As the server printed it at its start; case and hyphens do not matter.
    code: String,
    organization: String,
    name: String,
    email: String,
    password: String,
    language: Language,
}

/// Whether the set-up is still to be done.
#[utoipa::path(get, path = "/api/setup", tag = "console", responses(
    (status = 200, body = SetupOpen), (status = 404, body = ErrorBody, description = "It is done."),
))]
pub async fn open(State(app): State<App>) -> ApiResult<Json<SetupOpen>> {
    let mut tx = app.db.look().await?;
    let organization = organization::find(&mut tx).await?.ok_or_else(ApiError::not_found)?;
    if organization.name.is_some() {
        return Err(ApiError::not_found());
    }
    Ok(Json(SetupOpen { open: true }))
}

/// Names the organization, makes its owner, and signs them in.
#[utoipa::path(post, path = "/api/setup", tag = "console", request_body = Setup, responses(
    (status = 201, body = SessionInfo),
    (status = 404, body = ErrorBody, description = "It is done."),
    (status = 422, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub async fn set_up(State(app): State<App>, jar: CookieJar, Json(setup): Json<Setup>) -> ApiResult<impl IntoResponse> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    let code_hash = organization::find(&mut tx)
        .await?
        .filter(|organization| organization.name.is_none())
        .and_then(|organization| organization.setup_code_hash)
        .ok_or_else(ApiError::not_found)?;
    if let Err(until) = attempts::check(&mut tx, "setup", GUESSES, now).await? {
        return Err(ApiError::too_many(u64::try_from((until - now) / 1000 + 1).unwrap_or(1)));
    }
    let typed: String =
        setup.code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    if !secrets::same(&secrets::sha256(&typed), &code_hash) {
        attempts::record(&mut tx, "setup", now).await?;
        tx.commit().await?;
        return Err(ApiError::unprocessable(
            ErrorCode::SetupCodeWrong,
            "the code is not the one that the server printed at its last start",
        ));
    }
    drop(tx);
    let organization_name =
        name(&setup.organization).map_err(|error| error.with(|d| d.field = Some("organization".into())))?;
    let owner = technicians::Technician {
        id: Text(TechnicianId(clock::new_id(now))),
        email: email(&setup.email)?,
        name: name(&setup.name)?,
        role: Text(Role::Owner),
        language: Text(setup.language),
        password_hash: password(setup.password).await?,
    };
    let mut tx = app.db.write().await?;
    if !organization::finish_setup(&mut tx, &organization_name).await? {
        return Err(ApiError::not_found());
    }
    technicians::insert(&mut tx, &owner, now).await?;
    let (cookie, csrf) = technician::sign_in(&app, &mut tx, owner.id.0, now).await?;
    let info = info(&app, &mut tx, &owner, csrf).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, jar.add(cookie), Json(info)))
}
