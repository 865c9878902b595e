//! An agent that a person installed for themselves becomes the next version, or stays what it is: with two
//! real versions, a real server and signatures that minisign makes as the documentation says.

#![cfg(target_os = "linux")]

#[path = "updates/world.rs"]
mod world;

use anyhow::{Context, Result, ensure};
use deskbell_tests::wait::{SOON, until};
use serde_json::json;
use world::{Signer, World};

const OLD: &str = env!("CARGO_PKG_VERSION");
const NEW: &str = "0.2.0";
const DRAFT: &str = "The draft that was there before";
const QUEUED: &str = "Written before the update";

#[tokio::test]
async fn the_next_version_takes_over_when_no_window_is_open() {
    take_over().await.unwrap();
}

async fn take_over() -> Result<()> {
    let mut world = World::new("home/.local/bin").await?;
    let (first, second) = (world.guarded_signer("first").await?, world.signer("second").await?);
    world.trust(&[&first])?;
    let key = enrolled(&mut world).await?;

    // Nobody is confirmed: what is submitted waits in the queue.
    let order = json!({"submit": {"subject": QUEUED, "description": "The printer is on fire"}}).to_string();
    world.agent.headless(&[&order]).await?;
    world.server.stop().await?;

    // The update is there, and so is a window, before this agent hears of the former.
    first.publish(&world, "stable", NEW, &world.newer()?, Some(&second)).await?;
    world.agent.start().await?;
    world.status("it runs", |status| status["version"] == OLD).await?;
    world.agent.run(&["new"]).await?;
    let page = world.agent.window("new-ticket").await?;
    page.fill("#subject", DRAFT).await?;
    world.server.start().await?;
    world.logged("an update waits until no window is open").await?;
    ensure!(world.agent.running(), "a window is open: the old version goes on");
    ensure!(world.said_by_program().await?.ends_with(OLD), "and nothing has replaced it yet");

    world.close_window().await?;
    world.agent.succeeded().await?;
    world
        .status("the new version runs and is in touch", |status| status["version"] == NEW && status["online"] == true)
        .await?;
    ensure!(world.said_by_program().await?.ends_with(NEW), "it is what the file is now");
    world.tray.wait_for(&["Waiting for confirmation"], SOON).await.context("the tray is back")?;
    ensure!(world.desktop.visible("New ticket").await?.is_empty(), "it came back as quietly as it went");

    // What was there before is there still.
    world.agent.run(&["new"]).await?;
    let subject = world.agent.window("new-ticket").await?.value("#subject").await?;
    ensure!(subject == DRAFT, "the draft is {subject:?}");
    let keys = "select count(*) from installations where public_key = ?1";
    ensure!(world.server.database()?.count(keys, [&key])? == 1, "the same key");
    ensure!(world.server.database()?.count("select count(*) from installations", [])? == 1, "the same installation");
    let installation: String = world.server.database()?.one("select id from installations", [])?;
    let person = json!({"name": "Sam Okafor", "email": "sam@northwind.example"});
    world.api().post(&format!("/installations/{installation}/vouch"), person).await?;
    until("what waited is delivered", SOON, async || Ok((world.tickets(QUEUED)? > 0).then_some(()))).await?;
    ensure!(world.tickets(QUEUED)? == 1, "once");
    let devices = world.api().get("/devices").await?;
    ensure!(devices["devices"][0]["agent_version"] == NEW, "the console shows it: {devices}");
    world.close_window().await?;

    the_next_key_counts(&mut world, &first, &second).await
}

/// The update named the second key: what the first one signs is not taken any more.
async fn the_next_key_counts(world: &mut World, first: &Signer, second: &Signer) -> Result<()> {
    world.agent.stop().await?;
    ensure!(world.trusted()? == format!("{}\n", second.public), "{}", world.trusted()?);
    first.publish(world, "stable", "0.3.0", &world.newer()?, None).await?;
    world.fresh_look().await?;
    world.logged("nothing is newer").await?;
    world.agent.stop().await?;
    // It is what it was, so it does not become another version; but its signature was good enough to try.
    second.publish(world, "stable", "0.4.0", &world.newer()?, None).await?;
    world.fresh_look().await?;
    world.problem("update_failed", "0.4.0").await?;
    ensure!(world.said_by_program().await?.ends_with(NEW), "what does not start as what it is leaves no trace");
    world.end().await
}

/// Introduces the device and switches the agent on, and gives the key that it made.
async fn enrolled(world: &mut World) -> Result<String> {
    world.server.start().await?;
    world.prepare().await?;
    world.agent.start().await?;
    let device = until("the device is known", SOON, async || {
        world.server.database()?.one::<String>("select id from devices", []).map(Some)
    });
    let device = device.await?;
    world.api().put(&format!("/devices/{device}/enablement"), json!({"enabled": true})).await?;
    world.status("it is on", |status| status["state"]["enabled"] == true).await?;
    world.agent.stop().await?;
    world.server.database()?.one("select public_key from installations", [])
}

#[tokio::test]
async fn what_is_not_rightly_signed_is_refused_and_told() {
    refusals().await.unwrap();
}

