//! `GET /api/agent/v1/live`: says at once that something is new.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

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
use futures::{Stream, StreamExt};
use tokio::time::{Instant, Interval, interval_at};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::{
    App,
    auth::{self, device::Device},
    db::{
        Scope,
        installations::{self, Installation},
        live_events::{self, ConsoleEvent},
    },
    error::{ApiError, ApiResult},
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
    let open = Open { following: Some(app.live.follow(who.installation)), app: app.clone(), who };
    // What ended its registration before it follows told nobody here: that is looked at once more.
    note(&app, who, true).await?;
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, Body::from_stream(Told::new(open))).into_response())
}

/// What a connection is told. Thousands of these are open at a time, so that each holds what it needs and nothing else:
/// the same as an `async` block takes ten times as much.
struct Told {
    open: Open,
    begun: bool,
    beat: Interval,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Told {
    fn new(open: Open) -> Self {
        let closing = Box::pin(open.app.shutdown.clone().cancelled_owned());
        Self { open, begun: false, beat: interval_at(Instant::now() + HEARTBEAT, HEARTBEAT), closing }
    }
}

impl Stream for Told {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !std::mem::replace(&mut self.begun, true) {
            return Poll::Ready(Some(Ok(CONNECTED)));
        }
        if self.closing.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        match self.open.following.as_mut().map(|following| following.poll_next_unpin(context)) {
            None => Poll::Ready(None),
            Some(Poll::Ready(said)) => Poll::Ready(said.map(Ok)),
            Some(Poll::Pending) => self.beat.poll_tick(context).map(|_| Some(Ok(BEAT))),
        }
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
            if begins {
                let installation = installations::find(tx, Scope::All, who.installation).await?;
                auth::device::let_in(installation.ok_or_else(ApiError::not_found)?)?;
            }
            installations::set_online(tx, who.installation, until, now).await?;
            let event = ConsoleEvent::Device { id: who.device, client: who.client };
            Ok(live_events::to_consoles(tx, &event, now).await?)
        })
    });
    noted.await?;
    app.live.wake();
    Ok(())
}

/// A connection: when it ends, however it does, that is noted.
struct Open {
    following: Option<Following>,
    app: App,
    who: Who,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.following = None;
        // An agent that came back is here again before its old connection is found to be gone.
        if self.app.live.is_followed(self.who.installation) {
            return;
        }
        let (app, who) = (self.app.clone(), self.who);
        tokio::spawn(async move {
            if let Err(error) = note(&app, who, false).await {
                tracing::debug!(?error, "the end of a live connection cannot be noted");
            }
        });
    }
}
