//! 8: the server is away, everything is killed, and the ticket arrives exactly once, unaltered.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use deskbell_protocol::sync::{OutboxItem, SyncResponse};

use reqwest::Method;

use super::{World, hotkey_ticket::stored_file};
use crate::{
    device::Forged,
    hash::sha256,
    ticket,
    wait::{SOON, until},
};

/// How long the system's dialog gets to open, and the file to arrive, before it is tried again.
const DIALOG: Duration = Duration::from_secs(5);
const LOST: &str = "A second screen, please";
const SUBJECT: &str = "Nothing prints at all";
/// Large enough for many pieces, so that a kill falls between two of them.
const FILE_BYTES: usize = 12 * 1024 * 1024;

pub(super) async fn play(world: &mut World) -> Result<()> {
    world.server.kill().await?;
    let bytes = content();
    write(world, &bytes).await?;
    let counted = async { world.tray()?.wait_for(&["1 item saved on this PC"], SOON).await }.await;
    world.check("the bell counts what waits", counted);
    world.picture_window("08-saved-on-this-pc").await?;
    world.agent()?.kill().await?;
    if world.options.drop_unique_index {
        world.server.drop_unique_indexes()?;
    }

    // Both come back; the server is killed once more with the ticket stored and its file on the way.
    world.server.start().await?;
    world.agent()?.start().await?;
    until("the ticket is stored", SOON, async || {
        Ok((world.server.database()?.count("select count(*) from tickets where subject = ?1", [SUBJECT])? > 0)
            .then_some(()))
    })
    .await?;
    world.server.kill().await?;
    world.agent()?.kill().await?;
    world.server.start().await?;
    world.agent()?.start().await?;
    let hash = sha256(&bytes);
    until("the file has arrived", SOON * 3, async || {
        let sql = "select count(*) from attachments where sha256 = ?1 and completed_at is not null";
        Ok((world.server.database()?.count(sql, [&hash])? > 0).then_some(()))
    })
    .await?;
    once(world, &hash)?;
    lost_answer(world).await
}

/// A device that never gets its answer sends the same again, and is told the same number.
async fn lost_answer(world: &World) -> Result<()> {
    let device = world.offline.as_ref().context("the second computer is missing")?;
    let state = device.sync(0, 0, Vec::new()).await?;
    let person = state.state.confirmation.context("nobody is confirmed there")?;
    let item = OutboxItem::Ticket(ticket::plain(uuid::Uuid::from_u128(0xDE5C_BE11), person.requester_id, LOST));
    let first = device.sync(state.epoch, state.state.revision, vec![item.clone()]).await?;
    // A second later: within the same one it could be the first one, overtaken on its way.
    let body = serde_json::to_vec(&device.exchange(state.epoch, state.state.revision, vec![item]))?;
    let later = Forged { ahead: 1, ..Forged::default() };
    let again = device.send(Method::POST, "/sync", "application/json", Some(body), later).await?;
    let again: SyncResponse = again.error_for_status()?.json().await?;
    ensure!(first.receipts == again.receipts, "{:?} and then {:?}", first.receipts, again.receipts);
    let found = world.server.database()?.count("select count(*) from tickets where subject = ?1", [LOST])?;
    ensure!(found == 1, "what was sent twice is there {found} times");
    Ok(())
}

/// Not compressible, and the same in every run.
fn content() -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(FILE_BYTES)
    .collect()
}

async fn write(world: &mut World, bytes: &[u8]) -> Result<()> {
    let file = world.desktop.folder().join("scan.bin");
    std::fs::write(&file, bytes)?;
    world.agent()?.run(&["new"]).await?;
    world.open_window("new-ticket").await?;
    let page = world.agent()?.page()?;
    page.fill("#subject", SUBJECT).await?;
    pick(world, &file).await?;
    let page = world.agent()?.page()?;
    page.wait_text("body", SOON, |text| text.contains("scan.bin")).await?;
    page.click("#send").await?;
    let said = page.wait_text("#result", SOON, |text| text.contains("aved on this PC")).await;
    world.check("the window says saved on this PC", said);
    Ok(())
}

/// Picks a file in the system's own dialog, where a slash begins a path. Keys that come before it
/// listens are lost, so it is tried again as a person would.
async fn pick(world: &World, file: &std::path::Path) -> Result<()> {
    let name = file.file_name().context("a file has a name")?.to_string_lossy().into_owned();
    until("the file is picked", SOON * 2, async || {
        let page = world.agent.as_ref().context("there is no agent")?.page()?;
        if page.text("body").await?.contains(&name) {
            return Ok(Some(()));
        }
        if world.desktop.focused().await?.contains("New ticket") {
            page.click("#add-file").await?;
            until("the dialog has the focus", DIALOG, async || {
                Ok((!world.desktop.focused().await?.contains("New ticket")).then_some(()))
            })
            .await?;
        }
        world.desktop.press(&["ctrl+a"]).await?;
        world.desktop.type_text(&file.display().to_string()).await?;
        world.desktop.press(&["Return"]).await?;
        page.wait_text("body", DIALOG, |text| text.contains(&name)).await.map(|_| Some(()))
    })
    .await
}

fn once(world: &World, hash: &str) -> Result<()> {
    let database = world.server.database()?;
    let tickets = database.count("select count(*) from tickets where subject = ?1", [SUBJECT])?;
    ensure!(tickets == 1, "the ticket is there {tickets} times");
    let files = database.count("select count(*) from attachments where sha256 = ?1", [hash])?;
    ensure!(files == 1, "its file is there {files} times");
    let stored = stored_file(world, hash).context("the file's bytes")?;
    ensure!(stored.len() == FILE_BYTES, "{} bytes", stored.len());
    Ok(())
}
