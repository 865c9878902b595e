//! Whether the server lives, and whether it can work.

use axum::extract::State;

use crate::{App, error::ApiResult};

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok"
}

/// The database answers.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses((status = 200, body = String), (status = 503, body = deskbell_protocol::error::ErrorBody)))]
pub async fn readyz(State(app): State<App>) -> ApiResult<&'static str> {
    let mut tx = app.db.look().await?;
    crate::db::organization::find(&mut tx).await?;
    Ok("ready")
}
