//! The screen as it is at this moment: taken before a window of ours comes up, its pixels fetched afterwards.

use image::RgbaImage;
use tauri::AppHandle;
use xcap::Monitor;

#[cfg(target_os = "linux")]
mod x11;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ScreenError {
    #[error("the screen cannot be captured: {0}")]
    Capture(#[from] xcap::XCapError),
    #[error("no monitor was found")]
    NoMonitor,
    #[cfg(target_os = "linux")]
    #[error("the X server does not give the screen: {0}")]
    X11(#[from] x11::CopyError),
}

/// What was on the screen when it was taken, whatever has come up since.
pub(crate) enum Still {
    Pixels(RgbaImage),
    /// The pixels are on their way only once the window is there, for which a person waits.
    #[cfg(target_os = "linux")]
    AtServer(Box<x11::Copy>),
}

impl Still {
    pub(crate) fn pixels(self) -> Result<RgbaImage, ScreenError> {
        match self {
            Self::Pixels(pixels) => Ok(pixels),
            #[cfg(target_os = "linux")]
            Self::AtServer(copy) => Ok(copy.pixels()?),
        }
    }
}

/// Takes the monitor that the pointer is on: where a person looks when they press the key, more
/// often than the primary one, and known on every system, which the focused window is not. Without
/// a pointer, the primary monitor.
pub(crate) fn take(app: &AppHandle) -> Result<Still, ScreenError> {
    #[cfg(target_os = "linux")]
    match x11::copy() {
        Ok(copy) => return Ok(Still::AtServer(Box::new(copy))),
        Err(error) => tracing::debug!(%error, "the screen is asked for in the general way"),
    }
    let pointer = app.cursor_position().ok().map(|point| (point.x, point.y));
    capture(pointer).map(Still::Pixels)
}

/// `pointer` is in physical pixels of the whole desktop.
fn capture(pointer: Option<(f64, f64)>) -> Result<RgbaImage, ScreenError> {
    let monitors = Monitor::all()?;
    let monitor = match &monitors[..] {
        // Where it lies may take longer to ask than the picture takes.
        [only] => only,
        _ => {
            let under = |point| monitors.iter().find(|monitor| contains(monitor, point).unwrap_or(false));
            let primary = || monitors.iter().find(|monitor| monitor.is_primary().unwrap_or(false));
            pointer.and_then(under).or_else(primary).or(monitors.first()).ok_or(ScreenError::NoMonitor)?
        }
    };
    Ok(monitor.capture_image()?)
}

/// Windows reports a monitor's place in physical pixels, the others in scaled ones.
fn contains(monitor: &Monitor, (x, y): (f64, f64)) -> Result<bool, xcap::XCapError> {
    let scale = if cfg!(windows) { 1.0 } else { f64::from(monitor.scale_factor()?) };
    let (left, top) = (f64::from(monitor.x()?) * scale, f64::from(monitor.y()?) * scale);
    let (width, height) = (f64::from(monitor.width()?) * scale, f64::from(monitor.height()?) * scale);
    Ok(x >= left && x < left + width && y >= top && y < top + height)
}
