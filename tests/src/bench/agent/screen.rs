//! The screen as somebody in front of it has it: keys go down, and pixels change.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use x11rb::{
    connection::Connection,
    protocol::{
        xproto::{AtomEnum, ConnectionExt as _, ImageFormat, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, Keycode, Window},
        xtest::ConnectionExt as _,
    },
    rust_connection::RustConnection,
};

use crate::{
    desktop::{Desktop, HEIGHT, WIDTH},
    wait::{SOON, until},
};

/// The accent of `ui/shared/tokens.css`: the button that sends, and nothing else so large.
const ACCENT: [u8; 3] = [0x2c, 0x54, 0xdb];
/// A side of the square that is looked at.
const SIDE: usize = 4;

/// Looks in a row that find a window where it was: then it has its size.
const STAYS: u32 = 6;
const CONTROL: u32 = 0xffe3;
const ESCAPE: u32 = 0xff1b;
/// The agent's key, and the one that the floors hold.
pub(super) const F12: u32 = 0xffc9;
pub(super) const F11: u32 = 0xffc8;

/// The column of the screen that the form's button is in; how high the form is depends on what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    x: i16,
}

pub(super) struct Screen {
    connection: RustConnection,
    root: Window,
    managed: u32,
    first_key: Keycode,
    /// The symbols of each key.
    keys: Vec<Vec<u32>>,
}

/// When something happened after a key went down.
pub(super) struct Shown {
    pub(super) painted: Duration,
}

impl Screen {
    pub(super) fn of(desktop: &Desktop) -> Result<Self> {
        let (connection, screen) = x11rb::connect(Some(desktop.display()))?;
        let setup = connection.setup();
        let (root, first_key, last_key) = (setup.roots[screen].root, setup.min_keycode, setup.max_keycode);
        let map = connection.get_keyboard_mapping(first_key, last_key - first_key + 1)?.reply()?;
        let keys = map.keysyms.chunks(map.keysyms_per_keycode.into()).map(<[u32]>::to_vec).collect();
        let managed = connection.intern_atom(false, b"_NET_CLIENT_LIST")?.reply()?.atom;
        Ok(Self { connection, root, managed, first_key, keys })
    }

    fn key(&self, symbol: u32) -> Result<Keycode> {
        let place = self.keys.iter().position(|symbols| symbols.contains(&symbol)).context("there is no such key")?;
        Ok(self.first_key + Keycode::try_from(place)?)
    }

    fn fake(&self, kind: u8, key: Keycode) -> Result<()> {
        self.connection.xtest_fake_input(kind, key, 0, self.root, 0, 0, 0)?;
        Ok(())
    }

    fn strike(&self, symbol: u32) -> Result<()> {
        let key = self.key(symbol)?;
        self.fake(KEY_PRESS_EVENT, key)?;
        self.fake(KEY_RELEASE_EVENT, key)
    }

    /// Presses Control with a key, and says when.
    fn press(&self, symbol: u32) -> Result<Instant> {
        let control = self.key(CONTROL)?;
        self.fake(KEY_PRESS_EVENT, control)?;
        let begun = Instant::now();
        self.strike(symbol)?;
        self.fake(KEY_RELEASE_EVENT, control)?;
        self.connection.flush()?;
        Ok(begun)
    }

    /// Types a text of small letters, as fast as the server takes it.
    fn strike_all(&self, text: &str) -> Result<()> {
        text.chars().try_for_each(|letter| self.strike(letter.into()))?;
        Ok(self.connection.flush()?)
    }

    /// Presses a key, and waits until the form is painted at its spot. At the moment that the window has
    /// the focus, `text` is typed.
    pub(super) async fn open(&self, symbol: u32, spot: Spot, text: &str) -> Result<Shown> {
        let focus = self.focus()?;
        let begun = self.press(symbol)?;
        let (mut painted, mut typed) = (None, false);
        while painted.is_none() || !typed {
            if begun.elapsed() > SOON {
                bail!("painted: {painted:?}, focus: {typed}; expected at {spot:?}, found at {:?}", self.look()?);
            }
            if painted.is_none() && self.is_painted(spot)? {
                painted = Some(begun.elapsed());
            }
            if !typed && self.focus()? != focus {
                self.strike_all(text)?;
                typed = true;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Shown { painted: painted.context("it was painted")? })
    }

    /// The same, looking everywhere: finds where the button is in the end.
    pub(super) async fn find(&self, symbol: u32) -> Result<Spot> {
        self.press(symbol)?;
        let (mut before, mut looks) = (None, 0);
        until("a form on the screen", 2 * SOON, async || {
            let spot = self.look()?;
            // The window may still be growing.
            looks = if spot.is_some() && spot == before { looks + 1 } else { 0 };
            before = spot;
            ensure!(looks >= STAYS, "it is at {spot:?}");
            Ok(spot)
        })
        .await
    }

    /// Has the window go away again.
    pub(super) async fn close(&self, spot: Spot) -> Result<()> {
        self.strike(ESCAPE)?;
        self.connection.flush()?;
        until("the window is gone", SOON, async || {
            let (painted, managed) = (self.is_painted(spot)?, self.managed()?);
            ensure!(!painted && managed == 0, "painted: {painted}, windows: {managed}");
            Ok(Some(()))
        })
        .await
    }

    fn is_painted(&self, spot: Spot) -> Result<bool> {
        let pixels = self.pixels(spot.x, 0, u16::try_from(SIDE)?, u16::try_from(HEIGHT)?)?;
        let rows: Vec<bool> = pixels.chunks_exact(4 * SIDE).map(|row| row.chunks_exact(4).all(is_accent)).collect();
        Ok(rows.windows(SIDE).any(|rows| rows.iter().all(|is| *is)))
    }

    /// The lowest square that is all accent.
    fn look(&self) -> Result<Option<Spot>> {
        let (width, height) = (WIDTH as usize, HEIGHT as usize);
        let pixels = self.pixels(0, 0, u16::try_from(width)?, u16::try_from(height)?)?;
        let accent: Vec<bool> = pixels.chunks_exact(4).map(is_accent).collect();
        let square = |x: usize, y: usize| {
            (y..y + SIDE).all(|row| accent[row * width + x..row * width + x + SIDE].iter().all(|is| *is))
        };
        let places = (0..height - SIDE).rev().flat_map(|y| (0..width - SIDE).map(move |x| (x, y)));
        let found = places.into_iter().find(|(x, y)| square(*x, *y));
        found.map(|(x, _)| Ok(Spot { x: i16::try_from(x)? })).transpose()
    }

    fn pixels(&self, x: i16, y: i16, width: u16, height: u16) -> Result<Vec<u8>> {
        let format = ImageFormat::Z_PIXMAP;
        Ok(self.connection.get_image(format, self.root, x, y, width, height, u32::MAX)?.reply()?.data)
    }

    /// How many windows the window manager has. One that it has not let go yet cannot be shown again.
    fn managed(&self) -> Result<u32> {
        let asked = self.connection.get_property(false, self.root, self.managed, AtomEnum::WINDOW, 0, 64)?;
        Ok(asked.reply()?.value_len)
    }

    /// What the keys go to. Where no window is, the window manager has one of its own for them.
    fn focus(&self) -> Result<Window> {
        Ok(self.connection.get_input_focus()?.reply()?.focus)
    }
}

fn is_accent(pixel: &[u8]) -> bool {
    pixel[..3].iter().rev().eq(ACCENT.iter())
}
