//! What is looked at once, when all runs are over: every ticket, mails, totals, logs.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;

use super::{held, ledger::Ticket, world::World};
use crate::{
    prove::{Found, Kind},
    wait::until,
};

/// All mails that are left, on a busy machine.
const MAILS: Duration = Duration::from_secs(60);

/// What is known of a mail that has not left, for who has to find out why.
const LEFT: &str =
    "select id || '|' || kind || '|' || attempts || '|' || coalesce(last_error, 'no error') || '|' || run_at
    || '|' || leased_until from jobs where done_at is null and failed_at is null";

pub(super) async fn look(world: &mut World, written: &[Ticket], found: &mut Found) -> Result<()> {
    // A mail whose server was killed waits for its lease, and one that was refused for its pause.
    world.server.stop().await?;
    world.time_passes().await?;
    world.server.start().await?;
    let open = "select count(*) || '|' from jobs where done_at is null and failed_at is null";
    let sent = until("all mails are sent", MAILS, async || {
        Ok(world.rows(open).await?.first().is_some_and(|row| row[0] == "0").then_some(()))
    })
    .await;
    if let Err(error) = sent {
        let left = world.rows(LEFT).await?;
        found.violation(Kind::Lost, format!("{}: {error:#}; still there: {left:?}", world.name));
    }
    for (kind, what) in held::judged(world, written).await? {
        found.violation(kind, format!("{}: in the end, {what}", world.name));
    }
    mails(world, found).await?;
    totals(world, found).await?;
    for line in world.panics()? {
        found.violation(Kind::Crashed, format!("{}: {line}", world.name));
    }
    Ok(())
}

/// Every job's mail was accepted, under the job's own Message-ID.
async fn mails(world: &World, found: &mut Found) -> Result<()> {
    let mails = world.post.mails();
    // A Message-ID begins with the job's own id.
    let accepted: BTreeSet<_> = mails.iter().filter_map(|mail| mail.message_id.split('@').next()).collect();
    let jobs = world.rows("select id || '|' || kind from jobs").await?;
    let known: BTreeSet<_> = jobs.iter().map(|job| job[0].as_str()).collect();
    for job in jobs.iter().filter(|job| !accepted.contains(job[0].as_str())) {
        found.violation(Kind::Lost, format!("{}: the mail of job {} ({}) never came", world.name, job[0], job[1]));
    }
    let unknown = accepted.difference(&known).count();
    if unknown > 0 {
        found.violation(Kind::Wrong, format!("{}: {unknown} mails of no job", world.name));
    }
    let again = mails.len().saturating_sub(jobs.len());
    found.notes.push(format!("{}: {} mails, {again} of them sent again", world.name, jobs.len()));
    Ok(())
}

/// As many mails to be sent as tickets, and no subject twice: also of what was stored after its run was over.
async fn totals(world: &World, found: &mut Found) -> Result<()> {
    let twice =
        world.rows("select subject || '|' || count(*) from tickets group by subject having count(*) > 1").await?;
    for row in twice {
        found.violation(Kind::Duplicated, format!("{}: {} is there {} times in the end", world.name, row[0], row[1]));
    }
    let kind = world.json("payload", "kind");
    let counts = world
        .rows(&format!(
            "select (select count(*) from tickets) || '|' ||
             (select count(*) from jobs where {kind} = 'ticket_received')"
        ))
        .await?;
    if let Some(row) = counts.first()
        && row[0] != row[1]
    {
        found.violation(Kind::Lost, format!("{}: {} tickets have {} mails in the end", world.name, row[0], row[1]));
    }
    Ok(())
}
