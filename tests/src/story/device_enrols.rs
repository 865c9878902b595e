//! 3: the agent starts, makes its key, introduces itself, and its bell is hollow.

use anyhow::{Context, Result, ensure};

use super::{Fact, World};
use crate::{
    agent::Agent,
    wait::{SOON, until},
};

pub(super) const NOT_ENABLED: &[&str] = &["Helpdesk is not enabled on this PC"];

pub(super) async fn play(world: &mut World) -> Result<()> {
    world.browser.go(&format!("{}/devices", world.server.url())).await?;
    let mut agent = Agent::new(&world.desktop, &world.server.url(), &world.key)?;
    agent.set("DESKBELL_LANGUAGE", "en");
    agent.set("DESKBELL_THEME", "light");
    agent.start().await?;
    world.agent = Some(agent);
    let enrolled = until("the device is in the database", SOON, async || {
        let sql = "select device_id from installations where registration = 'accepted' and algorithm = 'ed25519'";
        world.server.database()?.one::<String>(sql, []).map(Some)
    });
    world.device = enrolled.await?;
    world.facts.insert(Fact::Device);

    let listed = world.browser.wait(&format!("[data-device=\"{}\"]", world.device), SOON).await;
    world.check("the console shows the device without reloading", listed);
    world.picture_console("03-devices").await?;
    let kept = key_ring(world).await;
    world.check("the key pair is in the system's key store", kept);
    let said = async { world.tray()?.wait_for(NOT_ENABLED, SOON).await }.await;
    world.check("the tray says that Helpdesk is not enabled", said);
    let refused = unsigned(world).await;
    world.check("an unsigned request is refused", refused);
    Ok(())
}

/// Asks the Secret Service itself, in the place of the agent's word.
async fn key_ring(world: &World) -> Result<()> {
    let bus = world.desktop.bus().await?;
    let name = "org.freedesktop.secrets";
    let attributes = std::collections::HashMap::<&str, &str>::new();
    let (path, interface) = ("/org/freedesktop/secrets", "org.freedesktop.Secret.Service");
    let answer = bus.call_method(Some(name), path, Some(interface), "SearchItems", &attributes).await?;
    let (open, _locked): (Vec<zbus::zvariant::OwnedObjectPath>, Vec<zbus::zvariant::OwnedObjectPath>) =
        answer.body().deserialize()?;
    let mut found = Vec::new();
    for item in open {
        let arguments = ("org.freedesktop.Secret.Item", "Attributes");
        let properties = Some("org.freedesktop.DBus.Properties");
        let answer = bus.call_method(Some(name), item.as_str(), properties, "Get", &arguments).await?;
        found.push(format!("{:?}", answer.body().deserialize::<zbus::zvariant::Value<'_>>()?));
    }
    ensure!(found.iter().any(|item| item.to_lowercase().contains("deskbell")), "the key ring holds {found:?}");
    Ok(())
}

async fn unsigned(world: &World) -> Result<()> {
    let url = format!("{}/api/agent/v1/sync", world.server.url());
    let answer = world.server.http().post(url).header("content-type", "application/json").body("{}").send().await?;
    let status = answer.status();
    let body: serde_json::Value = answer.json().await.context("an error without JSON")?;
    ensure!(status == 401 && body["code"] == "signature_missing", "{status}: {body}");
    Ok(())
}
