//! 6: Ctrl+F12 in another program, a ticket with the screen of that very moment.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use image::{Rgba, RgbaImage};

use super::{Fact, World};
use crate::{
    hash::sha256,
    picture::{self, Area},
    process::Process,
    wait::{SOON, until},
};

const SUBJECT: &str = "Invoices print as blank pages";
const DESCRIPTION: &str = "Since this morning. First page: <b>blank</b> 🖨️\nSecond page: grey & striped.";
/// The story's own limit for what another person's screen shows.
pub(super) const LIVE: Duration = Duration::from_secs(1);
const RIGHT: &str = "\u{E014}";
const DOWN: &str = "\u{E015}";
const PASTED: &[u8] = b"a log file\nwith two lines\n";

pub(super) async fn play(world: &mut World) -> Result<()> {
    close_windows(world).await?;
    let other = another_program(world).await?;
    let moment = world.picture_screen("06-before-the-key").await?;
    world.desktop.press(&["ctrl+F12"]).await?;
    world.open_window("new-ticket").await?;
    until("the window has the focus", SOON, async || {
        Ok(world.desktop.focused().await?.contains("icket").then_some(()))
    })
    .await?;
    let page = world.agent()?.page()?;
    until("the cursor is in Subject", SOON, async || {
        let script = "return document.hasFocus() && document.activeElement?.id === 'subject'";
        Ok((page.script(script, serde_json::json!([])).await? == true).then_some(()))
    })
    .await?;
    world.desktop.type_text(SUBJECT).await?;
    let typed = world.agent()?.page()?.value("#subject").await?;
    world.holds("what is typed stands in Subject", typed == SUBJECT);
    world.picture_screen("06-new-ticket-on-top").await?;
    fill(world).await?;
    let redacted = redact(world).await?;
    world.picture_window("06-new-ticket").await?;
    what_will_be_sent(world).await?;

    // A technician looks at the list, and does nothing.
    world.browser.go(&format!("{}/tickets", world.server.url())).await?;
    world.browser.wait("main", SOON).await?;
    let page = world.agent()?.page()?;
    page.click("#send").await?;
    let number = until("the window shows the ticket's number", SOON, async || {
        page.attribute("[data-number]", "data-number")
            .await?
            .trim_start_matches('#')
            .parse::<i64>()
            .map(Some)
            .map_err(Into::into)
    });
    let number = number.await?;
    let listed = world.browser.wait(&format!("[data-ticket=\"{number}\"]"), LIVE).await;
    world.check("the ticket appears in the console within a second, without reloading", listed);
    world.agent()?.page()?.wait("#result[data-state=sent]", SOON).await?;
    world.picture_window("06-sent").await?;
    world.number = Some(number);
    world.facts.insert(Fact::Ticket);
    drop(other);
    let arrived = arrived(world, &moment, redacted).await;
    world.check("the server holds what the person saw", arrived);
    Ok(())
}

/// Escape closes each of the agent's windows.
pub(super) async fn close_windows(world: &World) -> Result<()> {
    for title in ["Personal settings", "My tickets", "New ticket"] {
        world.desktop.close(title).await?;
    }
    Ok(())
}

/// A window of another program with a pattern of its own, in the foreground.
async fn another_program(world: &World) -> Result<Process> {
    let file = world.desktop.folder().join("ledger.png");
    let pattern = RgbaImage::from_fn(900, 600, |x, y| {
        Rgba([(x / 4) as u8, (y / 3) as u8, ((x / 50 + y / 50) % 2 * 200) as u8, 255])
    });
    pattern.save(&file)?;
    let mut command = world.desktop.command("display");
    command.args(["-title", "Ledger"]).arg(&file);
    let process = Process::start("display", command, &world.desktop.log("display"))?;
    world.desktop.focus("Ledger").await?;
    // It is drawn when the screen shows many colours where it was empty.
    let shot = world.desktop.folder().join("ledger-shot.png");
    until("the other program has drawn", SOON, async || {
        Ok((picture::colours(&picture::screen(&world.desktop, &shot).await?) > 1000).then_some(()))
    })
    .await?;
    Ok(process)
}

