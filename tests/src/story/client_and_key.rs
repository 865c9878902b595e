//! 2: a client with its domain, and an enrolment key that is shown once.

use anyhow::{Context, Result, ensure};

use super::{Fact, World, world::people};
use crate::{hash::sha256, wait::SOON};

pub(super) async fn play(world: &mut World) -> Result<()> {
    let (client, domain) = people::CLIENT;
    let page = &world.browser;
    page.go(&format!("{}/clients", world.server.url())).await?;
    page.click("#new-client").await?;
    page.fill("#client-name", client).await?;
    page.fill("#client-domains", domain).await?;
    page.submit().await?;
    page.wait("#new-key, [data-client]", SOON).await?;
    let id: String = world.server.database()?.one("select id from clients where name = ?1", [client])?;

    page.go(&format!("{}/clients/{id}/keys", world.server.url())).await?;
    page.click("#new-key").await?;
    page.submit().await?;
    let shown = page.wait("#key-secret", SOON).await?;
    world.picture_console("02-enrolment-key").await?;
    world.key = secret(&shown).with_context(|| format!("no key in {shown:?}"))?;
    world.client = id;
    world.facts.insert(Fact::Key);

    let stored = stored(world);
    world.check("the database holds the client and only the key's hash", stored);
    world.browser.reload().await?;
    world.browser.wait("#new-key", SOON).await?;
    let again = world.browser.shows("#key-secret").await;
    world.holds("the key is shown once", !again);
    Ok(())
}

fn secret(shown: &str) -> Option<String> {
    shown
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .find(|word| word.starts_with("DB-"))
        .map(str::to_owned)
}

fn stored(world: &World) -> Result<()> {
    let database = world.server.database()?;
    let domain = database.one::<String>("select domain from client_domains where client_id = ?1", [&world.client])?;
    ensure!(domain == people::CLIENT.1, "its domain is {domain}");
    let found =
        database.count("select count(*) from enrolment_keys where secret_hash = ?1", [sha256(world.key.as_bytes())])?;
    ensure!(found == 1, "the key's hash is there {found} times");
    for file in crate::server::files(world.server.folder())? {
        let bytes = std::fs::read(&file)?;
        let clear = bytes.windows(world.key.len()).any(|part| part == world.key.as_bytes());
        ensure!(!clear, "the key itself is in {}", file.display());
    }
    Ok(())
}
