//! A client's people: those who confirmed an address.

use axum::extract::State;
use deskbell_protocol::{
    Millis,
    error::ErrorBody,
    id::{ClientId, RequesterId},
};
use serde::Serialize;
use serde_json::json;

use crate::{
    App,
    auth::technician::{Admin, Technician},
    clock,
    db::{
        Tx, clients,
        history::{self, Entry},
        installations,
        live_events::{self, Concerned, ConsoleEvent},
        requesters::{self, Requester},
    },
    error::{ApiError, ApiResult},
    extract::{Json, Path},
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Person {
    pub id: RequesterId,
    pub name: String,
    pub email: String,
    pub deactivated_at: Option<Millis>,
    /// Installations at which they are confirmed.
    pub devices: i64,
    pub active_tickets: i64,
}

impl From<Requester> for Person {
    fn from(row: Requester) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            email: row.email,
            deactivated_at: row.deactivated_at,
            devices: row.devices,
            active_tickets: row.active_tickets,
        }
    }
}

/// By name.
#[utoipa::path(get, path = "/api/console/v1/clients/{id}/people", tag = "console", params(("id" = ClientId, Path)),
    responses((status = 200, body = Vec<Person>), (status = 404, body = ErrorBody)))]
pub async fn list(
    State(app): State<App>,
    technician: Technician,
    Path(client): Path<ClientId>,
) -> ApiResult<Json<Vec<Person>>> {
    let mut tx = app.db.read().await?;
    clients::find(&mut tx, technician.scope(), client).await?.ok_or_else(ApiError::not_found)?;
    Ok(Json(requesters::of_client(&mut tx, client).await?.into_iter().map(Person::from).collect()))
}

/// Ends a person's access: their confirmations end everywhere, and no new one is made. Their
/// tickets stay.
#[utoipa::path(post, path = "/api/console/v1/people/{id}/deactivate", tag = "console", params(("id" = RequesterId, Path)),
    responses((status = 200, body = Person), (status = 404, body = ErrorBody)))]
pub async fn deactivate(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<RequesterId>,
) -> ApiResult<Json<Person>> {
    set_access(&app, &technician, id, false).await
}

/// Gives access back; the person confirms their address again.
#[utoipa::path(post, path = "/api/console/v1/people/{id}/reactivate", tag = "console", params(("id" = RequesterId, Path)),
    responses((status = 200, body = Person), (status = 404, body = ErrorBody)))]
pub async fn reactivate(
    State(app): State<App>,
    Admin(technician): Admin,
    Path(id): Path<RequesterId>,
) -> ApiResult<Json<Person>> {
    set_access(&app, &technician, id, true).await
}

async fn set_access(app: &App, technician: &Technician, id: RequesterId, access: bool) -> ApiResult<Json<Person>> {
    let now = app.now();
    let mut tx = app.db.write().await?;
    requesters::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    requesters::set_deactivated(&mut tx, id, (!access).then_some(now)).await?;
    if !access {
        for installation in installations::end_confirmations_of(&mut tx, id).await? {
            live_events::state_changed(&mut tx, Concerned::Installation(installation), now).await?;
        }
    }
    let action = if access { "person.reactivated" } else { "person.deactivated" };
    let person = noted(&mut tx, technician, id, action, now).await?;
    tx.commit().await?;
    app.committed();
    Ok(Json(person))
}

async fn noted(tx: &mut Tx, technician: &Technician, id: RequesterId, action: &str, now: Millis) -> ApiResult<Person> {
    let row = requesters::find(tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let client = row.client_id.0;
    let actor = technician.actor();
    let entry = Entry {
        id: clock::new_id(now),
        at: now,
        actor: &actor,
        action,
        client: Some(client),
        device: None,
        ticket: None,
        detail: json!({ "requester": id }),
    };
    history::add(tx, entry).await?;
    live_events::to_consoles(tx, &ConsoleEvent::Client { id: client }, now).await?;
    Ok(row.into())
}
