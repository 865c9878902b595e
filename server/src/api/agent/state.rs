//! `GET /api/agent/v1/state`: what an installation is told about itself.

use axum::extract::State;
use deskbell_protocol::{
    device::{AgentState, Confirmation},
    error::ErrorBody,
};

use crate::{
    App,
    auth::device::Device,
    db::{Tx, agent_settings, installations::Installation},
    error::ApiResult,
    extract::Json,
};

/// The present state. It is part of every sync's answer too; asking here changes nothing, so that a
/// diagnosis can ask beside an agent that runs.
#[utoipa::path(get, path = "/api/agent/v1/state", tag = "agent", responses(
    (status = 200, body = AgentState),
    (status = 403, body = ErrorBody),
))]
pub async fn state(State(app): State<App>, device: Device) -> ApiResult<Json<AgentState>> {
    let mut tx = app.db.look().await?;
    Ok(Json(of(&mut tx, &device.installation).await?))
}

/// The state of an installation, as it is in this transaction.
pub(in crate::api) async fn of(tx: &mut Tx, installation: &Installation) -> sqlx::Result<AgentState> {
    let (domains, settings) = agent_settings::told(tx, installation.client_id.0).await?;
    Ok(AgentState {
        registration: installation.registration.0,
        enabled: installation.choices.enabled(),
        revision: installation.revision,
        organization: installation.organization_name.clone().unwrap_or_default(),
        client: installation.client_name.clone(),
        domains,
        confirmation: confirmation(installation),
        settings,
    })
}

pub(super) fn confirmation(installation: &Installation) -> Option<Confirmation> {
    Some(Confirmation {
        requester_id: installation.requester_id?.0,
        name: installation.requester_name.clone()?,
        email: installation.requester_email.clone()?,
        confirmed_at: installation.confirmed_at?,
        vouched: installation.vouched_by.is_some(),
    })
}
