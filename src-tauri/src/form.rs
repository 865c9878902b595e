//! Opening the new ticket window, and the picture that belongs to it.

use std::time::Duration;

use deskbell_agent_core::{
    Agent,
    view::{CommandError, Screenshot, TicketForm},
};
use tauri::{AppHandle, Emitter, Manager};

use crate::{
    actions::Cause,
    browser,
    capture::Camera,
    clock, permission,
    screen::{self, Still},
    windows::{self, Look, Page},
};

/// How long the desktop gets to paint what was under our windows, once they are hidden. No system
/// says when it has; two frames at 60 Hz are 33 ms, and slow programs repaint within some more.
const REPAINT: Duration = Duration::from_millis(150);

/// How long the window gets to be painted, before the pixels of the picture are fetched and packed: that would take
/// server and processor from it. Two frames at 60 Hz, since no system says when it has been.
const PAINT: Duration = Duration::from_millis(33);

/// Captures the screen, then shows the window over it. Where the window is open with a picture
/// already, it is raised and keeps that: a second press is somebody looking for the window.
pub(crate) fn open(app: &AppHandle, cause: Cause) {
    let app = app.clone();
    if !browser::has_web_view(&app) {
        // A picture would have nowhere to go.
        return windows::open(&app, Page::NewTicket, Look::of(&app.state::<Agent>().status()));
    }
    tauri::async_runtime::spawn(async move {
        let status = app.state::<Agent>().status();
        let look = Look::of(&status);
        let camera = app.state::<Camera>();
        // Two presses shortly after each other are one picture: the second finds the window of the first.
        let _settled = camera.settled().await;
        let usable = status.state.as_ref().is_some_and(|state| state.usable());
        let kept = windows::is_visible(&app, Page::NewTicket) && camera.describe().is_some();
        // A closed form sends nothing, so it needs no picture.
        let still = if usable && !kept { shoot(&app, look, Page::NewTicket, false).await } else { None };
        windows::open(&app, Page::NewTicket, look);
        if !kept {
            tokio::time::sleep(PAINT).await;
            keep(&app, still, cause == Cause::Hotkey).await;
            announce(&app).await;
        }
    });
}

/// Takes the picture again, on the person's wish, without our windows in it.
pub(crate) async fn retake(app: &AppHandle) -> Option<Screenshot> {
    let look = Look::of(&app.state::<Agent>().status());
    let camera = app.state::<Camera>();
    let _settled = camera.settled().await;
    let still = shoot(app, look, Page::NewTicket, true).await;
    windows::open(app, Page::NewTicket, look);
    keep(app, still, false).await
}

pub(crate) async fn current(app: &AppHandle) -> Result<TicketForm, CommandError> {
    app.state::<Agent>().inner().ticket_form(app.state::<Camera>().describe()).await
}

/// The windows that hide for the picture come back behind the one that is about to open.
async fn shoot(app: &AppHandle, look: Look, opening: Page, wished: bool) -> Option<Still> {
    if !permission::to_capture(app.state::<Agent>().inner(), wished) {
        return None;
    }
    let hidden = windows::hide_all(app);
    if !hidden.is_empty() {
        tokio::time::sleep(REPAINT).await;
    }
    let here = app.clone();
    let shot = tokio::task::spawn_blocking(move || screen::take(&here)).await;
    for page in hidden.into_iter().filter(|page| *page != opening) {
        windows::open(app, page, look);
    }
    match shot {
        Ok(Ok(still)) => Some(still),
        Ok(Err(error)) => {
            tracing::warn!(%error, "no screenshot");
            None
        }
        Err(error) => {
            tracing::error!(%error, "the capture fell over");
            None
        }
    }
}

/// Where there is no new picture, there is none: an old one shows something else.
async fn keep(app: &AppHandle, still: Option<Still>, by_hotkey: bool) -> Option<Screenshot> {
    let (here, now) = (app.clone(), clock::now());
    let kept = tokio::task::spawn_blocking(move || {
        let camera = here.state::<Camera>();
        camera.forget();
        let pixels = still?.pixels().inspect_err(|error| tracing::warn!(%error, "no screenshot")).ok()?;
        let kept = camera.keep(pixels, now, by_hotkey);
        kept.inspect_err(|error| tracing::warn!(%error, "the screenshot cannot be kept")).ok()
    });
    kept.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the encoder fell over");
        None
    })
}

/// Tells the page of the new picture. Its draft stays as it is.
async fn announce(app: &AppHandle) {
    let Some(window) = windows::get(app, Page::NewTicket) else { return };
    match current(app).await {
        Ok(form) => {
            if let Err(error) = window.emit_to(Page::NewTicket.label(), "form", form) {
                tracing::error!(%error, "the page cannot be told of the picture");
            }
        }
        Err(error) => tracing::error!(%error, "the form cannot be read"),
    }
}
