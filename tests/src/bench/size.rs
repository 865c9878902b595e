//! `size`: what people download: the two programs, and the console's first pages as a browser loads them.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::{Figure, console::signed_in};
use crate::{desktop::Desktop, helpdesk::Helpdesk, server::program, webdriver::Session};

const MEGABYTE: f64 = 1e6;
const KILOBYTE: f64 = 1e3;

/// Bytes that came over the wire for this page, and its own.
const LOADED: &str =
    "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter((entry) => !entry.name.includes('/api/'))
    .reduce((sum, entry) => sum + entry.transferSize, 0)";

pub(super) async fn run(wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Figure>> {
    if !wanted("size") {
        return Ok(Vec::new());
    }
    let bytes = |name: &str| -> Result<f64> { Ok(std::fs::metadata(program(name)?)?.len() as f64) };
    let mut figures = vec![
        figure("agent", bytes("deskbell")? / MEGABYTE, "MB", 10.0),
        figure("server", bytes("deskbell-server")? / MEGABYTE, "MB", 25.0),
    ];
    let folder = tempfile::Builder::new().prefix("deskbell-bench-").tempdir()?;
    let mut helpdesk = Helpdesk::open(folder.path()).await?;
    let [sign_in, list] = loads(folder.path(), &helpdesk.server.url()).await?;
    helpdesk.server.stop().await?;
    figures.push(figure("console sign-in", sign_in / KILOBYTE, "kB", 150.0));
    figures.push(figure("console list", list / KILOBYTE, "kB", 150.0));
    Ok(figures)
}

/// Of the page on which somebody signs in, and of the list that it becomes, together.
async fn loads(folder: &Path, url: &str) -> Result<[f64; 2]> {
    let desktop = Desktop::start(folder).await?;
    let stranger = Session::chromium(&desktop, "stranger", "en").await?;
    stranger.go(&format!("{url}/sign-in")).await?;
    stranger.wait("#email", crate::wait::SOON).await?;
    let loaded = async |browser: &Session| -> Result<f64> {
        browser.script("return document.fonts.ready.then(() => 0)", json!([])).await?;
        browser.script(LOADED, json!([])).await?.as_f64().context("no size")
    };
    let sign_in = loaded(&stranger).await?;
    let technician = signed_in(&desktop, url).await?;
    Ok([sign_in, loaded(&technician).await?])
}

fn figure(what: &str, value: f64, unit: &'static str, reach: f64) -> Figure {
    Figure {
        name: format!("size {what}"),
        value,
        unit,
        floor: None,
        floor_is: "",
        ratio: None,
        p50: None,
        p95: None,
        rounds: 1,
        reach: Some((format!("≤ {reach} {unit}"), value <= reach)),
    }
}
