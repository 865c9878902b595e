//! The picture that belongs to a ticket. Pixels live here, in memory, until the ticket is sent or the
//! picture removed; nothing but redacted pixels is ever encoded.

use std::sync::{Mutex, MutexGuard, PoisonError};

use deskbell_agent_core::view::{Area, Screenshot};
use deskbell_protocol::Millis;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Rgba, RgbaImage, codecs::png};

/// What a redacted pixel becomes. Opaque black: no blur and no mosaic, since both can be undone.
const FILL: Rgba<u8> = Rgba([0, 0, 0, 255]);

#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be encoded: {0}")]
pub(crate) struct CaptureError(#[from] image::ImageError);

/// Holds the one picture that belongs to the ticket being written.
#[derive(Default)]
pub(crate) struct Camera {
    state: Mutex<State>,
    /// Held from the moment that a picture is taken until it is here.
    taking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    shot: Option<Shot>,
    /// Counts on over all pictures, so that no address ever means two of them.
    version: u32,
}

struct Shot {
    raw: RgbaImage,
    taken_at: Millis,
    by_hotkey: bool,
    redactions: Vec<Area>,
    version: u32,
    /// With the redactions burned in.
    png: Vec<u8>,
}

impl Camera {
    /// Waits until no picture is on its way, and keeps others from taking one for as long as what is given is held.
    /// Who sends, redacts or discards means the picture that the last press was for.
    pub(crate) async fn settled(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.taking.lock().await
    }

    /// Keeps a picture in place of the one before.
    pub(crate) fn keep(&self, raw: RgbaImage, taken_at: Millis, by_hotkey: bool) -> Result<Screenshot, CaptureError> {
        let png = encode(&raw)?;
        let mut state = self.lock();
        state.version += 1;
        let shot = Shot { raw, taken_at, by_hotkey, redactions: Vec::new(), version: state.version, png };
        let described = shot.describe();
        state.shot = Some(shot);
        Ok(described)
    }

    pub(crate) fn forget(&self) {
        self.lock().shot = None;
    }

    pub(crate) fn describe(&self) -> Option<Screenshot> {
        self.lock().shot.as_ref().map(Shot::describe)
    }

    /// Replaces all redacted areas. Nothing where there is no picture.
    pub(crate) fn redact(&self, areas: &[Area]) -> Result<Option<Screenshot>, CaptureError> {
        let mut state = self.lock();
        let version = state.version + 1;
        let Some(shot) = &mut state.shot else { return Ok(None) };
        let redactions: Vec<Area> = areas.iter().filter_map(|area| within(&shot.raw, *area)).collect();
        // What cannot be encoded changes nothing: areas that are shown are burned in.
        let png = encode(&burn(&shot.raw, &redactions))?;
        (shot.redactions, shot.png, shot.version) = (redactions, png, version);
        let described = shot.describe();
        state.version = version;
        Ok(Some(described))
    }

    /// The PNG that would be sent, redactions burned in.
    pub(crate) fn png(&self) -> Option<Vec<u8>> {
        self.lock().shot.as_ref().map(|shot| shot.png.clone())
    }

    /// The same, if it is this version of it.
    pub(crate) fn png_of(&self, version: u32) -> Option<Vec<u8>> {
        self.lock().shot.as_ref().filter(|shot| shot.version == version).map(|shot| shot.png.clone())
    }

    /// A panic elsewhere leaves a picture whole: every change above is made last, in one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shot {
    fn describe(&self) -> Screenshot {
        Screenshot {
            width: self.raw.width(),
            height: self.raw.height(),
            taken_at: self.taken_at,
            by_hotkey: self.by_hotkey,
            redactions: self.redactions.clone(),
            size: self.png.len() as u64,
            version: self.version,
        }
    }
}

/// The part of an area that lies in the picture; nothing where none does.
fn within(picture: &RgbaImage, area: Area) -> Option<Area> {
    let width = area.width.min(picture.width().checked_sub(area.x)?);
    let height = area.height.min(picture.height().checked_sub(area.y)?);
    (width > 0 && height > 0).then_some(Area { width, height, ..area })
}

/// A copy in which nothing of the redacted areas is left.
fn burn(picture: &RgbaImage, areas: &[Area]) -> RgbaImage {
    let mut burned = picture.clone();
    for area in areas.iter().filter_map(|area| within(picture, *area)) {
        for y in area.y..area.y + area.height {
            for x in area.x..area.x + area.width {
                burned.put_pixel(x, y, FILL);
            }
        }
    }
    burned
}

/// A PNG without transparency: a screen has none, and some systems leave rubbish in that channel.
fn encode(picture: &RgbaImage) -> Result<Vec<u8>, CaptureError> {
    let rgb = DynamicImage::ImageRgba8(picture.clone()).into_rgb8();
    let mut bytes = Vec::new();
    png::PngEncoder::new_with_quality(&mut bytes, png::CompressionType::Fast, png::FilterType::Adaptive).write_image(
        rgb.as_raw(),
        rgb.width(),
        rgb.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel tells its place, and none is black.
    fn picture() -> RgbaImage {
        RgbaImage::from_fn(64, 48, |x, y| Rgba([x as u8 + 1, y as u8 + 1, 200, 255]))
    }

    fn area(x: u32, y: u32, width: u32, height: u32) -> Area {
        Area { x, y, width, height }
    }

    #[test]
    fn what_is_sent_holds_solid_fill_and_no_pixel_from_under_it() {
        let camera = Camera::default();
        camera.keep(picture(), 1, true).unwrap();
        camera.redact(&[area(10, 5, 20, 8), area(60, 40, 100, 100)]).unwrap().unwrap();
        let sent = image::load_from_memory(&camera.png().unwrap()).unwrap().into_rgb8();
        for (x, y, pixel) in sent.enumerate_pixels() {
            let redacted = (10..30).contains(&x) && (5..13).contains(&y) || x >= 60 && y >= 40;
            let expected = if redacted { [0, 0, 0] } else { [x as u8 + 1, y as u8 + 1, 200] };
            assert_eq!(pixel.0, expected, "pixel {x},{y}");
        }
    }

    #[test]
    fn an_area_that_was_taken_back_shows_its_pixels_again() {
        let camera = Camera::default();
        camera.keep(picture(), 1, true).unwrap();
        let plain = camera.png().unwrap();
        camera.redact(&[area(0, 0, 64, 48)]).unwrap();
        assert_ne!(camera.png().unwrap(), plain);
        camera.redact(&[]).unwrap();
        assert_eq!(camera.png().unwrap(), plain, "the raw picture is kept until it is sent");
    }

    #[test]
    fn an_old_address_shows_nothing() {
        let camera = Camera::default();
        let first = camera.keep(picture(), 1, true).unwrap();
        let redacted = camera.redact(&[area(0, 0, 9, 9)]).unwrap().unwrap();
        assert!(camera.png_of(first.version).is_none(), "the picture from before the redaction is gone");
        assert!(camera.png_of(redacted.version).is_some());
        camera.forget();
        assert!(camera.png_of(redacted.version).is_none());
        let next = camera.keep(picture(), 2, false).unwrap();
        assert!(next.version > redacted.version, "a version is never used twice");
    }

    #[test]
    fn areas_are_cut_to_the_picture() {
        let picture = picture();
        assert_eq!(within(&picture, area(60, 40, 100, 100)), Some(area(60, 40, 4, 8)));
        assert_eq!(within(&picture, area(64, 0, 5, 5)), None);
        assert_eq!(within(&picture, area(u32::MAX, 0, u32::MAX, 5)), None);
        assert_eq!(within(&picture, area(0, 0, 0, 5)), None);
    }

    #[tokio::test]
    async fn who_sends_waits_for_a_picture_that_is_on_its_way() {
        let camera = Camera::default();
        let taking = camera.settled().await;
        let mut settled = std::pin::pin!(camera.settled());
        let early = tokio::time::timeout(std::time::Duration::ZERO, &mut settled).await;
        assert!(early.is_err(), "it is not there yet");
        drop(taking);
        drop(settled.await);
    }

    #[test]
    fn redacting_without_a_picture_is_nothing() {
        assert_eq!(Camera::default().redact(&[area(0, 0, 1, 1)]).unwrap(), None);
    }
}
