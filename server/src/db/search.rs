//! Finding tickets by their words. Which words there are, `words` decides, once for both databases; this file
//! says how each of them keeps and finds them.

use std::collections::{BTreeSet, HashMap};

use deskbell_protocol::id::TicketId;

use super::{Text, Tx};
use crate::{
    row, sql,
    words::{folded, whole},
};

/// Bytes of one ticket's words that are kept: PostgreSQL takes less than a megabyte.
const BYTES: usize = 400_000;

/// Where the words of tickets `t` are: found by `$5`, with the number that they are in order by.
pub(super) struct Source {
    pub(super) from: &'static str,
    pub(super) matches: &'static str,
    pub(super) number: &'static str,
}

/// SQLite walks its index from the newest ticket on and stops where a page is full: `cross join` keeps it from
/// starting at the tickets. PostgreSQL decides by how frequent a word is whether it reads the newest tickets or the
/// index.
pub(super) const fn source(tx: &Tx) -> Source {
    match tx {
        Tx::Sqlite(_) => Source {
            from: "search cross join tickets t on t.number = search.rowid",
            matches: "search match $5",
            number: "search.rowid",
        },
        Tx::Postgres(_) => Source {
            from: "search s join tickets t on t.number = s.number",
            matches: "s.words @@ $5::tsquery",
            number: "s.number",
        },
    }
}

/// How this database writes what is looked for. Words hold letters and digits only, so nothing of them can mean
/// anything else here.
#[must_use]
pub(super) fn expression(tx: &Tx, words: &[String]) -> String {
    let one = |word: &String| match (tx, whole(word)) {
        (Tx::Sqlite(_), true) => format!("\"{word}\""),
        (Tx::Sqlite(_), false) => format!("\"{word}\"*"),
        (Tx::Postgres(_), true) => format!("'{word}'"),
        (Tx::Postgres(_), false) => format!("'{word}':*"),
    };
    let between = if matches!(tx, Tx::Sqlite(_)) { " " } else { " & " };
    words.iter().map(one).collect::<Vec<_>>().join(between)
}

/// Writes the words of up to `limit` changes whose tickets' words are not what they were, and says how many
/// changes that were.
///
/// # Errors
/// Where the database fails.
pub async fn index_due(tx: &mut Tx, limit: i64) -> sqlx::Result<usize> {
    // Two servers would write the same words twice, and wait for each other in turns.
    tx.serialize_on("search").await?;
    let due: Vec<(i64, Text<TicketId>)> = sql!(
        all tx, (i64, Text<TicketId>), "select id, ticket_id from search_due order by id limit $1", limit
    )?;
    let tickets: BTreeSet<String> = due.iter().map(|(_, ticket)| ticket.to_string()).collect();
    let mut said = said(tx, &tickets).await?;
    for ticket in known(tx, &tickets).await? {
        let words = ticket.words(&said.remove(&ticket.id.0).unwrap_or_default());
        write(tx, ticket.number, words).await?;
    }
    forget(tx, &due.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
    Ok(due.len())
}

/// Whether there is anything for [`index_due`].
///
/// # Errors
/// Where the database fails.
pub async fn is_due(tx: &mut Tx) -> sqlx::Result<bool> {
    let due: Option<(i64,)> = sql!(optional tx, (i64,), "select id from search_due order by id limit 1")?;
    Ok(due.is_some())
}

row! {
    /// A ticket as it is found, but for what was written in it.
    struct Known {
        id: Text<TicketId>,
        number: i64,
        subject: String,
        name: String,
        email: String,
        device: String,
    }
}

async fn known(tx: &mut Tx, tickets: &BTreeSet<String>) -> sqlx::Result<Vec<Known>> {
    let (among, ids) = (tx.among_first(), listed(tickets));
    sql!(
        all tx, Known,
        format!("select t.id, t.number, t.subject, r.name, r.email, coalesce(d.name, '') as device from tickets t
                 join requesters r on r.id = t.requester_id left join devices d on d.id = t.device_id where t.id {among}"),
        &ids
    )
}

/// What was written in each of these tickets, oldest first.
async fn said(tx: &mut Tx, tickets: &BTreeSet<String>) -> sqlx::Result<HashMap<TicketId, Vec<String>>> {
    let (among, ids) = (tx.among_first(), listed(tickets));
    let rows: Vec<(Text<TicketId>, String)> = sql!(
        all tx, (Text<TicketId>, String),
        format!("select ticket_id, body from messages where ticket_id {among} and kind in ('reply', 'note')
                 order by ticket_id, sequence"),
        &ids
    )?;
    let mut said: HashMap<_, Vec<_>> = HashMap::new();
    for (ticket, body) in rows {
        said.entry(ticket.0).or_default().push(body);
    }
    Ok(said)
}

fn listed(tickets: &BTreeSet<String>) -> String {
    tickets.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}

impl Known {
    /// Each of its words once: number, subject, who asked, on which computer, what was written.
    fn words(&self, said: &[String]) -> String {
        let number = self.number.to_string();
        let known = [&number, &self.subject, &self.name, &self.email, &self.device];
        distinct(known.into_iter().chain(said))
    }
}

async fn write(tx: &mut Tx, number: i64, words: String) -> sqlx::Result<()> {
    let write = match tx {
        Tx::Sqlite(_) => "insert or replace into search (rowid, words) values ($1, $2)",
        Tx::Postgres(_) => {
            "insert into search (number, words) values ($1, array_to_tsvector(string_to_array($2, ' ')))
             on conflict (number) do update set words = excluded.words"
        }
    };
    sql!(execute tx, write, number, &words)?;
    Ok(())
}

/// These changes are written.
async fn forget(tx: &mut Tx, changes: &[i64]) -> sqlx::Result<()> {
    match tx {
        // Its one writer gives the ids in the order of its commits.
        Tx::Sqlite(tx) => {
            tx.execute("delete from search_due where id <= $1", rusqlite::params![changes.last()])?;
        }
        Tx::Postgres(tx) => {
            sqlx::query("delete from search_due where id = any($1)").bind(changes).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// The words of all texts, each once, with a space between them, as many as there is room for.
pub fn distinct<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let (mut seen, mut words) = (BTreeSet::new(), String::new());
    for word in texts.flat_map(|text| folded(text)) {
        if words.len() + word.len() >= BYTES {
            break;
        }
        if seen.contains(&word) {
            continue;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words += &word;
        seen.insert(word);
    }
    words
}
