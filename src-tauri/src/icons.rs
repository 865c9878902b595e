//! Which picture the tray shows for a face of the bell, drawn from the SVG sources when it is needed.
//!
//! The drawings are made for 16, 20, 24 and 32 pixels each and snapped to the grid there; other sizes
//! scale the nearest smaller one. Drawing at run time keeps some hundred generated files out of the tree.

use deskbell_agent_core::view::Bell;
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};

/// What the icon is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    Light,
    Dark,
    /// Black and transparent only; macOS colours it itself.
    Template,
}

/// A picture in straight (not premultiplied) RGBA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) rgba: Vec<u8>,
    pub(crate) size: u32,
}

const DIGITS: &str = include_str!("../icons/tray/tray-digits.svg");

/// The offline drawings carry this digit; [`with_count`] puts another in its place.
const DRAWN_DIGIT: &str = "d2";

macro_rules! drawings {
    ($bell:expr, $ground:expr, $size:expr, { $($face:pat => $name:literal),+ $(,)? }) => {
        match ($bell, $ground, $size) {
            $(
                ($face, Ground::Template, _) => include_str!(concat!("../icons/tray/tray-", $name, "-template.svg")),
                ($face, Ground::Light, 16) => include_str!(concat!("../icons/tray/tray-", $name, "-16-on-light.svg")),
                ($face, Ground::Light, 20) => include_str!(concat!("../icons/tray/tray-", $name, "-20-on-light.svg")),
                ($face, Ground::Light, 24) => include_str!(concat!("../icons/tray/tray-", $name, "-24-on-light.svg")),
                ($face, Ground::Light, _) => include_str!(concat!("../icons/tray/tray-", $name, "-32-on-light.svg")),
                ($face, Ground::Dark, 16) => include_str!(concat!("../icons/tray/tray-", $name, "-16-on-dark.svg")),
                ($face, Ground::Dark, 20) => include_str!(concat!("../icons/tray/tray-", $name, "-20-on-dark.svg")),
                ($face, Ground::Dark, 24) => include_str!(concat!("../icons/tray/tray-", $name, "-24-on-dark.svg")),
                ($face, Ground::Dark, _) => include_str!(concat!("../icons/tray/tray-", $name, "-32-on-dark.svg")),
            )+
        }
    };
}

/// The tray's picture, `pixels` wide and high.
pub(crate) fn tray(bell: Bell, ground: Ground, pixels: u32) -> Picture {
    render(&drawing(bell, ground, pixels), pixels)
}

/// The SVG text of a face, composed but not yet drawn.
fn drawing(bell: Bell, ground: Ground, pixels: u32) -> String {
    let source = drawings!(bell, ground, drawn_size(pixels), {
        Bell::Inactive => "inactive",
        Bell::Unconfirmed => "waiting",
        Bell::Active => "active",
        Bell::Offline { .. } => "offline",
        Bell::Reply => "reply",
    });
    match bell {
        Bell::Offline { waiting } => with_count(source, waiting),
        _ => source.to_owned(),
    }
}

/// The drawing that fits: of those that divide the wanted size the largest, else the largest that is not larger.
fn drawn_size(pixels: u32) -> u32 {
    const DRAWN: [u32; 4] = [32, 24, 20, 16];
    let divides = DRAWN.into_iter().find(|size| pixels.is_multiple_of(*size));
    divides.or_else(|| DRAWN.into_iter().find(|size| *size <= pixels)).unwrap_or(16)
}

/// An offline bell with the number of items that wait; `+` above nine, and no square where none waits.
fn with_count(source: &str, waiting: u32) -> String {
    let digit = match waiting {
        0 => return without_badge(source),
        1..=9 => format!("d{waiting}"),
        _ => "dplus".to_owned(),
    };
    source.replace(digit_path(DRAWN_DIGIT), digit_path(&digit))
}

/// The path data of a glyph in [`DIGITS`]. Every glyph has its centre at the same place, so one can replace another.
fn digit_path(id: &str) -> &'static str {
    let path = DIGITS.split_once(&format!("id=\"{id}\"")).and_then(|(_, tail)| tail.split_once(" d=\""));
    path.and_then(|(_, tail)| tail.split_once('"')).map(|(path, _)| path).expect("tray-digits.svg has every digit")
}

/// The bell alone: its group, without the mask that cuts the square's place out.
fn without_badge(source: &str) -> String {
    let (head, tail) = source.split_once("<mask").expect("an offline drawing cuts its badge out");
    let (_, group) = tail.split_once("</mask>").expect("a mask ends");
    let (group, _) = group.split_once("</g>").expect("the bell is a group");
    let (open, shapes) = group.split_once('>').expect("the group's tag ends");
    let fill = open.split(" mask=").next().unwrap_or(open);
    format!("{head}{fill}>{shapes}</g></svg>")
}

