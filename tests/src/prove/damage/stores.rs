//! The agent over damaged folders: it starts, saves what can be read, says so, and calls nothing delivered
//! that is not.

use std::{fs, path::Path};

use anyhow::Result;
use deskbell_agent_core::view::ProblemCode;
use rand::{Rng, SeedableRng, rngs::StdRng};
use rusqlite::{Connection, OpenFlags, Row};

use super::sample::{self, Folder, Sample};
use crate::{
    prove::{
        Found, Kind, Order,
        power::{cuts, kept},
    },
    server::files,
};

const FILES: [&str; 5] = ["deskbell.db", "deskbell.db", "deskbell.db", "deskbell.db-wal", "device.key"];

/// How damage went unnoticed: SQLite has no checksums over what it stores, and takes a log that is cut for
/// one that was never finished.
#[derive(Debug, Default)]
struct Quiet {
    set_aside: u64,
    other_text: u64,
    missing: u64,
}

pub(super) fn run(order: Order, sample: &Sample, least: u64) -> Result<Found> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut found, mut quiet) = (Found::default(), Quiet::default());
    while order.more(found.runs, least) && (!order.quick || found.violations.is_empty()) {
        let seed = order.seed.wrapping_mul(1_000_003).wrapping_add(found.runs);
        let mut random = StdRng::seed_from_u64(seed);
        let before = if random.random_bool(0.5) { &sample.killed } else { &sample.ended };
        let mut files = before.clone();
        let how = sample::damage(&mut files, &mut random, &FILES)?;
        let folder = cuts::scratch()?;
        let data = folder.path().join("data");
        sample::lay_out(&files, &data)?;
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(look(&data, (before, &files), sample, &mut quiet))
        }));
        let broken = looked.unwrap_or_else(|_| Ok(vec![(Kind::Crashed, "a panic".to_owned())]))?;
        found.runs += 1;
        for (kind, what) in broken {
            found.violation(kind, format!("seed {seed}, {how}: {what}"));
        }
    }
    found.notes.push(format!(
        "{} stores: {} set aside; unnoticed by SQLite: {} with other texts, {} without some entry",
        found.runs, quiet.set_aside, quiet.other_text, quiet.missing
    ));
    Ok(found)
}

async fn look(
    data: &Path,
    (before, files): (&Folder, &Folder),
    sample: &Sample,
    quiet: &mut Quiet,
) -> Result<Vec<cuts::Broken>> {
    let mut broken = Vec::new();
    let agent = match kept::open(data).await {
        Ok(agent) => agent,
        Err(error) => return Ok(vec![(Kind::Wrong, format!("the agent does not start: {error}"))]),
    };
    let mut wrong = |what: String| broken.push((Kind::Wrong, what));
    let told = agent.status().problems.iter().any(|problem| problem.code == ProblemCode::StoreRecovered);
    if let Err(error) = agent.outbox().await {
        wrong(format!("the outbox cannot be read: {}", error.message));
    }
    match agent.ticket_form(None).await {
        Ok(mut form) => {
            form.draft.subject = "After the damage".into();
            if let Err(error) = agent.save_draft(form.draft).await {
                wrong(format!("nothing can be written: {}", error.message));
            }
        }
        Err(error) => wrong(format!("the form does not open: {}", error.message)),
    }
    if let Err(error) = agent.tickets().await {
        wrong(format!("the list does not open: {}", error.message));
    }
    if told {
        quiet.set_aside += 1;
        aside(data, files, &mut broken)?;
    }
    // What is damaged in the log SQLite takes for unfinished. In the database itself it has no such excuse.
    let log = Path::new("deskbell.db-wal");
    let log_damaged = files.get(log) != before.get(log);
    entries(data, sample, (told, log_damaged), quiet, &mut broken)?;
    Ok(broken)
}

/// The damaged file is there still, as it was.
fn aside(data: &Path, damaged: &Folder, broken: &mut Vec<cuts::Broken>) -> Result<()> {
    let database = &damaged[Path::new("deskbell.db")];
    let mut kept = files(data)?.into_iter().filter(|path| path.to_string_lossy().contains("deskbell.db.damaged-"));
    if !kept.any(|path| fs::read(path).is_ok_and(|bytes| bytes == *database)) {
        broken.push((Kind::Lost, "the damaged file was not kept as it was".to_owned()));
    }
    Ok(())
}

/// What waited waits, or the person was told; nothing of it is called delivered, and no file of it is gone.
fn entries(
    data: &Path,
    sample: &Sample,
    (told, log_damaged): (bool, bool),
    quiet: &mut Quiet,
    broken: &mut Vec<cuts::Broken>,
) -> Result<()> {
    let store = Connection::open_with_flags(data.join("deskbell.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = store.prepare("select id, item, delivered_at is not null from outbox")?;
    // What was altered need not be text any more.
    let text = |row: &Row<'_>, column| -> rusqlite::Result<String> {
        Ok(String::from_utf8_lossy(row.get_ref(column)?.as_bytes().unwrap_or_default()).into_owned())
    };
    let rows = statement.query_map([], |row| Ok((text(row, 0)?, text(row, 1)?, row.get(2)?)))?;
    let rows: Vec<(String, String, bool)> = rows.collect::<rusqlite::Result<_>>()?;
    let (mut other, mut missing) = (false, false);
    for (id, text) in &sample.waiting {
        match rows.iter().find(|(found, ..)| found == id) {
            Some((_, _, true)) => broken.push((Kind::Lost, format!("{id} waits and is called delivered"))),
            Some((_, found, false)) => other |= found != text,
            None => missing = true,
        }
    }
    if missing && !told && !log_damaged {
        broken.push((Kind::Lost, "entries are gone, and nobody is told".to_owned()));
    }
    if !told {
        quiet.other_text += u64::from(other);
        quiet.missing += u64::from(missing);
    }
    let whole = files(data)?.iter().filter(|path| is_attachment(path)).count();
    let had = sample.killed.keys().filter(|path| is_attachment(path)).count();
    if missing && told && whole < had {
        broken.push((Kind::Lost, format!("{whole} of {had} files are left")));
    }
    Ok(())
}

fn is_attachment(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    folder.is_some_and(|name| name == "files" || name.starts_with("files.damaged-"))
}
