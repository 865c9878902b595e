//! The three windows: made when they are wanted, hidden instead of closed, on top with the focus when they
//! are opened. `shown` says when one that is hidden goes.

use deskbell_agent_core::{
    Agent,
    view::{AgentStatus, Theme},
};
use deskbell_protocol::{id::TicketId, ticket::Language};
use serde::{Deserialize, Serialize};
use tauri::{
    AppHandle, Emitter, LogicalSize, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent,
    window::Color,
};

use crate::{
    browser::{self, Place},
    shown::{self, Shown},
    texts,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Page {
    NewTicket,
    Settings,
    Tickets,
}

/// Logical pixels below which no window shrinks.
const LEAST_HEIGHT: f64 = 240.0;

/// The canvas of `ui/tokens.css`, so that a window is never white before its page is drawn.
const CANVAS_LIGHT: Color = Color(0xF5, 0xF4, 0xF1, 0xFF);
const CANVAS_DARK: Color = Color(0x12, 0x12, 0x11, 0xFF);

impl Page {
    pub(crate) const ALL: [Self; 3] = [Self::NewTicket, Self::Settings, Self::Tickets];

    /// Names the window to the page in it, and to its capability file.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NewTicket => "new-ticket",
            Self::Settings => "settings",
            Self::Tickets => "tickets",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::NewTicket => "tray.window.new_ticket",
            Self::Settings => "tray.window.settings",
            Self::Tickets => "tray.window.tickets",
        }
    }

    /// Logical pixels. The height is the first one; the page then asks for what its content needs.
    fn size(self) -> (f64, f64) {
        match self {
            Self::NewTicket => (480.0, 620.0),
            Self::Settings => (480.0, 480.0),
            Self::Tickets => (520.0, 720.0),
        }
    }
}

/// How windows look at the moment; kept so that one made later looks the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
}

impl Look {
    pub(crate) fn of(status: &AgentStatus) -> Self {
        Self { language: status.language, theme: status.theme }
    }

    fn system_theme(self) -> Option<tauri::Theme> {
        match self.theme {
            Theme::System => None,
            Theme::Light => Some(tauri::Theme::Light),
            Theme::Dark => Some(tauri::Theme::Dark),
        }
    }
}

/// Opens a window, or raises it where it is open. Without a web view none is attempted.
pub(crate) fn open(app: &AppHandle, page: Page, look: Look) {
    if elsewhere(app, page) {
        return;
    }
    let opened = match get(app, page) {
        Some(window) => raise(&window),
        None => create(app, page, look, None),
    };
    log_failure(page, opened);
}

/// Opens *My tickets* at one conversation. A window that is being made finds the ticket in its
/// address, since it cannot hear an event yet.
pub(crate) fn open_ticket(app: &AppHandle, ticket: TicketId, look: Look) {
    if elsewhere(app, Page::Tickets) {
        return;
    }
    let opened = match get(app, Page::Tickets) {
        Some(window) => {
            window.emit_to(window.label(), "show-ticket", ShowTicket { ticket }).and_then(|()| raise(&window))
        }
        None => create(app, Page::Tickets, look, Some(ticket)),
    };
    log_failure(Page::Tickets, opened);
}

/// Whether the page is shown, or spoken of, in another way than in a window.
fn elsewhere(app: &AppHandle, page: Page) -> bool {
    match browser::place(browser::has_web_view(app), &app.state::<Agent>().status(), page) {
        Place::Window => false,
        place => {
            browser::open(app, place);
            true
        }
    }
}

#[derive(Clone, Serialize)]
struct ShowTicket {
    ticket: TicketId,
}

/// Hides a window, on the person's wish.
pub(crate) fn close(window: &WebviewWindow) -> tauri::Result<()> {
    window.hide()?;
    if let Some(page) = Page::ALL.into_iter().find(|page| page.label() == window.label()) {
        shown::closed(window.app_handle(), page);
    }
    Ok(())
}

fn log_failure(page: Page, result: tauri::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, window = page.label(), "a window cannot be shown");
    }
}

pub(crate) fn get(app: &AppHandle, page: Page) -> Option<WebviewWindow> {
    app.get_webview_window(page.label())
}

pub(crate) fn is_visible(app: &AppHandle, page: Page) -> bool {
    get(app, page).is_some_and(|window| window.is_visible().unwrap_or(false) && !window.is_minimized().unwrap_or(false))
}

/// Hides what is visible of ours, and says what that was.
pub(crate) fn hide_all(app: &AppHandle) -> Vec<Page> {
    let visible: Vec<_> = Page::ALL.into_iter().filter(|page| is_visible(app, *page)).collect();
    for page in &visible {
        log_failure(*page, get(app, *page).map_or(Ok(()), |window| window.hide()));
    }
    visible
}

/// Titles and themes after a change of the person's preferences.
pub(crate) fn apply(app: &AppHandle, look: Look) {
    for (page, window) in Page::ALL.into_iter().filter_map(|page| Some((page, get(app, page)?))) {
        log_failure(page, dress(page, &window, look));
    }
}

