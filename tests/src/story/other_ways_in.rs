//! 7: the menu, the command line and a second start open the same window.

use anyhow::Result;

use super::{World, hotkey_ticket::close_windows};
use crate::wait::{SOON, until};

pub(super) async fn play(world: &mut World) -> Result<()> {
    let process = world.agent()?.id();
    close_windows(world).await?;
    let clicked = async { world.tray()?.click(&["Create new ticket"]).await }.await;
    if world.check("the menu has Create new ticket", clicked).is_some() {
        let opened = opened(world).await;
        world.check("the menu opens the window", opened);
        world.picture_screen("07-from-the-menu").await?;
        draft_survives(world).await?;
    }
    for (what, arguments) in [("deskbell new", &["new"][..]), ("a second start", &[])] {
        close_windows(world).await?;
        world.agent()?.run(arguments).await?;
        let opened = opened(world).await;
        world.check(&format!("{what} opens the window"), opened);
    }
    let same = world.agent()?.id() == process && world.agent()?.running();
    world.holds("one agent served all of them", same);
    Ok(())
}

async fn opened(world: &World) -> Result<()> {
    until("the window is on top", SOON, async || {
        Ok(world.desktop.focused().await?.contains("New ticket").then_some(()))
    })
    .await
}

/// What was typed is there again after Escape.
async fn draft_survives(world: &mut World) -> Result<()> {
    world.open_window("new-ticket").await?;
    world.agent()?.page()?.fill("#subject", "A draft").await?;
    close_windows(world).await?;
    world.agent()?.run(&["new"]).await?;
    world.open_window("new-ticket").await?;
    let kept = world.agent()?.page()?.wait_value("#subject", "A draft").await;
    world.check("a draft survives Escape", kept);
    // Clearing a field is no typing: this tells the page as typing would.
    world.agent()?.page()?.set("#subject", "").await
}
