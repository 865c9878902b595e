//! What the server holds, read from its database and its folder.

use anyhow::{Context, Result};

use super::{
    ledger::{self, Broken, File, Held, Message, Ticket},
    world::World,
};
use crate::hash::sha256;

/// What is broken of these tickets.
pub(super) async fn judged(world: &World, tickets: &[Ticket]) -> Result<Broken> {
    let mut broken = Broken::new();
    // A statement has an end.
    for some in tickets.chunks(100) {
        let subjects: Vec<_> = some.iter().map(|ticket| ticket.subject.as_str()).collect();
        let held = under(world, &subjects).await?;
        for ticket in some {
            let these: Vec<_> = held.iter().filter(|held| held.subject == ticket.subject).cloned().collect();
            broken.extend(ledger::judge(ticket, &these));
        }
    }
    Ok(broken)
}

/// Everything under these subjects. One question, whichever the database is.
async fn under(world: &World, subjects: &[&str]) -> Result<Vec<Held>> {
    let list: Vec<_> = subjects.iter().map(|subject| format!("'{subject}'")).collect();
    let these = format!("select id from tickets where subject in ({})", list.join(", "));
    // Not found by `like`: at the end every ticket would be looked for in every mail.
    let (about, kind) = (world.json("payload", "ticket"), world.json("payload", "kind"));
    let rows = world
        .rows(&format!(
            "select 'T|' || id || '|' || subject from tickets where id in ({these})
             union all select 'J|' || id || '|' || {about} from jobs
                where {kind} = 'ticket_received' and {about} in ({these})
             union all select 'M|' || ticket_id || '|' || id || '|' || sequence || '|' || author_kind || '|' || body
                from messages where ticket_id in ({these}) and kind = 'reply'
             union all select 'A|' || message_id || '|' || id || '|' || size || '|' || sha256 || '|'
                || case when completed_at is null then 'no' else 'yes' end || '|' || name
                from attachments where ticket_id in ({these})"
        ))
        .await?;
    let mut held = Vec::new();
    for row in of(&rows, "T") {
        held.push(ticket(world, &row[1], &row[2], &rows)?);
    }
    Ok(held)
}

fn of<'a>(rows: &'a [Vec<String>], kind: &str) -> Vec<&'a Vec<String>> {
    rows.iter().filter(|row| row[0] == kind).collect()
}

fn ticket(world: &World, id: &str, subject: &str, rows: &[Vec<String>]) -> Result<Held> {
    let jobs = of(rows, "J").into_iter().filter(|row| row[2] == id).map(|row| row[1].clone()).collect();
    let mut mine: Vec<_> = of(rows, "M").into_iter().filter(|row| row[1] == id).collect();
    mine.sort_by_key(|row| row[3].parse::<i64>().unwrap_or(0));
    let mut messages = Vec::with_capacity(mine.len());
    for row in mine {
        let mut message = Message { technician: row[4] == "technician", text: row[5].clone(), ..Message::default() };
        for file in of(rows, "A").into_iter().filter(|file| file[1] == row[2]) {
            if file[5] == "yes" {
                message.files.push(stored(world, file)?);
            } else {
                message.incomplete += 1;
            }
        }
        messages.push(message);
    }
    Ok(Held { id: id.to_owned(), subject: subject.to_owned(), messages, jobs })
}

/// A file as its bytes are, whatever its row says of them.
fn stored(world: &World, row: &[String]) -> Result<File> {
    let name = row.get(6).context("a file without name")?.clone();
    // A row whose bytes are missing is a lost file, and no failure of the proof.
    let bytes = world.stored(&row[2]).unwrap_or_default();
    Ok(File { name, size: bytes.len() as u64, sha256: sha256(&bytes) })
}
