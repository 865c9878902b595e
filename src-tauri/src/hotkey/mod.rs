//! The key that opens the new ticket window from every program. It is held only while the agent may
//! be used, and never against another program.

use std::{
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use deskbell_agent_core::{
    Agent,
    view::{AgentStatus, Problem, ProblemCode},
};
use deskbell_protocol::device::HotkeyState;
use global_hotkey::hotkey::HotKey;
use tauri::{AppHandle, Manager};

use crate::actions::{self, ACTIONS, Cause};

#[cfg(not(target_os = "linux"))]
#[path = "plugin.rs"]
mod system;
#[cfg(target_os = "linux")]
#[path = "x11.rs"]
mod system;

#[cfg(target_os = "linux")]
mod symbols;

use system::Held;

/// What is registered at the moment.
#[derive(Default)]
pub(crate) struct Hotkey(Mutex<Option<(HotKey, Held)>>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Hold(HotKey),
    /// Policy says none, or the agent may not be used.
    Off,
    /// This desktop has no global hotkeys.
    Unsupported,
    /// The configuration names a key that no keyboard has.
    Unreadable,
}

/// A key whose text cannot be read is treated as one that cannot be had: shown, reported, harmless.
pub(crate) fn wish(usable: bool, key: Option<&str>, supported: bool) -> Wish {
    let Some(key) = key.filter(|_| usable) else { return Wish::Off };
    if !supported {
        return Wish::Unsupported;
    }
    HotKey::from_str(key).map_or(Wish::Unreadable, Wish::Hold)
}

/// A Wayland desktop gives no program a key that was pressed in another. An X server beside it
/// (`XWayland`) takes the registration and never reports the key.
pub(crate) fn supported(get: impl Fn(&str) -> Option<String>) -> bool {
    let wayland = get("XDG_SESSION_TYPE").is_some_and(|kind| kind == "wayland")
        || get("WAYLAND_DISPLAY").is_some_and(|display| !display.is_empty());
    !(cfg!(target_os = "linux") && wayland)
}

/// Takes or gives back the key, as the status wants it, and tells the agent how that went. Called
/// on every change of the status, and now and then while another program holds the key.
pub(crate) fn apply(app: &AppHandle, agent: &Agent, status: &AgentStatus) {
    let key = status.hotkey.key.as_deref();
    let usable = status.state.as_ref().is_some_and(|state| state.usable());
    let state = match wish(usable, key, supported(|name| std::env::var(name).ok())) {
        Wish::Hold(key) => hold(app, key),
        other => {
            release(app);
            match other {
                Wish::Unsupported => HotkeyState::Unsupported,
                Wish::Unreadable => HotkeyState::Taken,
                _ => HotkeyState::Off,
            }
        }
    };
    if state != status.hotkey.state {
        tracing::info!(?state, key, "hotkey");
        agent.set_hotkey_state(state);
        report(agent, state, key);
    }
}

/// A key that another program holds may become free.
pub(crate) fn worth_retrying(status: &AgentStatus) -> bool {
    status.hotkey.state == HotkeyState::Taken
}

/// Takes the key and gives it back, for whoever wants to know whether it can be had.
pub(crate) fn is_free(key: &str) -> bool {
    HotKey::from_str(key).is_ok_and(|key| system::grab(key).is_ok())
}

fn report(agent: &Agent, state: HotkeyState, key: Option<&str>) {
    let problem = match state {
        HotkeyState::Taken => Some(ProblemCode::HotkeyTaken),
        HotkeyState::Unsupported => Some(ProblemCode::HotkeyUnsupported),
        HotkeyState::Registered | HotkeyState::Off => None,
    };
    for code in [ProblemCode::HotkeyTaken, ProblemCode::HotkeyUnsupported] {
        if problem == Some(code) {
            agent.report_problem(Problem { code, subject: key.map(str::to_owned) });
        } else {
            agent.clear_problem(code);
        }
    }
}

fn hold(app: &AppHandle, key: HotKey) -> HotkeyState {
    let hotkey = app.state::<Hotkey>();
    let mut held = hotkey.0.lock().unwrap_or_else(PoisonError::into_inner);
    if held.as_ref().is_some_and(|(held, _)| *held == key) {
        return HotkeyState::Registered;
    }
    // First the old one goes back.
    held.take();
    match system::hold(app, key) {
        Ok(new) => {
            *held = Some((key, new));
            HotkeyState::Registered
        }
        Err(error) => {
            tracing::debug!(%error, "the hotkey cannot be registered");
            HotkeyState::Taken
        }
    }
}

fn pressed(app: &AppHandle) {
    if let Some(row) = ACTIONS.iter().find(|row| row.hotkey) {
        actions::run(app, row.action, Cause::Hotkey);
    }
}

fn release(app: &AppHandle) {
    app.state::<Hotkey>().0.lock().unwrap_or_else(PoisonError::into_inner).take();
}

#[cfg(test)]
mod tests {
    use global_hotkey::hotkey::{Code, Modifiers};

    use super::*;

    #[test]
    fn the_default_key_is_read() {
        let key = HotKey::new(Some(Modifiers::CONTROL), Code::F12);
        assert_eq!(wish(true, Some("Ctrl+F12"), true), Wish::Hold(key));
    }

    #[test]
    fn other_keys_are_read() {
        for key in ["Ctrl+Alt+H", "Shift+F1", "F9", "Super+Space"] {
            assert!(matches!(wish(true, Some(key), true), Wish::Hold(_)), "{key}");
        }
        for key in ["Ctrl+", "Ctrl+Wurst", "", "F12+Ctrl"] {
            assert_eq!(wish(true, Some(key), true), Wish::Unreadable, "{key}");
        }
    }

    #[test]
    fn the_key_is_free_where_the_agent_may_not_be_used() {
        assert_eq!(wish(false, Some("Ctrl+F12"), true), Wish::Off);
        assert_eq!(wish(true, None, true), Wish::Off, "policy says none");
        assert_eq!(wish(true, Some("Ctrl+F12"), false), Wish::Unsupported);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn wayland_has_no_global_hotkeys() {
        let session =
            |name: &'static str, value: &'static str| supported(move |asked| (asked == name).then(|| value.to_owned()));
        assert!(!session("XDG_SESSION_TYPE", "wayland"));
        assert!(!session("WAYLAND_DISPLAY", "wayland-0"));
        assert!(session("XDG_SESSION_TYPE", "x11"));
        assert!(session("WAYLAND_DISPLAY", ""));
    }
}
