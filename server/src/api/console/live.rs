//! `GET /api/console/v1/live`: says at once what changed. The page fetches it again.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use deskbell_protocol::limits::LIVE_HEARTBEAT_SECONDS;
use futures::Stream;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    App,
    auth::technician::Technician,
    db::{live_events::ConsoleEvent, sessions},
    error::ApiResult,
};

/// Server-sent events, each with a [`ConsoleEvent`] as data. The connection ends when the session
/// does.
#[utoipa::path(get, path = "/api/console/v1/live", tag = "console", responses(
    (status = 200, body = ConsoleEvent, content_type = "text/event-stream"),
))]
pub async fn live(
    State(app): State<App>,
    technician: Technician,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let mut events = app.live.subscribe();
    let heartbeat = Duration::from_secs(LIVE_HEARTBEAT_SECONDS);
    let stream = async_stream::stream! {
        yield Ok(Event::default().comment("connected"));
        let mut beat = tokio::time::interval(heartbeat);
        beat.tick().await;
        loop {
            tokio::select! {
                () = app.shutdown.cancelled() => break,
                _ = beat.tick() => {
                    if !signed_in(&app, &technician).await { break }
                    yield Ok(Event::default().comment("beat"));
                }
                event = events.recv() => match event {
                    Ok(event) if event.for_console(technician.scope()) => {
                        yield Ok(Event::default().data(event.event.clone()));
                    }
                    Ok(_) => {}
                    // Too far behind: the page comes back and fetches everything.
                    Err(RecvError::Lagged(_) | RecvError::Closed) => break,
                },
            }
        }
    };
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(heartbeat)))
}

async fn signed_in(app: &App, technician: &Technician) -> bool {
    let Ok(mut tx) = app.db.look().await else { return true };
    sessions::find(&mut tx, &technician.session_hash, app.now()).await.is_ok_and(|session| session.is_some())
}
