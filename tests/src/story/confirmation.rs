//! 5: the person proves, once, that they read the mailbox they name.

use anyhow::{Context, Result, ensure};

use super::{Fact, World, world::people};
use crate::{
    mail,
    wait::{SOON, until},
};

const EARLY: &str = "Written before confirmation";

pub(super) async fn play(world: &mut World) -> Result<()> {
    early_ticket(world).await?;
    let clicked = async { world.tray()?.click(&["Personal settings"]).await }.await;
    if world.check("the menu opens Personal settings", clicked).is_none() {
        world.agent()?.run(&["settings"]).await?;
    }
    let (name, address) = people::EMPLOYEE;
    world.open_window("settings").await?;
    foreign_domain(world, name).await?;

    let page = world.agent()?.page()?;
    page.fill("#email", address).await?;
    page.click("#send-token").await?;
    let mail = world.mail.wait(address, "the token", SOON, |mail| mail::token(&mail.text).is_some()).await?;
    world.holds("the mail has a Message-ID", mail.message_id.contains('@'));
    let token = mail::token(&mail.text).context("no token in the mail's text")?;
    world.holds("the mail's HTML has the same token", mail.html.contains(&token));
    world.picture_window("05-personal-settings").await?;

    wrong_token(world, &token).await?;
    let page = world.agent()?.page()?;
    page.fill("#token", &token.to_lowercase()).await?;
    page.click("#save").await?;
    page.wait_text("body", SOON, |text| text.contains("Confirmed")).await?;
    world.facts.insert(Fact::Confirmed);
    world.picture_window("05-confirmed").await?;
    let bound = bound(world, &token);
    world.check("the database binds the person to the installation", bound);
    let sent = until("the early ticket arrives after Save", SOON, async || {
        let sql = "select count(*) from tickets where subject = ?1";
        Ok((world.server.database()?.count(sql, [EARLY])? == 1).then_some(()))
    });
    let sent = sent.await;
    world.check("a ticket written before goes now", sent);
    vouch(world).await
}

/// Written and sent before anybody is confirmed: it waits.
async fn early_ticket(world: &mut World) -> Result<()> {
    world.agent()?.run(&["new"]).await?;
    world.open_window("new-ticket").await?;
    let page = world.agent()?.page()?;
    page.fill("#subject", EARLY).await?;
    page.click("#send").await?;
    page.wait("#result", SOON).await?;
    world.picture_window("05-awaiting-confirmation").await?;
    let there = world.server.database()?.count("select count(*) from tickets", [])?;
    world.holds("nothing is uploaded before confirmation", there == 0);
    Ok(())
}

async fn foreign_domain(world: &mut World, name: &str) -> Result<()> {
    let page = world.agent()?.page()?;
    page.fill("#full-name", name).await?;
    page.fill("#email", "camille@elsewhere.example").await?;
    page.click("#send-token").await?;
    let told = page.wait_text("body", SOON, |text| text.contains(people::CLIENT.1)).await;
    world.check("a foreign domain is refused with the client's own named", told);
    Ok(())
}

async fn wrong_token(world: &mut World, token: &str) -> Result<()> {
    let wrong = if token.starts_with('B') { "CCCC-CCCC" } else { "BBBB-BBBB" };
    let page = world.agent()?.page()?;
    page.fill("#token", wrong).await?;
    page.click("#save").await?;
    let told = page.wait_text("[role=alert]", SOON, |text| text.contains("4 attempts left")).await;
    world.check("a wrong token says how many tries are left", told);
    Ok(())
}

fn bound(world: &World, token: &str) -> Result<()> {
    let database = world.server.database()?;
    let sql = "select r.email from installations i join requesters r on r.id = i.requester_id
        where i.device_id = ?1 and i.confirmed_at is not null and i.vouched_by is null";
    let email: String = database.one(sql, [&world.device])?;
    ensure!(email == people::EMPLOYEE.1, "it is {email}");
    let kept = database
        .pairs("select token_hmac, coalesce(cast(spent_at as text), '') from challenges where deliverable", [])?;
    ensure!(kept.iter().all(|(hmac, _)| !hmac.contains(token)), "the token itself is in the database");
    Ok(())
}

/// Mail that does not arrive: a technician vouches for the person at the other device, audited.
async fn vouch(world: &mut World) -> Result<()> {
    let sql = "select i.id, i.id from installations i join devices d on d.id = i.device_id where d.name = 'PC-OFFLINE'";
    let (installation, _) = world.server.database()?.pairs(sql, [])?.pop().context("the offline device is missing")?;
    let body = serde_json::json!({"name": "Sam Okafor", "email": "sam.okafor@northwind.example"});
    world.api()?.post(&format!("/installations/{installation}/vouch"), body).await?;
    let audited = world.server.database()?.count("select count(*) from history where action = 'person.vouched'", [])?;
    world.holds("vouching is audited", audited == 1);
    Ok(())
}
