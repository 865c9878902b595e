//! The bell in the tray: one picture, one tooltip, and the menu that [`ACTIONS`] describes.

use std::sync::{Mutex, PoisonError};

use deskbell_agent_core::view::{AgentStatus, Bell, ProblemCode};
use deskbell_protocol::{device::HotkeyState, ticket::Language};
use tauri::{
    AppHandle, Manager,
    image::Image,
    menu::{IsMenuItem, Menu, MenuItem, PredefinedMenuItem},
    tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent},
};

use crate::{
    actions::{self, ACTIONS, Action, Cause, Row},
    ground::ground,
    icons::{self, Ground},
    texts,
};

/// Names the icon to the desktop.
const ID: &str = "deskbell";

pub(crate) struct Tray {
    icon: TrayIcon,
    /// In the order of [`ACTIONS`].
    items: Vec<MenuItem<tauri::Wry>>,
    status: MenuItem<tauri::Wry>,
    shown: Mutex<Option<Face>>,
}

/// Everything that the tray shows at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Face {
    bell: Bell,
    ground: Ground,
    pixels: u32,
    tooltip: String,
    status: String,
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    text: String,
    /// Shown beside the text; the desktop does not act on it.
    key: Option<String>,
}

/// Puts the bell into the tray.
///
/// # Errors
/// Where the system has no tray at all. A desktop without a tray host is no error here: the bell
/// appears when a host does.
pub(crate) fn create(app: &AppHandle, status: &AgentStatus) -> tauri::Result<()> {
    let items = ACTIONS
        .iter()
        .map(|row| MenuItem::with_id(app, row.id, item(row, status).text, true, None::<&str>))
        .collect::<tauri::Result<Vec<_>>>()?;
    let line = MenuItem::with_id(app, "status", status_line(status), false, None::<&str>)?;
    let icon = TrayIconBuilder::with_id(ID)
        .menu(&menu(app, &items, &line)?)
        .show_menu_on_left_click(false)
        .icon_as_template(cfg!(target_os = "macos"))
        .icon(picture(status.bell, ground(), pixels(app)))
        .on_menu_event(|app, event| {
            if let Some(action) = actions::of_id(event.id().as_ref()) {
                actions::run(app, action, Cause::Menu);
            }
        })
        .on_tray_icon_event(|icon, event| {
            if is_left_click(&event) {
                actions::run(icon.app_handle(), Action::Tickets, Cause::Menu);
            }
        })
        .build(app)?;
    app.manage(Tray { icon, items, status: line, shown: Mutex::default() });
    show(app, status);
    Ok(())
}

/// A line between groups, and the status below the last one.
fn menu(
    app: &AppHandle,
    items: &[MenuItem<tauri::Wry>],
    status: &MenuItem<tauri::Wry>,
) -> tauri::Result<Menu<tauri::Wry>> {
    let menu = Menu::new(app)?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 && ACTIONS[index - 1].group != ACTIONS[index].group {
            menu.append(&PredefinedMenuItem::separator(app)?)?;
        }
        menu.append(item)?;
    }
    menu.append_items(&[&PredefinedMenuItem::separator(app)? as &dyn IsMenuItem<_>, status])?;
    Ok(menu)
}

fn is_left_click(event: &TrayIconEvent) -> bool {
    matches!(event, TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. })
}

/// Shows a new status, from any thread.
pub(crate) fn update(app: &AppHandle, status: &AgentStatus) {
    let (tray, status) = (app.clone(), status.clone());
    if let Err(error) = app.run_on_main_thread(move || show(&tray, &status)) {
        tracing::error!(%error, "the tray cannot be updated");
    }
}

/// Only what changed is touched: on Linux each picture is a file and each text a signal.
fn show(app: &AppHandle, status: &AgentStatus) {
    let Some(tray) = app.try_state::<Tray>() else { return };
    let face = face(status, ground(), pixels(app));
    let mut shown = tray.shown.lock().unwrap_or_else(PoisonError::into_inner);
    if shown.as_ref() == Some(&face) {
        return;
    }
    match change(&tray, shown.as_ref(), &face) {
        Ok(()) => *shown = Some(face),
        Err(error) => tracing::error!(%error, "the tray cannot be updated"),
    }
}

fn change(tray: &Tray, before: Option<&Face>, face: &Face) -> tauri::Result<()> {
    let looks = |face: &Face| (face.bell, face.ground, face.pixels);
    if before.map(looks) != Some(looks(face)) {
        let picture = picture(face.bell, face.ground, face.pixels);
        tray.icon.set_icon_with_as_template(Some(picture), cfg!(target_os = "macos"))?;
    }
    tray.icon.set_tooltip(Some(&face.tooltip))?;
    tray.status.set_text(&face.status)?;
    for (item, shown) in tray.items.iter().zip(&face.items) {
        item.set_text(&shown.text)?;
        item.set_accelerator(shown.key.as_deref())?;
    }
    Ok(())
}

