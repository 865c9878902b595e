//! 10: the same in French and in the dark, by keyboard alone.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{World, world::people};
use crate::{
    wait::{SOON, until},
    webdriver::Session,
};

/// How long a press of the key may take to show the window, where it is held already.
const PRESS: Duration = Duration::from_secs(10);
const SUBJECT: &str = "Imprimante en panne";
const TAB: &str = "\u{E004}";
const DOWN: &str = "\u{E015}";
/// More stops than any page has.
const MOST_TABS: usize = 60;
const ENTER: &str = "\u{E007}";

pub(super) async fn play(world: &mut World) -> Result<()> {
    agent_in_french(world).await?;
    console_in_french(world).await
}

async fn agent_in_french(world: &mut World) -> Result<()> {
    if world.agent()?.running() {
        world.agent()?.stop().await?;
    }
    world.agent()?.set("DESKBELL_LANGUAGE", "fr");
    world.agent()?.set("DESKBELL_THEME", "dark");
    world.agent()?.start().await?;
    // The key is held some time after the start. Each press takes a new picture, for which the window makes room: the
    // next one comes only where this one did nothing.
    until("the hotkey opens the window", SOON, async || {
        world.desktop.press(&["ctrl+F12"]).await?;
        let shown = until("the window is there", PRESS, async || {
            Ok(world.desktop.focused().await?.contains("Nouveau ticket").then_some(()))
        });
        shown.await.map(Some)
    })
    .await?;
    world.open_window("new-ticket").await?;
    let page = world.agent()?.page()?;
    let text = page.text("body").await?;
    world.holds("the window speaks French", text.contains("Objet") && text.contains("Envoyer"));
    world.desktop.type_text(SUBJECT).await?;
    world.picture_window("10-new-ticket-fr-dark").await?;
    world.desktop.press(&["ctrl+Return"]).await?;
    world.agent()?.page()?.wait("#result", SOON).await?;
    world.picture_window("10-result-fr-dark").await?;
    until("the device's queue holds the ticket", SOON, async || {
        let count = world
            .agent
            .as_ref()
            .map(|agent| agent.database()?.count("select count(*) from outbox where subject = ?1", [SUBJECT]));
        Ok((count.transpose()? == Some(1)).then_some(()))
    })
    .await?;
    for (window, word, name) in
        [("settings", "Langue", "10-settings-fr-dark"), ("tickets", "Actifs", "10-my-tickets-fr-dark")]
    {
        world.agent()?.run(&[window]).await?;
        world.open_window(window).await?;
        let told = world.agent()?.page()?.wait_text("body", SOON, |text| text.contains(word)).await;
        world.check("each window speaks French", told);
        world.picture_window(name).await?;
    }
    Ok(())
}

async fn console_in_french(world: &mut World) -> Result<()> {
    let french = Session::chromium(&world.desktop, "french", "fr").await?;
    french.dark().await?;
    french.go(&world.server.url()).await?;
    french.wait("#email", SOON).await?;
    world.album.keep("10-sign-in-fr-dark", &french.picture().await?)?;
    // Nothing but keys: the address, the password, Enter.
    tab_to(&french, "email").await?;
    french.type_keys(people::OWNER.1).await?;
    french.keys(&[TAB]).await?;
    french.type_keys(people::OWNER.2).await?;
    french.keys(&[ENTER]).await?;
    french.wait("nav", SOON).await?;
    // The console speaks its technician's language; this one changes hers in the menu, by keyboard.
    tab_to(&french, "me").await?;
    french.keys(&[ENTER, DOWN, ENTER]).await?;
    let text = french.wait_text("body", SOON, |text| text.contains("Appareils")).await?;
    ensure!(!text.contains("Devices"), "the console mixes languages");
    world.album.keep("10-tickets-fr-dark", &french.picture().await?)?;
    let device = format!("{}/devices/{}", world.server.url(), world.device);
    for (address, word, name) in [
        (format!("{}/clients", world.server.url()), "Domaines de messagerie", "10-clients-fr-dark"),
        (device, "Pourquoi est-ce activé ici", "10-device-fr-dark"),
    ] {
        french.go(&address).await?;
        french.wait_text("main", SOON, |text| text.contains(word)).await?;
        world.album.keep(name, &french.picture().await?)?;
    }
    Ok(())
}

/// Presses Tab until the element with this id has the focus.
async fn tab_to(browser: &Session, id: &str) -> Result<()> {
    for _ in 0..MOST_TABS {
        let active = browser.script("return document.activeElement?.id", serde_json::json!([])).await?;
        if active == id {
            return Ok(());
        }
        browser.keys(&[TAB]).await?;
    }
    anyhow::bail!("Tab does not lead to #{id}")
}