async fn fill(world: &mut World) -> Result<()> {
    let page = world.agent()?.page()?;
    page.set("#description", DESCRIPTION).await?;
    page.click("input[name=can-work][value=no]").await?;
    page.click("input[name=affected][value=team]").await?;
    let paste = "const data = new DataTransfer();
        data.items.add(new File([arguments[0]], 'printer.log', {type: 'text/plain'}));
        const event = new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true});
        document.activeElement.dispatchEvent(event);";
    page.script(paste, serde_json::json!([String::from_utf8_lossy(PASTED)])).await?;
    page.wait_text("body", SOON, |text| text.contains("printer.log")).await?;
    Ok(())
}

/// Blackens a part of the picture by keyboard; which, in the picture's pixels.
async fn redact(world: &mut World) -> Result<Area> {
    let page = world.agent()?.page()?;
    page.click("#redact").await?;
    page.click("#add-area").await?;
    page.keys(&[RIGHT, DOWN]).await?;
    page.wait("[data-area]", SOON).await?;
    world.picture_window("06-redact").await?;
    let page = world.agent()?.page()?;
    page.click("#redact-done").await?;
    page.wait("#subject", SOON).await?;
    let form = page.call_agent("ticket_form", serde_json::json!({})).await?;
    let area = &form["screenshot"]["redactions"][0];
    let pixels = |name: &str| area[name].as_u64().and_then(|n| u32::try_from(n).ok()).context("no redacted area");
    Ok(Area { x: pixels("x")?, y: pixels("y")?, width: pixels("width")?, height: pixels("height")? })
}

async fn what_will_be_sent(world: &mut World) -> Result<()> {
    let page = world.agent()?.page()?;
    page.click("summary").await?;
    let shown = page.text("details[open]").await?;
    for part in [SUBJECT, "printer.log", "screenshot.png"] {
        world.holds(&format!("What will be sent names {part}"), shown.contains(part));
    }
    world.picture_window("06-what-will-be-sent").await?;
    Ok(())
}

async fn arrived(world: &World, moment: &RgbaImage, redacted: Area) -> Result<()> {
    let number = world.number.context("no number")?;
    let sql =
        "select count(*) from tickets where number = ?1 and subject = ?2 and priority = 'urgent' and files_pending = 0";
    until("the ticket and its files are in the database", SOON, async || {
        Ok((world.server.database()?.count(sql, (number, SUBJECT))? == 1).then_some(()))
    })
    .await?;
    let database = world.server.database()?;
    let sql = "select role, sha256 from attachments a join tickets t on t.id = a.ticket_id where t.number = ?1";
    let hashes: std::collections::HashMap<String, String> = database.pairs(sql, [number])?.into_iter().collect();
    ensure!(hashes.get("file") == Some(&sha256(PASTED)), "the pasted file's hash is {:?}", hashes.get("file"));
    let stored = stored_file(world, hashes.get("screenshot").context("no screenshot")?)?;
    let screenshot = picture::decode(&stored)?;
    picture::same(&screenshot, moment, Some(redacted)).context("the screenshot is of the moment of the key")?;
    picture::solid(&screenshot, redacted)?;
    let sql =
        "select body from messages m join tickets t on t.id = m.ticket_id where t.number = ?1 and m.kind = 'reply'";
    let body: String = database.one(sql, [number])?;
    ensure!(body.contains(DESCRIPTION), "the description is {body:?}");
    Ok(())
}

/// The file with this hash among the server's attachments, found by its content.
pub(super) fn stored_file(world: &World, hash: &str) -> Result<Vec<u8>> {
    for file in crate::server::files(world.server.folder())? {
        let bytes = std::fs::read(file)?;
        if sha256(&bytes) == hash {
            return Ok(bytes);
        }
    }
    anyhow::bail!("no file on the server has the hash {hash}")
}
