//! The key on Windows and macOS, where the system itself calls back.

use global_hotkey::{GlobalHotKeyManager, hotkey::HotKey};
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{Error, GlobalShortcutExt, ShortcutState};

/// A key that is held until this is dropped.
pub(super) struct Held {
    app: AppHandle,
    key: HotKey,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = self.app.global_shortcut().unregister(self.key) {
            tracing::warn!(%error, "the hotkey cannot be given back");
        }
    }
}

/// Holds a key, and has each press of it do what the key does.
pub(super) fn hold(app: &AppHandle, key: HotKey) -> Result<Held, Error> {
    app.global_shortcut().on_shortcut(key, |app, _, event| {
        if event.state == ShortcutState::Pressed {
            super::pressed(app);
        }
    })?;
    Ok(Held { app: app.clone(), key })
}

/// Takes a key from every program, until what it returns is dropped.
pub(super) fn grab(key: HotKey) -> Result<GlobalHotKeyManager, global_hotkey::Error> {
    let manager = GlobalHotKeyManager::new()?;
    manager.register(key)?;
    Ok(manager)
}
