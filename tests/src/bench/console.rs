//! `console.open`: how soon somebody sees the list, and a ticket of it.

use anyhow::{Context, Result};
use serde_json::json;

use super::{Extent, Figure, floor::percentile, pages::Engine};
use crate::{desktop::Desktop, wait::SOON, webdriver::Session};

/// In every page, before anything of its own: notes when what is looked for stood on the screen. A frame is asked for
/// once it is there, and another one, before which the first was painted.
const WATCH: &str = "
    window.paintedAt = (css) => new Promise((done) => {
        const look = () => {
            if (!document.querySelector(css)) return false;
            requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
            return true;
        };
        if (look()) return;
        const watcher = new MutationObserver(() => look() && watcher.disconnect());
        watcher.observe(document, { childList: true, subtree: true });
    });
    window.painted = paintedAt(location.pathname === '/healthz' ? 'body' : '.trow .subj');";

const PAINTED: &str = "const done = arguments[0]; window.painted.then(done)";

const OPEN: &str = "const done = arguments[0];
    const begin = performance.now();
    document.querySelector('.trow .subj').click();
    window.paintedAt('.messages article').then((at) => done(at - begin))";

pub(super) async fn run(wanted: &dyn Fn(&str) -> bool, extent: Extent) -> Result<Vec<Figure>> {
    if !wanted("console.open") {
        return Ok(Vec::new());
    }
    let (tickets, rounds) = if extent.quick { (500, 3) } else { (100_000, 30) };
    let folder = tempfile::Builder::new().prefix("deskbell-bench-").tempdir()?;
    let mut engine = Engine::sqlite(folder.path());
    let mut helpdesk = engine.helpdesk(folder.path()).await?;
    engine.fill(0, tickets).await?;
    let desktop = Desktop::start(folder.path()).await?;
    let browser = signed_in(&desktop, &helpdesk.server.url()).await?;
    let (mut empty, mut list, mut ticket) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds + 2 {
        let floor = page(&browser, &format!("{}/healthz", helpdesk.server.url())).await?;
        let listed = page(&browser, &format!("{}/tickets", helpdesk.server.url())).await?;
        let opened = browser.script_later(OPEN, json!([])).await?.as_f64().context("no time")?;
        // The first rounds fill the browser's caches, as the first look of a day does.
        if round >= 2 {
            empty.push(floor);
            list.push(listed);
            ticket.push(opened);
        }
    }
    helpdesk.server.stop().await?;
    let floor = percentile(&empty, 0.5);
    Ok(vec![figure("list", &list, floor, 300.0), figure("ticket", &ticket, floor, 100.0)])
}

/// A browser in which the owner has signed in.
pub(super) async fn signed_in(desktop: &Desktop, url: &str) -> Result<Session> {
    let browser = Session::chromium(desktop, "bench", "en").await?;
    browser.before_every_page(WATCH).await?;
    browser.go(&format!("{url}/sign-in")).await?;
    browser.fill("#email", "ada@harbour.example").await?;
    browser.fill("#password", "correct horse battery").await?;
    browser.submit().await?;
    browser.wait(".bar h1", SOON).await?;
    Ok(browser)
}

/// Milliseconds from the beginning of a navigation until it is painted.
async fn page(browser: &Session, address: &str) -> Result<f64> {
    browser.go(address).await?;
    browser.script_later(PAINTED, json!([])).await?.as_f64().context("no time")
}

fn figure(what: &str, times: &[f64], floor: Option<f64>, reach: f64) -> Figure {
    let value = percentile(times, 0.5).unwrap_or(f64::NAN);
    Figure {
        name: format!("console.open {what}"),
        value,
        unit: "ms",
        floor,
        floor_is: "an empty page of the server",
        ratio: floor.map(|floor| value / floor),
        p50: Some(value),
        p95: percentile(times, 0.95),
        rounds: times.len() as u64,
        reach: Some((format!("≤ {reach} ms"), value <= reach)),
    }
}