async fn refusals() -> Result<()> {
    let mut world = World::new("home/.local/bin").await?;
    let (ours, stranger) = (world.signer("ours").await?, world.signer("stranger").await?);
    world.trust(&[&ours])?;
    enrolled(&mut world).await?;
    let newer = world.newer()?;

    // Another program under a signature of ours.
    let place = ours.publish(&world, "stable", "0.2.0", &newer, None).await?;
    std::fs::write(place.join("deskbell"), world.older()?)?;
    refused(&mut world, "0.2.0", "update_refused").await?;

    // An older version of ours, said to be a newer one: the signature is right, what it says of itself is not.
    let place = ours.publish(&world, "stable", "0.0.9", &world.older()?, None).await?;
    let replayed = world.place("stable", "0.3.0");
    std::fs::create_dir_all(&replayed)?;
    std::fs::copy(place.join("deskbell"), replayed.join("deskbell"))?;
    let signature = std::fs::read_to_string(place.join("deskbell.minisig"))?;
    std::fs::write(replayed.join("deskbell.minisig"), signature.replace("version:0.0.9", "version:0.3.0"))?;
    refused(&mut world, "0.3.0", "update_refused").await?;

    // Signed by a stranger whose key bears the name of ours.
    let place = stranger.publish(&world, "stable", "0.4.0", &newer, None).await?;
    world::rename_key(&place.join("deskbell.minisig"), &ours)?;
    refused(&mut world, "0.4.0", "update_refused").await?;

    // Rightly signed, but no program of this computer.
    ours.publish(&world, "stable", "0.5.0", b"\x7fELF and nothing more", None).await?;
    refused(&mut world, "0.5.0", "update_failed").await?;

    // What is right is taken after all of that, and nothing remains to be told.
    for version in ["0.2.0", "0.3.0", "0.4.0", "0.5.0"] {
        std::fs::remove_dir_all(world.place("stable", version))?;
    }
    ours.publish(&world, "stable", NEW, &newer, None).await?;
    world.fresh_look().await?;
    world.agent.succeeded().await?;
    world.status("the new version", |status| status["version"] == NEW && status["problems"] == json!([])).await?;
    world.end().await
}

/// The person is told, and what runs and lies there is the old version.
async fn refused(world: &mut World, version: &str, problem: &str) -> Result<()> {
    world.fresh_look().await?;
    world.problem(problem, version).await?;
    ensure!(world.agent.running(), "{version}: the old version goes on");
    world.status("it is the old one", |status| status["version"] == OLD && status["online"] == true).await?;
    ensure!(world.said_by_program().await?.ends_with(OLD), "{version} left no trace");
    ensure!(world.beside_the_program()? == ["deskbell", "update-keys.pub"], "{:?}", world.beside_the_program()?);
    world.agent.stop().await
}

#[tokio::test]
async fn who_is_not_to_update_itself_does_not_even_ask() {
    // A program for everybody, one whose administrator wants no updates, and one that trusts nobody.
    for (place, setting, trusts, why) in [
        ("usr/bin", None, true, "\"installation\":\"PerMachine\""),
        ("home/.local/bin", Some(("DESKBELL_UPDATES", "off")), true, "updates are off"),
        ("home/.local/bin", None, false, "there are no keys"),
    ] {
        not_asked(place, setting, trusts, why).await.unwrap_or_else(|error| panic!("{why}: {error:?}"));
    }
}

async fn not_asked(place: &str, setting: Option<(&str, &str)>, trusts: bool, why: &str) -> Result<()> {
    let mut world = World::new(place).await?;
    let ours = world.signer("ours").await?;
    if trusts {
        world.trust(&[&ours])?;
    }
    if let Some((name, value)) = setting {
        world.agent.set(name, value);
    }
    ours.publish(&world, "stable", NEW, &world.newer()?, None).await?;
    enrolled(&mut world).await?;
    world.fresh_look().await?;
    world.status("it is in touch", |status| status["online"] == true).await?;
    world.logged(why).await?;
    ensure!(world.asked()? == 0, "it asked {} times", world.asked()?);
    ensure!(world.agent.running() && world.said_by_program().await?.ends_with(OLD), "it is what it was");
    world.status("nothing is amiss", |status| status["version"] == OLD && status["problems"] == json!([])).await?;
    world.end().await
}

#[tokio::test]
async fn early_versions_are_for_those_who_ask_for_them() {
    rings().await.unwrap();
}

async fn rings() -> Result<()> {
    let mut world = World::new("home/.local/bin").await?;
    let ours = world.signer("ours").await?;
    world.trust(&[&ours])?;
    ours.publish(&world, "early", NEW, &world.newer()?, None).await?;
    enrolled(&mut world).await?;
    world.fresh_look().await?;
    world.logged("nothing is newer").await?;
    world.agent.stop().await?;
    world.agent.set("DESKBELL_UPDATE_RING", "early");
    world.fresh_look().await?;
    world.agent.succeeded().await?;
    world.status("the early version", |status| status["version"] == NEW).await?;
    world.end().await
}
