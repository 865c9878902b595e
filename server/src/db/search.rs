//! Finding tickets by their words. Which words there are, `words` decides, once for both databases; this file
//! says how each of them keeps and finds them.

use std::collections::{BTreeSet, HashMap};

use deskbell_protocol::id::TicketId;

use super::{SqliteTx, Text, Tx};
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

/// Words that one beginning stands for at most; of longer lists FTS5 looks for the beginning itself.
const BEGINNINGS: i64 = 64;
/// Beginnings of so many signs and fewer have lists of their own in FTS5 (`prefix` in the migration).
const LISTED: usize = 4;

/// How this database writes what is looked for. Words hold letters and digits only, so nothing of them can mean
/// anything else here.
///
/// # Errors
/// Where the database fails.
pub(super) async fn expression(tx: &mut Tx, words: &[String]) -> sqlx::Result<String> {
    match tx {
        Tx::Sqlite(tx) => {
            let parts: sqlx::Result<Vec<_>> = words.iter().map(|word| part(tx, word)).collect();
            Ok(parts?.join(" AND "))
        }
        Tx::Postgres(_) => {
            let part = |word: &String| if whole(word) { format!("'{word}'") } else { format!("'{word}':*") };
            Ok(words.iter().map(part).collect::<Vec<_>>().join(" & "))
        }
    }
}

/// FTS5 walks the lists of whole words and of short beginnings from the newest ticket on; of a longer beginning it reads
/// the lists of all words that begin so to their ends first.
fn part(tx: &mut SqliteTx, word: &str) -> sqlx::Result<String> {
    if whole(word) {
        return Ok(format!("\"{word}\""));
    }
    let beginning = format!("\"{word}\"*");
    if word.chars().count() <= LISTED {
        return Ok(beginning);
    }
    let select = "select word from search_words where word >= $1 and word < $1 || char(1114111) limit $2";
    let known: Vec<(String,)> = tx.all(select, rusqlite::params![word, BEGINNINGS + 1])?;
    if known.is_empty() || known.len() as i64 > BEGINNINGS {
        return Ok(beginning);
    }
    let known: Vec<String> = known.into_iter().map(|(word,)| format!("\"{word}\"")).collect();
    Ok(format!("({})", known.join(" OR ")))
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
    let texts: Vec<(i64, String)> = known(tx, &tickets)
        .await?
        .into_iter()
        .map(|ticket| (ticket.number, ticket.words(&said.remove(&ticket.id.0).unwrap_or_default())))
        .collect();
    know(tx, &texts)?;
    for (number, words) in texts {
        write(tx, number, words).await?;
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

/// SQLite has to know which words there are.
fn know(tx: &mut Tx, texts: &[(i64, String)]) -> sqlx::Result<()> {
    let Tx::Sqlite(tx) = tx else { return Ok(()) };
    if texts.is_empty() {
        return Ok(());
    }
    let words: BTreeSet<&str> = texts.iter().flat_map(|(_, words)| words.split(' ')).collect();
    let words = words.into_iter().collect::<Vec<_>>().join(" ");
    let insert = r#"insert into search_words select value from json_each('["' || replace($1, ' ', '","') || '"]')
                    where true on conflict do nothing"#;
    tx.execute(insert, rusqlite::params![words]).map(drop)
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// As an older version left them.
    #[test]
    fn words_that_were_written_before_are_known() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let database = rusqlite::Connection::open_in_memory().unwrap();
        for file in files {
            if file.ends_with("0006_vocabulary.sql") {
                let written = "insert into search (rowid, words) values (1, 'toner printer'), (2, 'toner drucker')";
                database.execute_batch(written).unwrap();
            }
            database.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
        }
        let mut words = database.prepare("select word from search_words order by word").unwrap();
        let words: Vec<String> = words.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(words, ["drucker", "printer", "toner"]);
    }
}
