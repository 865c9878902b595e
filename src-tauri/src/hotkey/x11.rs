//! The key on an X server. Its grab belongs to a connection of its own, on which a thread sleeps until the
//! key goes down; `global-hotkey` would look twenty times a second, and be that much later.

use std::sync::Arc;

use global_hotkey::hotkey::{HotKey, Modifiers};
use tauri::AppHandle;
use x11rb::{
    COPY_DEPTH_FROM_PARENT,
    connection::Connection,
    errors::ReplyOrIdError,
    protocol::{
        Event,
        xkb::{self, ConnectionExt as _},
        xproto::{ConnectionExt as _, CreateWindowAux, GrabMode, Keycode, ModMask, Window, WindowClass},
    },
    rust_connection::RustConnection,
};

use super::symbols;

#[derive(Debug, thiserror::Error)]
pub(super) enum HoldError {
    #[error("the X server cannot be reached: {0}")]
    Connect(#[from] x11rb::errors::ConnectError),
    #[error("the X server refuses the key: {0}")]
    Refused(#[from] ReplyOrIdError),
    #[error("this keyboard has no such key")]
    NoSuchKey,
}

impl From<x11rb::errors::ConnectionError> for HoldError {
    fn from(error: x11rb::errors::ConnectionError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<x11rb::errors::ReplyError> for HoldError {
    fn from(error: x11rb::errors::ReplyError) -> Self {
        Self::Refused(error.into())
    }
}

/// A key that is held until this is dropped.
pub(super) struct Held {
    connection: Arc<RustConnection>,
    /// Names the connection to the server.
    window: Window,
}

impl Drop for Held {
    /// The server ends the connection, which gives back the key and ends the thread.
    fn drop(&mut self) {
        let asked = self.connection.kill_client(self.window).map(drop);
        if let Err(error) = asked.and_then(|()| self.connection.flush()) {
            tracing::debug!(%error, "the connection had ended before");
        }
    }
}

/// Holds a key, and has each press of it do what the key does.
pub(super) fn hold(app: &AppHandle, key: HotKey) -> Result<Held, HoldError> {
    let held = grab(key)?;
    let (app, connection) = (app.clone(), Arc::clone(&held.connection));
    std::thread::spawn(move || {
        let mut down = false;
        while let Ok(event) = connection.wait_for_event() {
            match event {
                // One that is held down repeats itself.
                Event::KeyPress(_) if !down => {
                    down = true;
                    super::pressed(&app);
                }
                Event::KeyRelease(_) => down = false,
                _ => {}
            }
        }
    });
    Ok(held)
}

/// Takes a key from every program.
pub(super) fn grab(key: HotKey) -> Result<Held, HoldError> {
    let (connection, screen) = x11rb::connect(None)?;
    let root = connection.setup().roots[screen].root;
    // A key that is held down repeats its press and not its release.
    connection.xkb_use_extension(1, 0)?.reply()?;
    let flag = xkb::PerClientFlag::DETECTABLE_AUTO_REPEAT;
    let none = xkb::BoolCtrl::default();
    connection.xkb_per_client_flags(xkb::ID::USE_CORE_KBD.into(), flag, flag, none, none, none)?.reply()?;
    let window = connection.generate_id()?;
    let (class, like) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
    connection.create_window(COPY_DEPTH_FROM_PARENT, window, root, 0, 0, 1, 1, 0, class, 0, &like)?.check()?;
    let held = Held { connection: Arc::new(connection), window };
    let code = code(&held.connection, symbols::of(key.key).ok_or(HoldError::NoSuchKey)?)?;
    // The locks count as modifiers, and change nothing for who presses the key.
    for locks in [ModMask::default(), ModMask::M2, ModMask::LOCK, ModMask::M2 | ModMask::LOCK] {
        let (modifiers, mode) = (modifiers(key.mods) | locks, GrabMode::ASYNC);
        held.connection.grab_key(false, root, modifiers, code, mode, mode)?.check()?;
    }
    Ok(held)
}

fn code(connection: &RustConnection, symbol: u32) -> Result<Keycode, HoldError> {
    let (first, last) = (connection.setup().min_keycode, connection.setup().max_keycode);
    let map = connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
    let found = (first..=last).zip(map.keysyms.chunks(map.keysyms_per_keycode.into()));
    found.into_iter().find(|(_, symbols)| symbols.contains(&symbol)).map(|(code, _)| code).ok_or(HoldError::NoSuchKey)
}

fn modifiers(held: Modifiers) -> ModMask {
    let table = [
        (Modifiers::SHIFT, ModMask::SHIFT),
        (Modifiers::SUPER | Modifiers::META, ModMask::M4),
        (Modifiers::ALT, ModMask::M1),
        (Modifiers::CONTROL, ModMask::CONTROL),
    ];
    let masks = table.into_iter().filter(|(modifier, _)| held.intersects(*modifier)).map(|(_, mask)| mask);
    masks.fold(ModMask::default(), |all, mask| all | mask)
}
