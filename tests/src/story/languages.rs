//! 10: the same in French and in the dark, by keyboard alone.

use anyhow::{Result, ensure};

use super::{World, world::people};
use crate::{
    wait::{SOON, until},
    webdriver::Session,
};

const SUBJECT: &str = "Imprimante en panne";
const TAB: &str = "\u{E004}";
const DOWN: &str = "\u{E015}";
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
    // The key is held some time after the start.
    until("the hotkey opens the window", SOON, async || {
        world.desktop.press(&["ctrl+F12"]).await?;
        Ok(world.desktop.focused().await?.contains("Nouveau ticket").then_some(()))
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
    .await
}

async fn console_in_french(world: &mut World) -> Result<()> {
    let french = Session::chromium(&world.desktop, "french", "fr").await?;
    french.dark().await?;
    french.go(&world.server.url()).await?;
    french.wait("#email", SOON).await?;
    world.album.keep("10-sign-in-fr-dark", &french.picture().await?)?;
    // Nothing but keys: the address, the password, Enter.
    french.script("document.querySelector('#email').focus()", serde_json::json!([])).await?;
    french.type_keys(people::OWNER.1).await?;
    french.keys(&[TAB]).await?;
    french.type_keys(people::OWNER.2).await?;
    french.keys(&[ENTER]).await?;
    french.wait("nav", SOON).await?;
    // The console speaks its technician's language; this one changes hers in the menu, by keyboard.
    french.script("document.querySelector('#me').focus()", serde_json::json!([])).await?;
    french.keys(&[ENTER, DOWN, ENTER]).await?;
    let text = french.wait_text("body", SOON, |text| text.contains("Appareils")).await?;
    ensure!(!text.contains("Devices"), "the console mixes languages");
    world.album.keep("10-tickets-fr-dark", &french.picture().await?)
}
