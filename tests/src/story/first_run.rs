//! 1: a server starts on an empty folder, and its owner moves in.

use anyhow::{Result, ensure};

use super::{Fact, World, world::people};
use crate::{api::Api, wait::SOON};

pub(super) async fn play(world: &mut World) -> Result<()> {
    world.server.start().await?;
    let code = world.server.setup_code().await?;
    let (name, email, password) = people::OWNER;
    let page = &world.browser;
    page.go(&world.server.url()).await?;
    page.wait("#setup-code", SOON).await?;
    world.picture_console("01-first-run").await?;
    let page = &world.browser;
    for (field, text) in [("#setup-code", code.as_str()), ("#organization", people::ORGANIZATION), ("#name", name)] {
        page.fill(field, text).await?;
    }
    page.fill("#email", email).await?;
    page.fill("#password", password).await?;
    page.click("button[type=submit]").await?;
    page.wait("#new-client, nav", SOON).await?;
    world.facts.insert(Fact::Server);
    let signed_in = Api::sign_in(world.server.http(), &world.server.url(), email, password).await;
    world.api = world.check("the owner's password opens the console", signed_in);

    let gone = world.server.http().get(format!("{}/api/setup", world.server.url())).send().await?.status();
    world.holds("the set-up is gone afterwards (404)", gone == 404);
    let stored = stored(world);
    world.check("the database holds the owner", stored);
    Ok(())
}

fn stored(world: &World) -> Result<()> {
    let database = world.server.database()?;
    let hash: String = database.one("select password_hash from technicians where email = ?1", [people::OWNER.1])?;
    ensure!(hash.starts_with("$argon2id$"), "the password is kept as {hash}");
    let name: String = database.one("select name from organization where setup_code_hash is null", [])?;
    ensure!(name == people::ORGANIZATION, "the organization is called {name}");
    let role: String = database.one("select role from technicians", [])?;
    ensure!(role == "owner", "the first technician is {role}");
    Ok(())
}
