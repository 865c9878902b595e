//! The pages of setup.exe, for somebody who installs one device by hand.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use deskbell_tests::{
    picture,
    process::Process,
    wait::until,
    wine::{PATIENCE, SCREEN_TITLE, windows_path},
};
use image::RgbaImage;

use crate::{
    device::{Device, KEY, URL},
    packages::{FIRST, setup_exe},
};

struct Pages<'a> {
    device: &'a Device,
    language: &'a str,
    /// What was seen last.
    seen: Option<RgbaImage>,
}

impl Pages<'_> {
    /// Waits for a page that is not the one before and is painted, and keeps its picture.
    async fn next(&mut self, name: &str) -> Result<()> {
        let desktop = self.device.wine.desktop();
        let file = desktop.folder().join("page.png");
        let mut before = None;
        let page = until(&format!("the page {name}"), PATIENCE, async || {
            let now = picture::screen(desktop, &file).await?;
            let steady = before.as_ref() == Some(&now);
            let new = shows_a_dialog(&now) && self.seen.as_ref() != Some(&now);
            before = Some(now.clone());
            Ok((steady && new).then_some(now))
        })
        .await?;
        self.seen = Some(page);
        std::fs::copy(&file, pictures()?.join(format!("setup-{name}-{}.png", self.language)))?;
        Ok(())
    }

    async fn press(&self, keys: &[&str]) -> Result<()> {
        self.device.wine.desktop().focus(SCREEN_TITLE).await?;
        self.device.wine.desktop().press(keys).await
    }
}

/// Its ground is the only large light area on the screen.
fn shows_a_dialog(screen: &RgbaImage) -> bool {
    screen.pixels().filter(|pixel| pixel.0[..3].iter().all(|value| *value >= 230)).count() > 50_000
}

/// Beside those of the demo.
fn pictures() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target: &Path = own.ancestors().nth(3).context("a test lies in target/debug/deps")?;
    let folder = target.join("pictures");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn by_hand(language: &str) -> Result<()> {
    let device = Device::new().await?;
    let mut command = device.wine.with_screen(windows_path(&setup_exe(FIRST)));
    command.args([&format!("/LANG={language}"), "/START_AGENT=0"]);
    let mut setup = Process::start("setup", command, &device.wine.desktop().log("setup"))?;
    let mut pages = Pages { device: &device, language, seen: None };
    pages.next("welcome").await?;
    pages.press(&["Return"]).await?;
    pages.next("for-whom").await?;
    pages.press(&["Return"]).await?;
    pages.next("server").await?;
    device.wine.desktop().type_text(URL).await?;
    pages.press(&["Tab"]).await?;
    device.wine.desktop().type_text(KEY).await?;
    pages.next("server-filled").await?;
    pages.press(&["Return"]).await?;
    until("the files are in place", PATIENCE, async || {
        Ok(device.wine.value(crate::device::RUN, "Deskbell").await?.map(drop))
    })
    .await?;
    pages.next("done").await?;
    pages.press(&["Return"]).await?;
    until("setup.exe ends", PATIENCE, async || Ok((!setup.running()).then_some(()))).await?;
    device.is_installed(FIRST, "setup").await?;
    device.settings_are(URL, KEY).await
}

#[tokio::test]
async fn the_pages_of_setup_exe_ask_in_english() {
    by_hand("en").await.unwrap();
}

#[tokio::test]
async fn the_pages_of_setup_exe_ask_in_french() {
    by_hand("fr").await.unwrap();
}
