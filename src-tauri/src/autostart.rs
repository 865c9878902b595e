//! Who enters the agent into the session's autostart: the installer, or where there is none, the agent.

use deskbell_agent_core::policy::{Config, Folders};
use tauri::AppHandle;
use tauri_plugin_autostart::ManagerExt;

/// What the agent knows at its start.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Policy wants the agent to start with the session.
    wanted: bool,
    /// An installer has made an entry: for everyone, or for this person.
    installed: bool,
    /// The agent has made an entry of its own before. Where that is gone, somebody has taken it out.
    done: bool,
}

/// The agent makes an entry once and where nobody else has: two entries would start it twice.
const fn makes_entry(known: Known) -> bool {
    known.wanted && !known.installed && !known.done
}

/// Starts with the session from the first start on; a person who switches that off keeps it off.
/// Only an installed program does so: a debug build would register a path that is gone tomorrow.
pub(crate) fn enter(app: &AppHandle, config: &Config) {
    let Ok(folders) = Folders::of_user() else { return };
    let done = folders.data.join("autostart");
    let known = Known { wanted: config.autostart, installed: installed(), done: done.exists() };
    if cfg!(debug_assertions) || !makes_entry(known) {
        return;
    }
    match app.autolaunch().enable() {
        Ok(()) => {
            if let Err(error) = std::fs::write(done, b"") {
                tracing::warn!(%error, "the autostart cannot be remembered");
            }
        }
        Err(error) => tracing::warn!(%error, "the autostart cannot be set"),
    }
}

/// Whether an installer has made an entry. The registry's own names do not tell capitals from small letters.
#[cfg(windows)]
fn installed() -> bool {
    use windows_registry::{CURRENT_USER, LOCAL_MACHINE};

    let run = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
    [LOCAL_MACHINE, CURRENT_USER]
        .into_iter()
        .any(|root| root.open(run).and_then(|key| key.get_string("Deskbell")).is_ok())
}

/// Where the packages put it for everyone.
#[cfg(not(windows))]
fn installed() -> bool {
    const ENTRIES: &[&str] = if cfg!(target_os = "macos") {
        &["/Library/LaunchAgents/org.deskbell.agent.plist"]
    } else {
        &["/etc/xdg/autostart/deskbell.desktop"]
    };
    ENTRIES.iter().any(|entry| std::path::Path::new(entry).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_is_enough_and_policy_may_want_none() {
        let known = |wanted, installed, done| makes_entry(Known { wanted, installed, done });
        assert!(known(true, false, false), "a program that nobody installed enters itself");
        assert!(!known(true, true, false), "the installer's entry is not doubled");
        assert!(!known(true, false, true), "an entry that somebody took out stays out");
        assert!(!known(false, false, false), "policy is obeyed");
    }
}
