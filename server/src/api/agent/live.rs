//! `GET /api/agent/v1/live`: says at once that something is new.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use deskbell_protocol::{
    error::ErrorBody,
    id::{ClientId, DeviceId, InstallationId},
    sync::AgentEvent,
};

use crate::{
    App,
    auth::device::Device,
    db::{
        installations::{self, Installation},
        live_events::{self, ConsoleEvent},
    },
    error::ApiResult,
    live::{Following, HEARTBEAT, online_until},
};

/// What happened before a connection is fetched by a sync.
const CONNECTED: Bytes = Bytes::from_static(b": connected\n\n");
const BEAT: Bytes = Bytes::from_static(b": beat\n\n");

/// Server-sent events, each with an [`AgentEvent`] as data. The connection ends when the
/// registration does.
#[utoipa::path(get, path = "/api/agent/v1/live", tag = "agent", responses(
    (status = 200, body = AgentEvent, content_type = "text/event-stream"),
    (status = 403, body = ErrorBody),
))]
pub async fn live(State(app): State<App>, device: Device) -> ApiResult<Response> {
    let who = Who::from(&device.installation);
    let following = app.live.follow(who.installation);
    note(&app, who, true).await?;
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, Body::from_stream(told(app, who, following))).into_response())
}

/// Thousands of these are open at a time, so that each holds what it needs and nothing else.
fn told(app: App, who: Who, mut following: Following) -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    async_stream::stream! {
        yield Ok(CONNECTED);
        let guard = Offline { app: app.clone(), who };
        let mut beat = tokio::time::interval(HEARTBEAT);
        beat.tick().await;
        loop {
            tokio::select! {
                () = app.shutdown.cancelled() => break,
                _ = beat.tick() => yield Ok(BEAT),
                said = following.next() => match said {
                    Some(said) => yield Ok(said),
                    None => break,
                },
            }
        }
        drop(guard);
    }
}

/// Whose connection it is.
#[derive(Clone, Copy)]
struct Who {
    installation: InstallationId,
    device: DeviceId,
    client: ClientId,
}

impl From<&Installation> for Who {
    fn from(row: &Installation) -> Self {
        Self { installation: row.id.0, device: row.device_id.0, client: row.client_id.0 }
    }
}

/// Notes that a connection began or ended, and tells consoles. Those that last are noted together, by
/// [`crate::live::keep_online`].
async fn note(app: &App, who: Who, begins: bool) -> ApiResult<()> {
    let now = app.now();
    let until = if begins { online_until(now) } else { now };
    let noted = app.group.write(move |tx| {
        Box::pin(async move {
            installations::set_online(tx, who.installation, until, now).await?;
            let event = ConsoleEvent::Device { id: who.device, client: who.client };
            Ok(live_events::to_consoles(tx, &event, now).await?)
        })
    });
    noted.await?;
    app.live.wake();
    Ok(())
}

/// Notes that a connection ended, however it did.
struct Offline {
    app: App,
    who: Who,
}

impl Drop for Offline {
    fn drop(&mut self) {
        let (app, who) = (self.app.clone(), self.who);
        tokio::spawn(async move {
            if let Err(error) = note(&app, who, false).await {
                tracing::debug!(?error, "the end of a live connection cannot be noted");
            }
        });
    }
}
