//! Ctrl+F11, held on the X server by a thread that sleeps until it is pressed.

use anyhow::{Context, Result};
use gtk::glib::MainContext;
use x11rb::{
    connection::Connection,
    protocol::{
        Event,
        xproto::{ConnectionExt, GrabMode, ModMask},
    },
};

/// The key beside the agent's own, so that both can be held at once.
const F11: u32 = 0xffc8;

/// Calls back on the main thread for each press.
///
/// # Errors
/// Where the key cannot be had.
pub fn on_key(pressed: impl Fn() + Send + Sync + Clone + 'static) -> Result<()> {
    let (connection, screen) = x11rb::connect(None)?;
    let setup = connection.setup();
    let (first, root) = (setup.min_keycode, setup.roots[screen].root);
    let map = connection.get_keyboard_mapping(first, setup.max_keycode - first + 1)?.reply()?;
    let mut keys = map.keysyms.chunks(map.keysyms_per_keycode.into());
    let place = keys.position(|symbols| symbols.contains(&F11)).context("this keyboard has no F11")?;
    let key = first + u8::try_from(place)?;
    connection.grab_key(false, root, ModMask::CONTROL, key, GrabMode::ASYNC, GrabMode::ASYNC)?.check()?;
    std::thread::spawn(move || {
        while let Ok(event) = connection.wait_for_event() {
            if let Event::KeyPress(_) = event {
                MainContext::default().invoke(pressed.clone());
            }
        }
    });
    Ok(())
}
