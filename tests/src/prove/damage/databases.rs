//! The server over damaged databases: it says clearly that it cannot work, or works. It never falls over.

use std::path::Path;

use anyhow::Result;
use rand::{SeedableRng, rngs::StdRng};

use super::sample::{self, Folder, Sample};
use crate::{
    prove::{
        Found, Kind, Order,
        power::{cuts, stored},
    },
    server::Server,
};

const FILES: [&str; 2] = ["deskbell.db", "deskbell.db-wal"];

pub(super) fn run(order: Order, sample: &Sample, least: u64) -> Result<Found> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut found, mut refused) = (Found::default(), 0_u64);
    while order.more(found.runs, least) && (!order.quick || found.violations.is_empty()) {
        let (files, place) = damaged(order, sample, found.runs)?;
        let folder = cuts::scratch()?;
        let data = folder.path().join("data");
        sample::lay_out(&files, &data)?;
        let looked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(look(&data, &mut refused))));
        found.runs += 1;
        match looked {
            Err(_) => found.violation(Kind::Crashed, format!("{place}: a panic")),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(Some(what))) => found.violation(Kind::Wrong, format!("{place}: {what}")),
            Ok(Ok(None)) => {}
        }
    }
    found.notes.push(format!("{} databases: {refused} refused", found.runs));
    Ok(found)
}

fn damaged(order: Order, sample: &Sample, number: u64) -> Result<(Folder, String)> {
    let seed = order.seed.wrapping_mul(2_000_003).wrapping_add(number);
    let mut files = sample.server.clone();
    let how = sample::damage(&mut files, &mut StdRng::seed_from_u64(seed), &FILES)?;
    Ok((files, format!("the server, seed {seed}, {how}")))
}

async fn look(data: &Path, refused: &mut u64) -> Result<Option<String>> {
    let app = match stored::open(data).await? {
        Ok(app) => app,
        Err(error) => {
            *refused += 1;
            let words = error.to_string();
            // It is not, and somebody would look for a version that does not exist.
            return Ok(words.contains("newer").then_some(words));
        }
    };
    // Damage that nobody has read yet is an error to whoever reads it, and no more than that.
    let _ = app.new_setup_code().await;
    app.db.close().await;
    Ok(None)
}

/// The same with the real program, a few times.
pub(super) async fn real(order: Order, sample: &Sample, least: u64) -> Result<Found> {
    let mut found = Found::default();
    while found.runs < least {
        let (files, place) = damaged(order, sample, 10_000 + found.runs)?;
        let folder = cuts::scratch()?;
        sample::lay_out(&files, &folder.path().join("data"))?;
        let log = folder.path().join("server.log");
        let mut server = Server::new(&folder.path().join("data"), &log)?;
        let started = server.start().await;
        found.runs += 1;
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        if said.contains("panicked") {
            found.violation(Kind::Crashed, format!("{place}: {said}"));
        } else if started.is_err() && !said.contains("deskbell-server: ") {
            found.violation(Kind::Crashed, format!("{place}: it ended without a word"));
        }
        if started.is_ok() {
            server.stop().await?;
        }
    }
    Ok(found)
}
