//! The screen of an X server, which copies it for itself: that takes no time, and what it fetches later is what
//! it copied then.

use image::RgbaImage;
use x11rb::{
    connection::Connection,
    errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError},
    protocol::{
        randr::{ConnectionExt as _, MonitorInfo},
        xproto::{
            ConnectionExt as _, CreateGCAux, ImageFormat, ImageOrder, Pixmap, Screen, Setup, SubwindowMode, Visualtype,
        },
    },
    rust_connection::RustConnection,
};

use crate::hotkey;

/// Rows that are fetched at once. The server does nothing else meanwhile, and the window is being painted.
const ROWS: u16 = 64;
const FORMAT: ImageFormat = ImageFormat::Z_PIXMAP;
/// Bytes of one.
const PIXEL: usize = 4;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("this desktop has none, or one that shows no other programs' windows")]
    NoServer,
    #[error("it cannot be reached: {0}")]
    Connect(#[from] ConnectError),
    #[error("it refuses: {0}")]
    Refused(#[from] ReplyOrIdError),
    #[error("it knows of no monitor")]
    NoMonitor,
    #[error("its pixels have an unusual form")]
    Form,
    #[error("it sent too few pixels")]
    Short,
}

impl From<ConnectionError> for CopyError {
    fn from(error: ConnectionError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<ReplyError> for CopyError {
    fn from(error: ReplyError) -> Self {
        Self::Refused(error.into())
    }
}

/// A copy that the server keeps as long as this connection to it is open.
pub(crate) struct Copy {
    connection: RustConnection,
    pixmap: Pixmap,
    width: u16,
    height: u16,
    form: Form,
}

/// Copies the monitor that the pointer is on.
pub(super) fn copy() -> Result<Copy, CopyError> {
    // One beside a Wayland desktop shows no windows of that, as it gives no keys that were pressed there.
    if !hotkey::supported(|name| std::env::var(name).ok()) {
        return Err(CopyError::NoServer);
    }
    let (connection, screen) = x11rb::connect(None)?;
    let setup = connection.setup();
    let screen = &setup.roots[screen];
    let form = Form::of(setup, screen).ok_or(CopyError::Form)?;
    let root = screen.root;
    let (pointer, monitors) = (connection.query_pointer(root)?, connection.randr_get_monitors(root, true)?);
    let pointer = pointer.reply()?;
    let place = monitor(&monitors.reply()?.monitors, (pointer.root_x, pointer.root_y));
    let Place { x, y, width, height } = place.ok_or(CopyError::NoMonitor)?;
    let (pixmap, context) = (connection.generate_id()?, connection.generate_id()?);
    let with_windows = CreateGCAux::new().subwindow_mode(SubwindowMode::INCLUDE_INFERIORS).graphics_exposures(0);
    connection.create_pixmap(screen.root_depth, pixmap, root, width, height)?;
    connection.create_gc(context, root, &with_windows)?;
    // Its answer says that all of this has been done: what comes up from now on is not in it.
    connection.copy_area(root, pixmap, context, x, y, 0, 0, width, height)?.check()?;
    Ok(Copy { connection, pixmap, width, height, form })
}

impl Copy {
    pub(super) fn pixels(self) -> Result<RgbaImage, CopyError> {
        let (width, height) = (self.width, self.height);
        let mut pixels = RgbaImage::new(width.into(), height.into());
        let stripes = pixels.chunks_mut(usize::from(width) * usize::from(ROWS) * PIXEL);
        for (top, ours) in (0..height).step_by(ROWS.into()).zip(stripes) {
            let (at, rows) = (i16::try_from(top).map_err(|_| CopyError::Form)?, ROWS.min(height - top));
            let asked = self.connection.get_image(FORMAT, self.pixmap, 0, at, width, rows, u32::MAX)?;
            self.form.turn(&asked.reply()?.data, ours)?;
        }
        Ok(pixels)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    x: i16,
    y: i16,
    width: u16,
    height: u16,
}

/// The monitor under the pointer; else the primary one, else any.
fn monitor(monitors: &[MonitorInfo], (x, y): (i16, i16)) -> Option<Place> {
    let within = |at: i16, begin: i16, size: u16| (0..i32::from(size)).contains(&(i32::from(at) - i32::from(begin)));
    let under = |one: &&MonitorInfo| within(x, one.x, one.width) && within(y, one.y, one.height);
    let found = monitors.iter().find(under).or_else(|| monitors.iter().find(|one| one.primary));
    let found = found.or(monitors.first())?;
    Some(Place { x: found.x, y: found.y, width: found.width, height: found.height })
}

/// How four bytes are a pixel: where in them each color begins, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    least_first: bool,
    red: u32,
    green: u32,
    blue: u32,
}

impl Form {
    /// Nothing where pixels are not of four bytes, or their colors not of one.
    fn of(setup: &Setup, screen: &Screen) -> Option<Self> {
        let bits = setup.pixmap_formats.iter().find(|format| format.depth == screen.root_depth)?.bits_per_pixel;
        let visuals = screen.allowed_depths.iter().flat_map(|depth| &depth.visuals);
        let visual = visuals.into_iter().find(|visual| visual.visual_id == screen.root_visual)?;
        (bits == 32).then(|| Self::with(visual, setup.image_byte_order == ImageOrder::LSB_FIRST))?
    }

    fn with(visual: &Visualtype, least_first: bool) -> Option<Self> {
        let begin = |mask: u32| (mask.checked_shr(mask.trailing_zeros()) == Some(0xff)).then(|| mask.trailing_zeros());
        let (red, green, blue) = (begin(visual.red_mask)?, begin(visual.green_mask)?, begin(visual.blue_mask)?);
        Some(Self { least_first, red, green, blue })
    }

    /// Pixels as the server has them become red, green, blue and opaque.
    fn turn(self, theirs: &[u8], ours: &mut [u8]) -> Result<(), CopyError> {
        if theirs.len() < ours.len() {
            return Err(CopyError::Short);
        }
        for (theirs, ours) in theirs.as_chunks::<PIXEL>().0.iter().zip(ours.as_chunks_mut::<PIXEL>().0) {
            let pixel = if self.least_first { u32::from_le_bytes(*theirs) } else { u32::from_be_bytes(*theirs) };
            *ours = [(pixel >> self.red) as u8, (pixel >> self.green) as u8, (pixel >> self.blue) as u8, u8::MAX];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor_at(x: i16, y: i16, primary: bool) -> MonitorInfo {
        MonitorInfo { x, y, width: 1920, height: 1080, primary, ..MonitorInfo::default() }
    }

    #[test]
    fn the_monitor_under_the_pointer_is_taken() {
        let two = [monitor_at(0, 0, false), monitor_at(1920, -200, true)];
        let at = |pointer| monitor(&two, pointer).map(|place| (place.x, place.y));
        assert_eq!(at((1919, 1079)), Some((0, 0)));
        assert_eq!(at((1920, -200)), Some((1920, -200)));
        assert_eq!(at((10, -100)), Some((1920, -200)), "beside all of them: the primary one");
        assert_eq!(monitor(&two[..1], (-5, 0)).map(|place| place.x), Some(0));
        assert_eq!(monitor(&[], (0, 0)), None);
    }

    fn visual(red_mask: u32, green_mask: u32, blue_mask: u32) -> Visualtype {
        Visualtype { red_mask, green_mask, blue_mask, ..Visualtype::default() }
    }

    #[test]
    fn colors_stand_where_the_visual_says() {
        let turned = |form: Option<Form>, bytes: &[u8]| {
            let mut ours = vec![9; bytes.len()];
            form.unwrap().turn(bytes, &mut ours).unwrap();
            ours
        };
        let usual = visual(0xff_0000, 0xff00, 0xff);
        assert_eq!(turned(Form::with(&usual, true), &[3, 2, 1, 0, 30, 20, 10, 9]), [1, 2, 3, 255, 10, 20, 30, 255]);
        assert_eq!(turned(Form::with(&usual, false), &[0, 1, 2, 3]), [1, 2, 3, 255]);
        assert_eq!(turned(Form::with(&visual(0xff, 0xff00, 0xff_0000), true), &[1, 2, 3, 0]), [1, 2, 3, 255]);
        let short = Form::with(&usual, true).unwrap().turn(&[1, 2, 3], &mut [0; 4]);
        assert!(matches!(short, Err(CopyError::Short)), "{short:?}");
    }

    #[test]
    fn other_forms_are_left_to_others() {
        assert_eq!(Form::with(&visual(0xf800, 0x7e0, 0x1f), true), None, "sixteen bits");
        assert_eq!(Form::with(&visual(0x3ff0_0000, 0xf_fc00, 0x3ff), true), None, "ten bits a color");
        assert_eq!(Form::with(&visual(0, 0, 0), true), None);
    }
}
