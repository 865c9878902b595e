//! Opening the new ticket window, and the picture that belongs to it.

use std::time::Duration;

use deskbell_agent_core::{
    Agent,
    view::{CommandError, Screenshot, TicketForm},
};
use image::RgbaImage;
use tauri::{AppHandle, Emitter, Manager};

use crate::{
    actions::Cause,
    browser,
    capture::{self, Camera},
    clock, permission,
    windows::{self, Look, Page},
};

/// How long the desktop gets to paint what was under our windows, once they are hidden. No system
/// says when it has; two frames at 60 Hz are 33 ms, and slow programs repaint within some more.
const REPAINT: Duration = Duration::from_millis(150);

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
        let usable = status.state.as_ref().is_some_and(|state| state.usable());
        let kept = windows::is_visible(&app, Page::NewTicket) && app.state::<Camera>().describe().is_some();
        // A closed form sends nothing, so it needs no picture.
        let raw = if usable && !kept { shoot(&app, look, Page::NewTicket, false).await } else { None };
        windows::open(&app, Page::NewTicket, look);
        if !kept {
            keep(&app, raw, cause == Cause::Hotkey).await;
            announce(&app).await;
        }
    });
}

/// Takes the picture again, on the person's wish, without our windows in it.
pub(crate) async fn retake(app: &AppHandle) -> Option<Screenshot> {
    let look = Look::of(&app.state::<Agent>().status());
    let raw = shoot(app, look, Page::NewTicket, true).await;
    windows::open(app, Page::NewTicket, look);
    keep(app, raw, false).await
}

pub(crate) async fn current(app: &AppHandle) -> Result<TicketForm, CommandError> {
    app.state::<Agent>().inner().ticket_form(app.state::<Camera>().describe()).await
}

/// The windows that hide for the picture come back behind the one that is about to open.
async fn shoot(app: &AppHandle, look: Look, opening: Page, wished: bool) -> Option<RgbaImage> {
    if !permission::to_capture(app.state::<Agent>().inner(), wished) {
        return None;
    }
    let hidden = windows::hide_all(app);
    if !hidden.is_empty() {
        tokio::time::sleep(REPAINT).await;
    }
    let pointer = app.cursor_position().ok().map(|point| (point.x, point.y));
    let shot = tokio::task::spawn_blocking(move || capture::capture(pointer)).await;
    for page in hidden.into_iter().filter(|page| *page != opening) {
        windows::open(app, page, look);
    }
    match shot {
        Ok(Ok(raw)) => Some(raw),
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

async fn keep(app: &AppHandle, raw: Option<RgbaImage>, by_hotkey: bool) -> Option<Screenshot> {
    let Some(raw) = raw else {
        app.state::<Camera>().forget();
        return None;
    };
    let (camera, now) = (app.clone(), clock::now());
    let kept = tokio::task::spawn_blocking(move || camera.state::<Camera>().keep(raw, now, by_hotkey)).await;
    match kept {
        Ok(Ok(screenshot)) => Some(screenshot),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the screenshot cannot be kept");
            None
        }
        Err(error) => {
            tracing::error!(%error, "the encoder fell over");
            None
        }
    }
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