fn dress(page: Page, window: &WebviewWindow, look: Look) -> tauri::Result<()> {
    window.set_title(texts::text(look.language, page.title()))?;
    window.set_theme(look.system_theme())?;
    window.set_background_color(Some(canvas(window, look)))
}

/// Gives a window the height that its content needs, as far as the screen has it.
pub(crate) fn resize(window: &WebviewWindow, height: f64) -> tauri::Result<()> {
    let scale = window.scale_factor()?;
    let inner = window.inner_size()?.to_logical::<f64>(scale);
    let outer = window.outer_size()?.to_logical::<f64>(scale);
    let monitor = window.current_monitor()?.or(window.primary_monitor()?);
    let room = monitor.map_or(f64::MAX, |monitor| f64::from(monitor.work_area().size.height) / scale);
    let height = fitting_height(height, room, outer.height - inner.height);
    window.set_size(LogicalSize::new(inner.width, height))
}

/// `frame` is what the system draws around the content.
fn fitting_height(wanted: f64, room: f64, frame: f64) -> f64 {
    wanted.min(room - frame.max(0.0)).max(LEAST_HEIGHT)
}

fn create(app: &AppHandle, page: Page, look: Look, ticket: Option<TicketId>) -> tauri::Result<()> {
    let (width, height) = page.size();
    let address = ticket.map_or("index.html".to_owned(), |ticket| format!("index.html#ticket={ticket}"));
    let window = WebviewWindowBuilder::new(app, page.label(), WebviewUrl::App(address.into()))
        .inner_size(width, height)
        .min_inner_size(width, LEAST_HEIGHT)
        .maximizable(page == Page::Tickets)
        .visible(false)
        .center()
        .on_navigation(is_ours)
        .build()?;
    dress(page, &window, look)?;
    let owner = app.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            api.prevent_close();
            log_failure(page, get(&owner, page).map_or(Ok(()), |window| close(&window)));
        }
    });
    shown::wait_for_page(&window);
    Ok(())
}

fn canvas(window: &WebviewWindow, look: Look) -> Color {
    let dark = match look.theme {
        Theme::Light => false,
        Theme::Dark => true,
        Theme::System => window.theme().is_ok_and(|theme| theme == tauri::Theme::Dark),
    };
    if dark { CANVAS_DARK } else { CANVAS_LIGHT }
}

/// A window shows the pages of this program and nothing else, whatever a link in it says.
fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => true,
        "http" | "https" => url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

/// The same for a window whose page has just become ready.
pub(crate) fn show(window: &WebviewWindow) {
    if let Err(error) = raise(window) {
        tracing::error!(%error, window = window.label(), "a window cannot be shown");
    }
}

/// Shows a window on top of every other, with the focus.
fn raise(window: &WebviewWindow) -> tauri::Result<()> {
    window.state::<Shown>().again(window.label());
    window.unminimize()?;
    window.show()?;
    present(window)
}

/// Window managers that guard the focus give it to a window that proves with a timestamp of the X
/// server that a person has just asked for it. The time of the key press is not known here, the
/// present time is, and is not older.
#[cfg(target_os = "linux")]
fn present(window: &WebviewWindow) -> tauri::Result<()> {
    use gtk::prelude::*;

    let target = window.clone();
    window.run_on_main_thread(move || {
        let Ok(window) = target.gtk_window() else { return };
        // A window that was never shown has no X window yet to ask the server with.
        window.realize();
        let x11 = window.window().and_then(|surface| surface.downcast::<gdkx11::X11Window>().ok());
        let time = x11.map_or(0, |surface| gdkx11::functions::x11_get_server_time(&surface));
        window.present_with_time(time);
    })
}

/// *Always on top* for a moment puts a window in front even where the system would only let its
/// entry in the taskbar blink. On Linux it does harm: taking it back lowers the window.
#[cfg(not(target_os = "linux"))]
fn present(window: &WebviewWindow) -> tauri::Result<()> {
    window.set_always_on_top(true)?;
    window.set_focus()?;
    window.set_always_on_top(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_has_a_title_in_every_language() {
        for page in Page::ALL {
            for language in Language::ALL {
                assert!(texts::find(*language, page.title()).is_some(), "{} in {language}", page.label());
            }
            assert_eq!(serde_json::to_value(page).unwrap(), page.label(), "the page calls a window by its label");
        }
    }

    #[test]
    fn a_window_is_as_high_as_its_content_up_to_the_screen() {
        assert_eq!(fitting_height(600.0, 1000.0, 40.0), 600.0);
        assert_eq!(fitting_height(1200.0, 1000.0, 40.0), 960.0);
        assert_eq!(fitting_height(10.0, 1000.0, 40.0), LEAST_HEIGHT);
    }

    #[test]
    fn a_window_leaves_this_program_for_no_address() {
        for (url, ours) in [
            ("tauri://localhost/index.html", true),
            ("http://tauri.localhost/index.html#ticket=1", true),
            ("https://example.com/", false),
            ("http://tauri.localhost.example.com/", false),
            ("file:///etc/passwd", false),
            ("javascript:alert(1)", false),
        ] {
            assert_eq!(is_ours(&url.parse().unwrap()), ours, "{url}");
        }
    }
}