fn picture(bell: Bell, ground: Ground, pixels: u32) -> Image<'static> {
    let picture = icons::tray(bell, ground, pixels);
    Image::new_owned(picture.rgba, picture.size, picture.size)
}

/// The size that the desktop shows: 16 on Windows, 22 to 24 on Linux, 20 in the Mac's menu bar, which
/// always gets the sharper picture.
fn pixels(app: &AppHandle) -> u32 {
    let scale = app.primary_monitor().ok().flatten().map_or(1.0, |monitor| monitor.scale_factor());
    let base = if cfg!(windows) { 16.0 } else { 24.0 };
    if cfg!(target_os = "macos") { 40 } else { (base * scale).round() as u32 }
}

fn face(status: &AgentStatus, ground: Ground, pixels: u32) -> Face {
    Face {
        bell: status.bell,
        ground,
        pixels,
        tooltip: tooltip(status),
        status: status_line(status),
        items: ACTIONS.iter().map(|row| item(row, status)).collect(),
    }
}

fn item(row: &Row, status: &AgentStatus) -> Item {
    let language = status.language;
    let text = match row.action {
        Action::Tickets if status.unread > 0 => texts::counted(language, "tray.tickets.unread", status.unread),
        _ => texts::text(language, row.text).to_owned(),
    };
    let key = working_key(status).filter(|_| row.hotkey).map(str::to_owned);
    match key {
        // A Linux panel shows no accelerator, and no tooltip either: the text is the only place.
        Some(key) if cfg!(target_os = "linux") => Item { text: format!("{text} ({key})"), key: None },
        key => Item { text, key },
    }
}

/// The hotkey, where pressing it does something.
fn working_key(status: &AgentStatus) -> Option<&str> {
    status.hotkey.key.as_deref().filter(|_| status.hotkey.state == HotkeyState::Registered)
}

/// The menu's last line: what is most worth knowing.
pub(crate) fn status_line(status: &AgentStatus) -> String {
    let language = status.language;
    if status.attention > 0 {
        return texts::counted(language, "tray.status.attention", status.attention);
    }
    match status.bell {
        Bell::Inactive => texts::text(language, "tray.status.inactive").to_owned(),
        Bell::Unconfirmed => texts::text(language, "tray.status.unconfirmed").to_owned(),
        Bell::Offline { waiting: 0 } if web_view_is_missing(status) => {
            texts::text(language, "tray.status.webview_missing.offline").to_owned()
        }
        Bell::Offline { waiting } => offline(language, waiting),
        Bell::Active | Bell::Reply => hotkey_line(status).unwrap_or_else(|| place_line(status)),
    }
}

/// Why the key does nothing, where somebody may wonder.
fn hotkey_line(status: &AgentStatus) -> Option<String> {
    let key = status.hotkey.key.as_deref()?;
    match status.hotkey.state {
        HotkeyState::Taken => Some(texts::fill(status.language, "tray.status.hotkey_taken", &[("key", key)])),
        HotkeyState::Unsupported => Some(texts::text(status.language, "tray.status.hotkey_unsupported").to_owned()),
        HotkeyState::Registered | HotkeyState::Off => None,
    }
}

/// Where tickets are written, if it is not where people expect it; else whom they go to.
fn place_line(status: &AgentStatus) -> String {
    if web_view_is_missing(status) {
        texts::text(status.language, "tray.status.webview_missing").to_owned()
    } else {
        connected(status)
    }
}

fn web_view_is_missing(status: &AgentStatus) -> bool {
    status.problems.iter().any(|problem| problem.code == ProblemCode::WebviewMissing)
}

fn connected(status: &AgentStatus) -> String {
    let organization = status.state.as_ref().map_or("", |state| state.organization.as_str());
    texts::fill(status.language, "tray.status.connected", &[("organization", organization)])
}

fn offline(language: Language, waiting: u32) -> String {
    match waiting {
        0 => texts::text(language, "tray.status.offline.empty").to_owned(),
        _ => texts::counted(language, "tray.status.offline", waiting),
    }
}

