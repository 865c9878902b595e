//! 4: enabled on one device in two clicks, off again, and on for all of a client's devices.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Fact, World, device_enrols::NOT_ENABLED};
use crate::{
    device::Device,
    wait::{SOON, until},
};

/// The story's own limit, from the click to the tray.
const PUSHED: Duration = Duration::from_secs(2);
const UNCONFIRMED: &[&str] = &["Waiting for confirmation"];

pub(super) async fn play(world: &mut World) -> Result<()> {
    let before = match &world.tray {
        Some(tray) => Some(tray.icon().await?),
        None => None,
    };
    let process = world.agent()?.id();
    world.browser.go(&format!("{}/devices/{}", world.server.url(), world.device)).await?;
    choose(world, "#agent-enable").await?;
    heard(world, true).await?;
    world.facts.insert(Fact::Enabled);
    let pushed = tray_says(world, UNCONFIRMED).await;
    world.check("the bell changes within two seconds", pushed);
    if let Some(before) = before {
        let after = world.tray()?.icon().await?;
        world.holds("the bell has another face", before != after);
    }
    let same = world.agent()?.id() == process && world.agent()?.running();
    world.holds("the agent was not restarted", same);
    let why = world.browser.wait_text("main", SOON, |text| text.contains("Why is it on here?")).await;
    let decides = world.browser.text("#why .is-win").await.unwrap_or_default();
    world.holds("this device's own choice decides", decides.starts_with("This device"));
    world.check("the device says which level decides", why);
    world.picture_console("04-device-enabled").await?;

    choose(world, "#agent-disable").await?;
    heard(world, false).await?;
    let pushed = tray_says(world, NOT_ENABLED).await;
    world.check("disabling works as well", pushed);
    // Its own choice would stay what it is whatever the client decides.
    choose(world, "#agent-inherit").await?;
    let why = world.browser.wait_text("#why .is-win", SOON, |text| text.starts_with("All clients")).await;
    world.check("without it the organization decides", why);
    everybody(world).await
}

/// Manage ▸ Helpdesk Agent ▸ the entry.
async fn choose(world: &World, entry: &str) -> Result<()> {
    for css in ["#manage", "#agent-menu", entry] {
        world.browser.click(css).await?;
    }
    Ok(())
}

/// The device has told the server that it applied the decision.
async fn heard(world: &World, enabled: bool) -> Result<()> {
    let start = Instant::now();
    until("the device applies the decision", SOON, async || {
        let sql = "select count(*) from installations i join devices d on d.id = i.device_id
            where d.id = ?1 and d.enablement = ?2 and i.applied_revision = i.revision";
        Ok((world.server.database()?.count(sql, (&world.device, enabled))? == 1).then_some(()))
    })
    .await?;
    ensure!(start.elapsed() < PUSHED, "the decision took {:?}", start.elapsed());
    Ok(())
}

async fn tray_says(world: &World, texts: &[&str]) -> Result<()> {
    world.tray()?.wait_for(texts, PUSHED).await.map(drop)
}

/// Clients ▸ the client ▸ Devices ▸ All ▸ Actions: one is online, one offline, one enrols later.
async fn everybody(world: &mut World) -> Result<()> {
    let (http, url) = (world.server.http().clone(), world.server.url());
    let offline = Device::new(&http, &url, "PC-OFFLINE", 2).await?;
    let enrolled = offline.enrol(&world.key).await?;
    world.offline = Some(offline);
    world.holds("a new device is not enabled", !enrolled.state.enabled);
    world.browser.go(&format!("{url}/clients/{}/devices", world.client)).await?;
    world.browser.click("#actions").await?;
    world.browser.click("#actions-enable-client").await?;
    let row = format!("[data-device=\"{}\"]", enrolled.device_id);
    world
        .browser
        .wait(&format!("{row} [data-agent=waiting]"), SOON)
        .await
        .context("the offline device is shown as waiting")?;
    let row = format!("[data-device=\"{}\"]", world.device);
    world
        .browser
        .wait(&format!("{row} [data-agent=active]"), SOON)
        .await
        .context("the online device is shown as active")?;
    world.picture_console("04-rollout").await?;
    let on = tray_says(world, UNCONFIRMED).await;
    world.check("the client's decision reaches the agent", on);
    let later = Device::new(&http, &url, "PC-LATER", 3).await?.enrol(&world.key).await?;
    world.holds("a device that enrols later is enabled", later.state.enabled);
    let by: String =
        world.server.database()?.one("select enablement_by from clients where id = ?1", [&world.client])?;
    world.holds("the client's row says who enabled it", !by.is_empty());
    Ok(())
}
