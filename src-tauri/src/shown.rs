//! When a window comes and goes: one that is made shows itself once its page can be typed into, and one
//! that has been closed for a while is let go, with the processes and the memory that its page takes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tauri::{AppHandle, Emitter, Manager, WebviewWindow};

use crate::{
    capture::Camera,
    windows::{self, Page},
};

/// A page that never says that it is ready may have something to show nevertheless. Longer than one takes on a slow
/// laptop that starts up: what is typed into a half-loaded page is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a closed window is kept: whoever opens it again within that time has it at once.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// How often each window was shown since it was made.
#[derive(Default)]
pub(crate) struct Shown(Mutex<HashMap<String, u32>>);

impl Shown {
    pub(crate) fn again(&self, label: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(label.to_owned()).or_default() += 1;
    }

    fn times(&self, label: &str) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(label).copied().unwrap_or_default()
    }

    fn forget(&self, label: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(label);
    }
}

/// Begins the wait for the page of a new window.
pub(crate) fn wait_for_page(window: &WebviewWindow) {
    let window = window.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        page_is_ready(&window);
    });
}

/// Shows a window for the first time. It is not shown before: what is typed into a page that is being
/// loaded is lost.
pub(crate) fn page_is_ready(window: &WebviewWindow) {
    if window.state::<Shown>().times(window.label()) == 0 {
        windows::show(window);
    }
}

/// The person closed it. After a while its page is asked whether anything in it is kept nowhere else.
pub(crate) fn closed(app: &AppHandle, page: Page) {
    let (app, label) = (app.clone(), page.label());
    tauri::async_runtime::spawn(async move {
        let before = app.state::<Shown>().times(label);
        tokio::time::sleep(KEPT).await;
        let Some(window) = windows::get(&app, page) else { return };
        if app.state::<Shown>().times(label) == before && !windows::is_visible(&app, page) {
            tracing::debug!(window = label, "may be let go");
            if let Err(error) = window.emit_to(label, "rest", ()) {
                tracing::error!(%error, "the page cannot be asked");
            }
        }
    });
}

/// The page has nothing that would be lost. A press that opens it again at this moment is waited for.
pub(crate) async fn let_go(window: &WebviewWindow) -> tauri::Result<()> {
    let camera = window.state::<Camera>();
    let _settled = camera.settled().await;
    if window.is_visible()? {
        return Ok(());
    }
    window.state::<Shown>().forget(window.label());
    if window.label() == Page::NewTicket.label() {
        // The next press of the key takes another one.
        camera.forget();
    }
    window.destroy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_was_let_go_was_never_shown() {
        let shown = Shown::default();
        shown.again("settings");
        assert_eq!((shown.times("settings"), shown.times("tickets")), (1, 0));
        shown.forget("settings");
        assert_eq!(shown.times("settings"), 0, "the next one shows itself when its page is ready");
    }
}
