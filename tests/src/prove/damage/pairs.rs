//! Two programs over one folder, and an older program over what a newer one wrote.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::sample::{self, Sample};
use crate::{
    headless::Headless,
    prove::{Found, Kind, power::cuts},
    server::Server,
};

const NOWHERE: &str = "http://127.0.0.1:1";

pub(super) async fn run(sample: &Sample) -> Result<Found> {
    let mut found = Found::default();
    two_agents(sample, &mut found).await?;
    newer_store(sample, &mut found).await?;
    two_servers(sample, &mut found).await?;
    newer_database(sample, &mut found).await?;
    Ok(found)
}

async fn two_agents(sample: &Sample, found: &mut Found) -> Result<()> {
    let folder = cuts::scratch()?;
    let mut first = Headless::new(folder.path(), NOWHERE, "");
    sample::lay_out(&sample.killed, &first.data())?;
    first.start()?;
    first.said("how it stands", |line| line.get("status").map(drop)).await?;
    let (code, said) = first.run(&["headless"]).await?;
    found.runs += 1;
    if code == Some(0) || code.is_none() || said.contains("panicked") {
        found.violation(Kind::Wrong, format!("a second agent over one folder ends with {code:?}: {said}"));
    }
    first.order(json!({"submit": {"subject": "Beside another", "description": "Still here."}})).await?;
    let answer = first.answer(1).await?;
    if answer.get("done").is_none() {
        found.violation(Kind::Wrong, format!("the first agent does not work beside a second one: {answer}"));
    }
    first.stop().await
}

async fn newer_store(sample: &Sample, found: &mut Found) -> Result<()> {
    let folder = cuts::scratch()?;
    let agent = Headless::new(folder.path(), NOWHERE, "");
    sample::lay_out(&sample.ended, &agent.data())?;
    change(&agent.data().join("deskbell.db"), "pragma user_version = 99")?;
    let before = sample::take(&agent.data())?;
    let (code, said) = agent.run(&["headless"]).await?;
    found.runs += 1;
    if code == Some(0) || code.is_none() || said.contains("panicked") || !said.contains("another version") {
        found.violation(Kind::Wrong, format!("an agent over a newer store ends with {code:?}: {said}"));
    }
    same(&before, &sample::take(&agent.data())?, "the agent's newer store", found);
    Ok(())
}

async fn two_servers(sample: &Sample, found: &mut Found) -> Result<()> {
    let folder = cuts::scratch()?;
    let data = folder.path().join("data");
    sample::lay_out(&sample.server, &data)?;
    let mut first = Server::new(&data, &folder.path().join("first.log"))?;
    first.start().await?;
    refused(&data, &folder.path().join("second.log"), "another server works on", found).await?;
    let ready = first.http().get(format!("{}/readyz", first.url())).send().await?.status();
    if !ready.is_success() {
        found.violation(Kind::Wrong, format!("the first server says {ready} beside a second one"));
    }
    first.stop().await
}

async fn newer_database(sample: &Sample, found: &mut Found) -> Result<()> {
    let folder = cuts::scratch()?;
    let data = folder.path().join("data");
    sample::lay_out(&sample.server, &data)?;
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values (9999, 'from the future', true, x'00', 1)";
    change(&data.join("deskbell.db"), newer)?;
    let before = sample::take(&data)?;
    refused(&data, &folder.path().join("server.log"), "written by a newer Deskbell", found).await?;
    same(&before, &sample::take(&data)?, "the server's newer database", found);
    Ok(())
}

/// A server that has to end, and to say why.
async fn refused(data: &Path, log: &Path, why: &str, found: &mut Found) -> Result<()> {
    let mut server = Server::new(data, log)?;
    let started = server.start().await;
    let said = std::fs::read_to_string(log)?;
    found.runs += 1;
    if started.is_ok() || said.contains("panicked") || !said.contains(why) {
        found.violation(Kind::Wrong, format!("a server that should have said \"{why}\" said: {said}"));
    }
    if started.is_ok() { server.stop().await } else { Ok(()) }
}

fn change(database: &Path, sql: &str) -> Result<()> {
    rusqlite::Connection::open(database)?.execute_batch(sql).with_context(|| sql.to_owned())
}

fn same(before: &sample::Folder, after: &sample::Folder, what: &str, found: &mut Found) {
    for (name, bytes) in before.iter().filter(|(name, _)| name.ends_with("deskbell.db")) {
        if after.get(name) != Some(bytes) {
            found.violation(Kind::Wrong, format!("{what} was changed by a program that refused it"));
        }
    }
}
