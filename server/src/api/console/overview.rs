//! The counts beside the navigation.

use axum::extract::State;
use deskbell_protocol::id::ClientId;
use serde::Serialize;

use crate::{
    App,
    auth::technician::Technician,
    db::{
        clients,
        tickets::{self, Filter, View},
    },
    error::ApiResult,
    extract::Json,
    words::Wanted,
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Overview {
    pub tickets: TicketCounts,
    pub clients: Vec<ClientCount>,
}

/// Counted up to 1000; 1001 means that there are more.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TicketCounts {
    pub active: i64,
    pub mine: i64,
    pub unassigned: i64,
    /// Whose people cannot work.
    pub cannot_work: i64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ClientCount {
    pub id: ClientId,
    pub name: String,
    pub active_tickets: i64,
}

#[utoipa::path(get, path = "/api/console/v1/overview", tag = "console", responses((status = 200, body = Overview)))]
pub async fn get(State(app): State<App>, technician: Technician) -> ApiResult<Json<Overview>> {
    let mut tx = app.db.read().await?;
    let mut counts = [0; 4];
    for (count, view) in counts.iter_mut().zip([View::Active, View::Mine, View::Unassigned, View::CannotWork]) {
        let filter = Filter {
            view,
            technician: technician.id(),
            scope: technician.scope(),
            client: None,
            device: None,
            wanted: Wanted::Any,
        };
        *count = tickets::count(&mut tx, &filter).await?;
    }
    let [active, mine, unassigned, cannot_work] = counts;
    let clients = clients::active_tickets(&mut tx, technician.scope()).await?;
    Ok(Json(Overview {
        tickets: TicketCounts { active, mine, unassigned, cannot_work },
        clients: clients
            .into_iter()
            .map(|(id, name, active_tickets)| ClientCount { id: id.0, name, active_tickets })
            .collect(),
    }))
}
