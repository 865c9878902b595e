//! THE table of what a person can do from outside a window. The tray shows it, the hotkey and the
//! command line run it; a new item is a new row.

use deskbell_agent_core::Agent;
use tauri::{AppHandle, Manager};

use crate::{
    form,
    windows::{self, Look, Page},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    NewTicket,
    Tickets,
    Settings,
    Quit,
}

/// What asked for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Hotkey,
    Menu,
    CommandLine,
}

pub(crate) struct Row {
    pub(crate) action: Action,
    /// Names the item to the system, and the command on the command line.
    pub(crate) id: &'static str,
    /// Of the text in `ui/locales`.
    pub(crate) text: &'static str,
    /// The tray draws a line between two groups.
    pub(crate) group: u8,
    /// The configured hotkey runs it.
    pub(crate) hotkey: bool,
}

/// In the order of the tray's menu. The first is what most people want.
pub(crate) const ACTIONS: &[Row] = &[
    Row { action: Action::NewTicket, id: "new", text: "tray.new_ticket", group: 0, hotkey: true },
    Row { action: Action::Tickets, id: "tickets", text: "tray.tickets", group: 0, hotkey: false },
    Row { action: Action::Settings, id: "settings", text: "tray.settings", group: 1, hotkey: false },
    Row { action: Action::Quit, id: "quit", text: "tray.quit", group: 2, hotkey: false },
];

pub(crate) fn of_id(id: &str) -> Option<Action> {
    ACTIONS.iter().find(|row| row.id == id).map(|row| row.action)
}

/// Does it, without blocking the caller. What goes wrong is logged: a menu has nobody to tell.
pub(crate) fn run(app: &AppHandle, action: Action, cause: Cause) {
    tracing::info!(?action, ?cause, "action");
    let look = || Look::of(&app.state::<Agent>().status());
    match action {
        Action::NewTicket => form::open(app, cause),
        Action::Tickets => windows::open(app, Page::Tickets, look()),
        Action::Settings => windows::open(app, Page::Settings, look()),
        Action::Quit => app.exit(0),
    }
}

#[cfg(test)]
mod tests {
    use deskbell_protocol::ticket::Language;

    use super::*;
    use crate::texts;

    #[test]
    fn every_action_has_a_text_in_every_language_and_an_id_of_its_own() {
        for row in ACTIONS {
            for language in Language::ALL {
                assert!(texts::find(*language, row.text).is_some(), "{} has no text in {language}", row.id);
            }
            assert_eq!(of_id(row.id), Some(row.action), "an id names one action");
        }
    }

    #[test]
    fn the_hotkey_runs_one_action() {
        let by_hotkey: Vec<_> = ACTIONS.iter().filter(|row| row.hotkey).map(|row| row.action).collect();
        assert_eq!(by_hotkey, [Action::NewTicket]);
    }

    #[test]
    fn groups_stand_together() {
        assert!(ACTIONS.is_sorted_by_key(|row| row.group), "a group is not split by another");
    }
}