fn render(svg: &str, pixels: u32) -> Picture {
    let tree = Tree::from_str(svg, &Options::default()).expect("the drawings are part of the program");
    let mut canvas = Pixmap::new(pixels, pixels).expect("an icon has a size");
    let scale = |length: f32| pixels as f32 / length;
    let fit = Transform::from_scale(scale(tree.size().width()), scale(tree.size().height()));
    resvg::render(&tree, fit, &mut canvas.as_mut());
    let rgba = canvas.pixels().iter().flat_map(|pixel| {
        let colour = pixel.demultiply();
        [colour.red(), colour.green(), colour.blue(), colour.alpha()]
    });
    Picture { rgba: rgba.collect(), size: pixels }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, path::Path};

    use super::*;

    const FACES: [Bell; 5] =
        [Bell::Inactive, Bell::Unconfirmed, Bell::Active, Bell::Offline { waiting: 2 }, Bell::Reply];

    #[test]
    fn every_face_looks_different_at_every_size_and_on_every_ground() {
        let mut seen = HashSet::new();
        for ground in [Ground::Light, Ground::Dark, Ground::Template] {
            for pixels in [16, 20, 24, 32] {
                for face in FACES {
                    let picture = tray(face, ground, pixels);
                    assert_eq!(picture.rgba.len() as u32, pixels * pixels * 4);
                    assert!(seen.insert(picture.rgba), "{face:?} at {pixels} on {ground:?} is drawn as another");
                }
            }
        }
    }

    #[test]
    fn the_count_is_shown_up_to_nine_and_a_plus_above() {
        let picture = |waiting| tray(Bell::Offline { waiting }, Ground::Light, 32).rgba;
        let counts: HashSet<_> = (0..=10).map(picture).collect();
        assert_eq!(counts.len(), 11, "0 to 9 and + are eleven pictures");
        assert_eq!(picture(10), picture(4711), "above nine they are one");
    }

    #[test]
    fn an_empty_queue_has_no_square() {
        // The square's corner; its fill is amber, the bell's is not.
        let corner = |waiting| {
            let picture = tray(Bell::Offline { waiting }, Ground::Light, 32);
            picture.rgba[((3 * 32) + 28) * 4 + 3]
        };
        assert_eq!((corner(1), corner(0)), (255, 0));
    }

    #[test]
    fn a_size_that_was_not_drawn_scales_one_that_was() {
        let sizes = [16, 18, 20, 22, 24, 32, 40, 48, 64, 12];
        assert_eq!(sizes.map(drawn_size), [16, 16, 20, 20, 24, 32, 20, 24, 32, 16]);
    }

    /// The application's icons are generated and committed, since the installers and the executable's
    /// resources want files. `DESKBELL_UPDATE=1 cargo test -p deskbell icons` writes them.
    #[test]
    fn the_application_icons_are_those_of_the_drawings() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("icons");
        for (name, bytes) in application_icons() {
            let path = folder.join(name);
            if std::env::var_os("DESKBELL_UPDATE").is_some() {
                std::fs::write(&path, &bytes).unwrap();
            }
            assert!(std::fs::read(&path).ok() == Some(bytes), "{name} is stale: run with DESKBELL_UPDATE=1");
        }
    }

    fn application_icons() -> Vec<(&'static str, Vec<u8>)> {
        let ico = container_ico(&[16, 20, 24, 32, 48, 64, 256].map(|size| (size, app_png(size))));
        let icns = container_icns(&[
            (b"icp4", app_png(16)),
            (b"icp5", app_png(32)),
            (b"ic07", app_png(128)),
            (b"ic08", app_png(256)),
            (b"ic09", app_png(512)),
        ]);
        vec![
            ("32x32.png", app_png(32)),
            ("128x128.png", app_png(128)),
            ("128x128@2x.png", app_png(256)),
            ("icon.png", app_png(512)),
            ("icon.ico", ico),
            ("icon.icns", icns),
        ]
    }

    /// Flat and snapped to pixels at 32 and below.
    fn app_png(pixels: u32) -> Vec<u8> {
        let source = match pixels {
            16 => include_str!("../icons/app/app-icon-16.svg"),
            20 => include_str!("../icons/app/app-icon-20.svg"),
            24 => include_str!("../icons/app/app-icon-24.svg"),
            32 => include_str!("../icons/app/app-icon-32.svg"),
            _ => include_str!("../icons/app/app-icon.svg"),
        };
        let picture = render(source, pixels);
        let image = image::RgbaImage::from_raw(pixels, pixels, picture.rgba).unwrap();
        let mut png = std::io::Cursor::new(Vec::new());
        image.write_to(&mut png, image::ImageFormat::Png).unwrap();
        png.into_inner()
    }

    /// An icon file of PNG pictures, as Windows reads it since Vista.
    fn container_ico(pictures: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut head = vec![0, 0, 1, 0, pictures.len() as u8, 0];
        let mut offset = 6 + 16 * pictures.len();
        for (size, png) in pictures {
            // A side of 256 is written as 0.
            let side = *size as u8;
            head.extend([side, side, 0, 0, 1, 0, 32, 0]);
            head.extend((png.len() as u32).to_le_bytes());
            head.extend((offset as u32).to_le_bytes());
            offset += png.len();
        }
        pictures.iter().for_each(|(_, png)| head.extend(png));
        head
    }

    fn container_icns(pictures: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let total: usize = 8 + pictures.iter().map(|(_, png)| 8 + png.len()).sum::<usize>();
        let mut file = b"icns".to_vec();
        file.extend((total as u32).to_be_bytes());
        for (kind, png) in pictures {
            file.extend(*kind);
            file.extend((png.len() as u32 + 8).to_be_bytes());
            file.extend(png);
        }
        file
    }
}
