//! 9: the technician answers, the employee hears of it, and their answer is on the screen at once.

use anyhow::{Context, Result, ensure};

use super::{World, hotkey_ticket::LIVE, world::people};
use crate::{
    desktop,
    wait::{SOON, until},
};

const QUESTION: &str = "Which printer is it? The one at reception?";
const ANSWER: &str = "Yes, the one at reception.";

pub(super) async fn play(world: &mut World) -> Result<()> {
    let number = world.number.context("no ticket")?;
    read(world, number).await?;
    ask(world).await?;
    let heard = world.notifications.wait("a reply", SOON, |shown| shown.body.contains("Which printer")).await?;
    let named = heard.title.contains(&number.to_string());
    world.holds("the notification names the ticket", named);
    let mail = world.mail.wait(people::EMPLOYEE.1, "the reply", SOON, |mail| mail.text.contains(QUESTION)).await;
    if let Some(mail) = world.check("the employee gets an e-mail", mail) {
        world.holds("the mail names the ticket", mail.subject.contains(&number.to_string()));
        world.holds("the mail is HTML, too", mail.html.contains("Which printer"));
    }
    // The agent listens for clicks a moment after the desktop shows it; a person clicks again.
    until("a click on the notification opens My tickets", SOON, async || {
        if !world.desktop.visible("My tickets").await?.is_empty() {
            return Ok(Some(()));
        }
        world.notifications.click(heard.id, "default").await?;
        Ok(None)
    })
    .await?;
    world.open_window("tickets").await?;
    world.agent()?.page()?.wait_text("body", SOON, |text| text.contains(QUESTION)).await?;
    world.picture_window("09-conversation").await?;
    answer(world).await?;
    let menu = async { world.tray()?.wait_for(&["My tickets"], SOON).await }.await;
    world.check("the menu has My tickets", menu);
    resolve_and_reopen(world, number).await
}

/// The ticket in the console, with everything a technician needs.
async fn read(world: &mut World, number: i64) -> Result<()> {
    world.browser.go(&format!("{}/tickets", world.server.url())).await?;
    world.browser.wait("[data-ticket]", SOON).await?;
    world.picture_console("09-tickets").await?;
    world.browser.go(&format!("{}/tickets/{number}", world.server.url())).await?;
    let text = world.browser.wait_text("main", SOON, |text| text.contains("erified device")).await?;
    for part in [people::EMPLOYEE.0, "printer.log", "Second page: grey & striped."] {
        world.holds(&format!("the console shows {part}"), text.contains(part));
    }
    let shown = "const picture = document.querySelector('[data-attachment] img');
        return picture?.complete ? picture.naturalWidth : 0;";
    let seen = until("the screenshot is shown", SOON, async || {
        Ok((world.browser.script(shown, serde_json::json!([])).await? == desktop::WIDTH).then_some(()))
    });
    let seen = seen.await;
    world.check("the console shows the screenshot, pixel for pixel", seen);
    world.picture_console("09-ticket").await
}

async fn ask(world: &mut World) -> Result<()> {
    world.browser.set("#composer", QUESTION).await?;
    world.browser.click("#send-awaiting").await?;
    let sql = "select count(*) from tickets where number = ?1 and status = 'awaiting_reply'";
    status(world, sql).await
}

async fn status(world: &World, sql: &str) -> Result<()> {
    until(sql, SOON, async || Ok((world.server.database()?.count(sql, [world.number])? == 1).then_some(()))).await
}

async fn answer(world: &mut World) -> Result<()> {
    let page = world.agent()?.page()?;
    page.set("#reply", ANSWER).await?;
    page.click("#send-reply").await?;
    until("the answer is in the database", SOON, async || {
        Ok((world
            .server
            .database()?
            .count("select count(*) from messages where body like ?1", [format!("%{ANSWER}%")])?
            == 1)
            .then_some(()))
    })
    .await?;
    let live = world.browser.wait_text("main", LIVE, |text| text.contains(ANSWER)).await;
    world.check("the console shows the answer within a second, without reloading", live);
    world.picture_console("09-answered").await
}

async fn resolve_and_reopen(world: &mut World, number: i64) -> Result<()> {
    world.browser.click("#resolve").await?;
    status(world, "select count(*) from tickets where number = ?1 and status = 'resolved'").await?;
    world.notifications.wait("resolved", SOON, |shown| shown.title.contains(&format!("#{number} is resolved"))).await?;
    let page = world.agent()?.page()?;
    page.set("#reply", "It is back again.").await?;
    page.click("#send-reply").await?;
    status(world, "select count(*) from tickets where number = ?1 and status = 'open'").await?;
    let order = world.server.database()?.pairs(
        "select cast(sequence as text), kind from messages m join tickets t on t.id = m.ticket_id where t.number = ?1 order by sequence",
        [number],
    )?;
    ensure!(order.len() >= 6, "the conversation holds {order:?}");
    Ok(())
}
