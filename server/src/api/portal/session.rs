//! The page's session: a link is traded for it, once.

use axum::{extract::State, http::StatusCode};
use axum_extra::extract::cookie::CookieJar;
use deskbell_protocol::{
    Millis,
    device::{Confirmation, Context},
    error::{ErrorBody, ErrorCode},
    limits::PORTAL_LIFETIME,
    ticket::Language,
};
use serde::{Deserialize, Serialize};

use crate::{
    App,
    api::agent::state,
    auth::portal::{self, PortalPage},
    db::{
        Scope, Tx, devices,
        handovers::{self, Spent},
        installations::{self, Installation},
        portal_sessions::{self, PortalSession},
    },
    error::{ApiError, ApiResult},
    extract::Json,
    secrets,
};

#[derive(Deserialize, utoipa::ToSchema)]
pub struct TradeHandover {
    /// What stood behind the link's `#`.
    secret: String,
}

/// What the page shows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PortalSessionInfo {
    pub organization: String,
    pub client: String,
    /// Domains that a confirmed address may have; empty where any may be proposed.
    pub domains: Vec<String>,
    /// The device that opened the page.
    pub device: String,
    /// What of the device's state the server knows: more than a page could find out.
    pub context: Context,
    pub confirmation: Option<Confirmation>,
    pub language: Language,
    /// To be sent as `x-csrf-token` with everything that changes something.
    pub csrf: String,
    pub expires_at: Millis,
}

/// Trades a link's secret for a session, once. The secret comes in the body: an address would be logged.
#[utoipa::path(post, path = "/api/portal/v1/session", tag = "portal", request_body = TradeHandover, responses(
    (status = 200, body = PortalSessionInfo),
    (status = 401, body = ErrorBody, description = "`handover_expired`, or `handover_used`."),
    (status = 403, body = ErrorBody, description = "The device is not accepted any more, or the agent not enabled."),
))]
pub async fn trade(
    State(app): State<App>,
    jar: CookieJar,
    Json(traded): Json<TradeHandover>,
) -> ApiResult<(CookieJar, Json<PortalSessionInfo>)> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    let installation = match handovers::spend(&mut tx, &secrets::sha256(&traded.secret), now).await? {
        Spent::By(installation) => installation,
        Spent::Before => return Err(refused(ErrorCode::HandoverUsed, "this link was used before")),
        Spent::Expired => return Err(refused(ErrorCode::HandoverExpired, "this link is too old, or none of ours")),
    };
    let installation = installations::find(&mut tx, Scope::All, installation).await?.ok_or_else(ApiError::not_found)?;
    // What this browser carried ends with the new page.
    if let Some(before) = portal::id_hash(&jar) {
        portal_sessions::delete(&mut tx, &before).await?;
    }
    let value = secrets::random_text();
    let session = PortalSession {
        installation_id: installation.id,
        client_id: installation.client_id,
        requester_id: installation.requester_id,
        csrf: secrets::random_text(),
        expires_at: now + PORTAL_LIFETIME,
    };
    let id_hash = secrets::sha256(&value);
    portal_sessions::insert(&mut tx, &id_hash, &session, now).await?;
    let page = PortalPage::current(&mut tx, id_hash, now).await?;
    let info = info(&mut tx, &page).await?;
    tx.commit().await?;
    Ok((jar.add(portal::cookie(&app, value)), Json(info)))
}

fn refused(code: ErrorCode, message: &str) -> ApiError {
    ApiError::unauthorized(code, format!("{message}; open the form from the bell again"))
}

/// Who sits there, and at which device. A page that was nobody's becomes theirs who is confirmed there.
#[utoipa::path(get, path = "/api/portal/v1/session", tag = "portal", responses(
    (status = 200, body = PortalSessionInfo), (status = 401, body = ErrorBody),
))]
pub async fn current(State(app): State<App>, page: PortalPage) -> ApiResult<Json<PortalSessionInfo>> {
    let mut tx = app.db.write().await?;
    let page = page.again(&mut tx, app.now()).await?;
    if page.session.requester_id != page.installation.requester_id {
        let person = page.installation.requester_id.map(|person| person.0);
        portal_sessions::bind(&mut tx, &page.id_hash, person).await?;
    }
    let info = info(&mut tx, &page).await?;
    tx.commit().await?;
    Ok(Json(info))
}

/// Ends the session.
#[utoipa::path(delete, path = "/api/portal/v1/session", tag = "portal", responses((status = 204)))]
pub async fn end(State(app): State<App>, jar: CookieJar, page: PortalPage) -> ApiResult<(CookieJar, StatusCode)> {
    let mut tx = app.db.write().await?;
    portal_sessions::delete(&mut tx, &page.id_hash).await?;
    tx.commit().await?;
    Ok((jar.remove(portal::cookie(&app, String::new())), StatusCode::NO_CONTENT))
}

async fn info(tx: &mut Tx, page: &PortalPage) -> ApiResult<PortalSessionInfo> {
    let installation = &page.installation;
    let state = state::of(tx, installation).await?;
    Ok(PortalSessionInfo {
        organization: state.organization,
        client: state.client,
        domains: state.domains,
        device: installation.device_name.clone(),
        context: context(tx, installation).await?,
        confirmation: state.confirmation,
        language: installation.language.0,
        csrf: page.session.csrf.clone(),
        expires_at: page.session.expires_at,
    })
}

/// A browser knows nothing of its computer; the agent told name, system and user at its last sync.
async fn context(tx: &mut Tx, installation: &Installation) -> ApiResult<Context> {
    let device = devices::find(tx, Scope::All, installation.device_id.0).await?.ok_or_else(ApiError::not_found)?;
    Ok(Context {
        device: Some(device.name),
        system: Some(device.os).filter(|system| !system.is_empty()),
        user: Some(installation.os_user.clone()).filter(|user| !user.is_empty()),
        ..Context::default()
    })
}
