//! Who sits at the page. Where no window can be shown, this is the only place to say so.

use axum::{extract::State, http::StatusCode};
use deskbell_protocol::{
    device::{AskToken, Confirm, Confirmation, TokenSent},
    error::ErrorBody,
};

use crate::{
    App, api::agent::confirmation as at, auth::portal::PortalPage, db::portal_sessions, error::ApiResult, extract::Json,
};

/// Sends a token to an address, under the limits that the device has.
#[utoipa::path(post, path = "/api/portal/v1/confirmation/token", tag = "portal", request_body = AskToken, responses(
    (status = 200, body = TokenSent), (status = 422, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub async fn ask(State(app): State<App>, page: PortalPage, Json(ask): Json<AskToken>) -> ApiResult<Json<TokenSent>> {
    let mut tx = app.db.write().await?;
    let page = page.again(&mut tx, app.now()).await?;
    at::ask_at(&app, tx, &page.installation, &ask).await.map(Json)
}

/// The token, as typed. The person is confirmed at the device, as if they had typed it there.
#[utoipa::path(post, path = "/api/portal/v1/confirmation", tag = "portal", request_body = Confirm, responses(
    (status = 200, body = Confirmation), (status = 422, body = ErrorBody),
))]
pub async fn confirm(
    State(app): State<App>,
    page: PortalPage,
    Json(typed): Json<Confirm>,
) -> ApiResult<Json<Confirmation>> {
    let mut tx = app.db.write().await?;
    let page = page.again(&mut tx, app.now()).await?;
    let (mut tx, confirmation) = at::confirm_at(&app, tx, &page.installation, &typed).await?;
    portal_sessions::bind(&mut tx, &page.id_hash, Some(confirmation.requester_id)).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(confirmation))
}

/// *Not you?* Ends the confirmation at the device; the page is nobody's then.
#[utoipa::path(delete, path = "/api/portal/v1/confirmation", tag = "portal", responses((status = 204)))]
pub async fn forget(State(app): State<App>, page: PortalPage) -> ApiResult<StatusCode> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    let page = page.again(&mut tx, now).await?;
    at::forget_at(&mut tx, &page.installation, now).await?;
    portal_sessions::bind(&mut tx, &page.id_hash, None).await?;
    tx.commit().await?;
    app.committed();
    Ok(StatusCode::NO_CONTENT)
}
