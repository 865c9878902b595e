//! `GET /api/agent/v1/live`: says at once that something is new.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use deskbell_protocol::{
    error::ErrorBody,
    id::{ClientId, DeviceId, InstallationId},
    limits::LIVE_HEARTBEAT_SECONDS,
    sync::AgentEvent,
};

use crate::{
    App,
    auth::device::Device,
    db::{
        Tx,
        installations::{self, Installation},
        live_events::{self, ConsoleEvent},
    },
    error::ApiResult,
    live::Following,
};

/// What happened before a connection is fetched by a sync.
const CONNECTED: Bytes = Bytes::from_static(b": connected\n\n");
const BEAT: Bytes = Bytes::from_static(b": beat\n\n");
const HEARTBEAT: Duration = Duration::from_secs(LIVE_HEARTBEAT_SECONDS);

/// Server-sent events, each with an [`AgentEvent`] as data. The connection ends when the
/// registration does.
#[utoipa::path(get, path = "/api/agent/v1/live", tag = "agent", responses(
    (status = 200, body = AgentEvent, content_type = "text/event-stream"),
    (status = 403, body = ErrorBody),
))]
pub async fn live(State(app): State<App>, device: Device) -> ApiResult<Response> {
    let who = Who::from(&device.installation);
    let following = app.live.follow(who.installation);
    online(&app, who, Moment::First).await?;
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
                _ = beat.tick() => {
                    if online(&app, who, Moment::Beat).await.is_err() { break }
                    yield Ok(BEAT);
                }
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

/// Of a connection. Consoles hear of its beginning and of its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    First,
    Beat,
    Last,
}

/// Notes that the installation is online until some time after the next heartbeat, or no longer.
async fn online(app: &App, who: Who, moment: Moment) -> ApiResult<()> {
    let now = app.now();
    app.group.write(move |tx| Box::pin(note(tx, who, moment, now))).await?;
    if moment != Moment::Beat {
        app.live.wake();
    }
    Ok(())
}

async fn note(tx: &mut Tx, who: Who, moment: Moment, now: deskbell_protocol::Millis) -> ApiResult<()> {
    let beats = if moment == Moment::Last { 0 } else { 2 };
    let until = now + beats * 1000 * i64::try_from(LIVE_HEARTBEAT_SECONDS).unwrap_or(0);
    installations::set_online(tx, who.installation, until, now).await?;
    if moment != Moment::Beat {
        let event = ConsoleEvent::Device { id: who.device, client: who.client };
        live_events::to_consoles(tx, &event, now).await?;
    }
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
            if let Err(error) = online(&app, who, Moment::Last).await {
                tracing::debug!(?error, "the end of a live connection cannot be noted");
            }
        });
    }
}
