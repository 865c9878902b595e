//! `GET /api/agent/v1/live`: says at once that something is new.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use deskbell_protocol::{error::ErrorBody, limits::LIVE_HEARTBEAT_SECONDS, sync::AgentEvent};
use futures::Stream;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    App,
    auth::device::{self, Device},
    db::{
        installations::{self, Installation},
        live_events::{self, ConsoleEvent},
    },
    error::ApiResult,
};

/// Server-sent events, each with an [`AgentEvent`] as data. The connection ends when the
/// registration does.
#[utoipa::path(get, path = "/api/agent/v1/live", tag = "agent", responses(
    (status = 200, body = AgentEvent, content_type = "text/event-stream"),
    (status = 403, body = ErrorBody),
))]
pub async fn live(
    State(app): State<App>,
    device: Device,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let mut events = app.live.subscribe();
    let installation = device.installation;
    online(&app, &installation, true).await?;
    let heartbeat = Duration::from_secs(LIVE_HEARTBEAT_SECONDS);
    let stream = async_stream::stream! {
        // What happened before this connection is fetched by a sync.
        yield Ok(Event::default().comment("connected"));
        let mut beat = tokio::time::interval(heartbeat);
        beat.tick().await;
        let guard = Offline { app: app.clone(), installation: installation.clone() };
        loop {
            tokio::select! {
                () = app.shutdown.cancelled() => break,
                _ = beat.tick() => {
                    if online(&app, &installation, false).await.is_err() { break }
                    yield Ok(Event::default().comment("beat"));
                }
                event = events.recv() => match event {
                    Ok(event) if event.installation_id == Some(installation.id) => {
                        if !still_accepted(&app, &installation).await { break }
                        yield Ok(Event::default().data(event.event.clone()));
                    }
                    Ok(_) => {}
                    // Too far behind: the agent comes back and syncs.
                    Err(RecvError::Lagged(_) | RecvError::Closed) => break,
                },
            }
        }
        drop(guard);
    };
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(heartbeat)))
}

async fn still_accepted(app: &App, installation: &Installation) -> bool {
    let Ok(mut tx) = app.db.read().await else { return true };
    device::accepted(&mut tx, &installation.public_key).await.is_ok()
}

/// Notes that the installation is online until some time after the next heartbeat.
async fn online(app: &App, installation: &Installation, first: bool) -> ApiResult<()> {
    let now = app.now();
    let until = now + 2 * 1000 * i64::try_from(LIVE_HEARTBEAT_SECONDS).unwrap_or(0);
    let mut tx = app.db.write().await?;
    installations::set_online(&mut tx, installation.id.0, until, now).await?;
    if first {
        let (id, client) = (installation.device_id.0, installation.client_id.0);
        live_events::to_consoles(&mut tx, &ConsoleEvent::Device { id, client }, now).await?;
    }
    tx.commit().await?;
    app.live.wake();
    Ok(())
}

/// Notes that a connection ended, however it did.
struct Offline {
    app: App,
    installation: Installation,
}

impl Drop for Offline {
    fn drop(&mut self) {
        let (app, installation) = (self.app.clone(), self.installation.clone());
        tokio::spawn(async move {
            let now = app.now();
            let noted = async {
                let mut tx = app.db.write().await?;
                installations::set_online(&mut tx, installation.id.0, now, now).await?;
                let (id, client) = (installation.device_id.0, installation.client_id.0);
                live_events::to_consoles(&mut tx, &ConsoleEvent::Device { id, client }, now).await?;
                tx.commit().await
            };
            match noted.await {
                Ok(()) => app.live.wake(),
                Err(error) => tracing::debug!(%error, "the end of a live connection cannot be noted"),
            }
        });
    }
}