fn tooltip(status: &AgentStatus) -> String {
    let language = status.language;
    match status.bell {
        Bell::Inactive => texts::text(language, "tray.status.inactive").to_owned(),
        Bell::Unconfirmed => texts::text(language, "tray.tooltip.unconfirmed").to_owned(),
        Bell::Offline { waiting } => offline(language, waiting),
        Bell::Reply => texts::counted(language, "tray.tooltip.reply", status.unread),
        Bell::Active => match working_key(status) {
            Some(key) => texts::fill(language, "tray.tooltip.active", &[("key", key)]),
            None => texts::text(language, "tray.tooltip.active.keyless").to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use deskbell_agent_core::view::{HotkeyStatus, Problem, Theme};
    use deskbell_protocol::device::{AgentState, Registration};

    use super::*;

    fn status(bell: Bell) -> AgentStatus {
        AgentStatus {
            bell,
            state: Some(AgentState {
                registration: Registration::Accepted,
                enabled: true,
                revision: 1,
                organization: "Halden IT".into(),
                client: "Nordlicht".into(),
                settings: Vec::new(),
                domains: vec![],
                confirmation: None,
            }),
            online: true,
            waiting: 0,
            attention: 0,
            unread: 0,
            problems: vec![],
            hotkey: HotkeyStatus { key: Some("Ctrl+F12".into()), state: HotkeyState::Registered },
            language: Language::En,
            theme: Theme::System,
            server_url: None,
            version: "0".into(),
            settings: vec![],
        }
    }

    #[test]
    fn each_face_says_what_it_means() {
        let say = |status: &AgentStatus| (tooltip(status), status_line(status));
        let both = |tooltip: &str, line: &str| (tooltip.to_owned(), line.to_owned());
        let not_enabled = "Helpdesk is not enabled on this PC";
        assert_eq!(say(&status(Bell::Inactive)), both(not_enabled, not_enabled));
        assert_eq!(
            say(&status(Bell::Unconfirmed)),
            both("Confirm who you are to ask for help", "Waiting for confirmation")
        );
        assert_eq!(say(&status(Bell::Active)), both("Deskbell. Press Ctrl+F12 for help", "Connected to Halden IT"));
        let saved = "Offline. 2 items saved on this PC";
        assert_eq!(say(&status(Bell::Offline { waiting: 2 })), both(saved, saved));
        let reply = AgentStatus { unread: 1, ..status(Bell::Reply) };
        assert_eq!(say(&reply), both("1 new reply", "Connected to Halden IT"));
    }

    #[test]
    fn the_key_is_shown_beside_its_item_only_while_it_works() {
        let keys = |status: &AgentStatus| {
            let shows = |item: Item| item.text.contains("Ctrl+F12") || item.key.as_deref() == Some("Ctrl+F12");
            ACTIONS.iter().map(|row| shows(item(row, status))).collect::<Vec<_>>()
        };
        assert_eq!(keys(&status(Bell::Active)), [true, false, false, false]);
        let mut taken = status(Bell::Active);
        taken.hotkey.state = HotkeyState::Taken;
        assert_eq!(keys(&taken), [false; 4]);
        assert_eq!(status_line(&taken), "Ctrl+F12 is used by another program");
        assert!(!tooltip(&taken).contains("Ctrl"), "a key that does nothing is not advertised");
    }

    #[test]
    fn the_menu_speaks_the_persons_language() {
        let mut french = AgentStatus { language: Language::Fr, unread: 2, ..status(Bell::Reply) };
        french.hotkey.key = None;
        let texts: Vec<_> = ACTIONS.iter().map(|row| item(row, &french).text).collect();
        assert_eq!(
            texts,
            [
                "Créer un nouveau ticket",
                "Mes tickets (2\u{a0}nouvelles réponses)",
                "Paramètres personnels",
                "Quitter Deskbell"
            ]
        );
        assert_eq!(status_line(&french), "Connecté à Halden IT");
    }

    #[test]
    fn without_a_web_view_the_menu_says_where_tickets_are_written() {
        let problem = Problem { code: ProblemCode::WebviewMissing, subject: None };
        let missing = |bell| AgentStatus { problems: vec![problem.clone()], ..status(bell) };
        assert_eq!(status_line(&missing(Bell::Active)), "Opens in the browser: WebView2 is missing");
        let offline = status_line(&missing(Bell::Offline { waiting: 0 }));
        assert_eq!(offline, "Offline, and WebView2 is missing: nothing can be written");
        let saved = status_line(&missing(Bell::Offline { waiting: 2 }));
        assert_eq!(saved, "Offline. 2 items saved on this PC", "what waits is worth more");
    }

    #[test]
    fn what_needs_attention_comes_first() {
        let stuck = AgentStatus { attention: 1, ..status(Bell::Offline { waiting: 3 }) };
        assert_eq!(status_line(&stuck), "1 item needs your attention");
    }
}
