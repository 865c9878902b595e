//! Pictures: of the screen, for people and as evidence.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::RgbaImage;

use crate::{
    desktop::Desktop,
    process,
    wait::{SOON, until},
};

/// The whole screen, pixel for pixel, read by ImageMagick and not by the program under test.
pub async fn screen(desktop: &Desktop, file: &Path) -> Result<RgbaImage> {
    shoot(desktop, "root", file).await
}

/// The window that has the focus, once it has been painted.
pub async fn focused_window(desktop: &Desktop, file: &Path) -> Result<RgbaImage> {
    let mut before = None;
    until("the window is painted", SOON, async || {
        let picture = shoot(desktop, &desktop.focused_id().await?, file).await?;
        let done = !is_blank(&picture) && before.as_ref() == Some(&picture);
        before = Some(picture.clone());
        Ok(done.then_some(picture))
    })
    .await
}

async fn shoot(desktop: &Desktop, window: &str, file: &Path) -> Result<RgbaImage> {
    let mut command = desktop.command("import");
    command.args(["-silent", "-window", window]).arg(file);
    process::run(command).await?;
    open(file)
}

pub fn open(file: &Path) -> Result<RgbaImage> {
    Ok(image::open(file).with_context(|| format!("no picture in {}", file.display()))?.into_rgba8())
}

pub fn decode(bytes: &[u8]) -> Result<RgbaImage> {
    Ok(image::load_from_memory(bytes).context("no picture")?.into_rgba8())
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Area {
    fn holds(self, x: u32, y: u32) -> bool {
        x >= self.x && y >= self.y && x < self.x + self.width && y < self.y + self.height
    }
}

/// Two pictures show the same outside of `except`.
pub fn same(one: &RgbaImage, other: &RgbaImage, except: Option<Area>) -> Result<()> {
    ensure!(one.dimensions() == other.dimensions(), "{:?} and {:?} pixels", one.dimensions(), other.dimensions());
    let compared = one.enumerate_pixels().filter(|(x, y, _)| !except.is_some_and(|area| area.holds(*x, *y)));
    let different = compared.filter(|(x, y, pixel)| pixel.0[..3] != other.get_pixel(*x, *y).0[..3]).count();
    ensure!(different == 0, "{different} pixels differ");
    Ok(())
}

/// One colour fills the whole area; which.
pub fn solid(picture: &RgbaImage, area: Area) -> Result<[u8; 4]> {
    let colour = picture.get_pixel(area.x, area.y).0;
    let pixels = picture.enumerate_pixels().filter(|(x, y, _)| area.holds(*x, *y));
    let other = pixels.filter(|(_, _, pixel)| pixel.0 != colour).count();
    ensure!(other == 0, "{other} pixels of the redacted area are of another colour");
    Ok(colour)
}

/// How many different colours a picture has: a blank window has few.
#[must_use]
pub fn colours(picture: &RgbaImage) -> usize {
    picture.pixels().map(|pixel| pixel.0).collect::<std::collections::HashSet<_>>().len()
}

/// Nothing is drawn on it yet.
#[must_use]
pub fn is_blank(picture: &RgbaImage) -> bool {
    colours(picture) <= 8
}

/// Numbered pictures in one folder.
#[derive(Debug)]
pub struct Album {
    folder: PathBuf,
    pub taken: usize,
}

impl Album {
    /// Empties the folder first: what lies there afterwards is of this run.
    pub fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "png") {
                std::fs::remove_file(path)?;
            }
        }
        Ok(Self { folder: folder.to_owned(), taken: 0 })
    }

    /// Keeps a picture, and refuses a blank one.
    pub fn keep(&mut self, name: &str, png: &[u8]) -> Result<()> {
        let picture = decode(png)?;
        ensure!(!is_blank(&picture), "the picture {name} is blank");
        std::fs::write(self.folder.join(format!("{name}.png")), png)?;
        self.taken += 1;
        Ok(())
    }
}
