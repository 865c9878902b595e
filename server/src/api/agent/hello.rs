//! `GET /api/agent/v1/hello`: which server this is.

use axum::extract::State;
use deskbell_protocol::{PROTOCOL_VERSION, device::Hello};

use crate::{App, extract::Json};

/// Which server this is, what time it has, and which protocol it speaks. Not signed.
#[utoipa::path(get, path = "/api/agent/v1/hello", tag = "agent", responses((status = 200, body = Hello)))]
pub async fn hello(State(app): State<App>) -> Json<Hello> {
    Json(Hello {
        server_id: app.server_id,
        server_time: app.now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol_min: PROTOCOL_VERSION,
        protocol_max: PROTOCOL_VERSION,
    })
}
