//! Whether a server's folder has what the server had answered.

use std::{fs, path::Path};

use anyhow::Result;
use deskbell_server::{App, config::Config};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{
    cuts::Broken,
    server::{Answer, Answered},
};
use crate::prove::Kind;

/// Opens a server over a folder, as its next start does; it listens nowhere.
pub(in crate::prove) async fn open(data: &Path) -> Result<Result<App, deskbell_server::StartError>> {
    let setting = |text: &str| Some(text.to_owned());
    let flags = [("data_dir", setting(&data.display().to_string())), ("public_url", setting("http://127.0.0.1:1"))];
    let config = Config::load(None, std::iter::empty(), &flags)?;
    Ok(App::open(config, deskbell_server::clock::now).await)
}

/// Everything that was answered is there, whole.
pub(super) async fn check(folder: &Path, answered: &Answered) -> Result<Vec<Broken>> {
    let data = folder.join("data");
    let app = match open(&data).await? {
        Ok(app) => app,
        Err(error) => return Ok(vec![(Kind::Lost, format!("the server does not start: {error}"))]),
    };
    let store = Connection::open_with_flags(data.join("deskbell.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut broken = Vec::new();
    let sound: String = store.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        broken.push((Kind::Lost, format!("the database is damaged: {sound}")));
    }
    for answer in &answered.answers {
        if !holds(&store, &data, answered, answer)? {
            broken.push((Kind::Lost, format!("{answer:?} was answered, and it is not so")));
        }
    }
    mails(&store, &data, answered, &mut broken)?;
    whole(&store, &data, answered, &mut broken)?;
    app.db.close().await;
    Ok(broken)
}

fn holds(store: &Connection, data: &Path, answered: &Answered, answer: &Answer) -> Result<bool> {
    let count = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<bool> {
        Ok(store.query_row(sql, values, |row| row.get::<_, i64>(0))? == 1)
    };
    match answer {
        Answer::SetUp => count("select count(*) from organization where name = 'Harbour IT'", &[])
            .and_then(|there| Ok(there && count("select count(*) from enrolment_keys", &[])?)),
        Answer::Enrolled { installation } => count("select count(*) from installations where id = ?1", &[installation]),
        Answer::Enabled { device } => count("select count(*) from devices where id = ?1 and enablement", &[device]),
        Answer::Confirmed { installation } => {
            count("select count(*) from installations where id = ?1 and requester_id is not null", &[installation])
        }
        Answer::Ticket { id, subject, text } => count(
            "select count(*) from tickets t join messages m on m.ticket_id = t.id and m.sequence = 1
             where t.id = ?1 and t.subject = ?2 and m.body = ?3",
            &[id, subject, text],
        ),
        Answer::Message { id, text } => count("select count(*) from messages where id = ?1 and body = ?2", &[id, text]),
        // How many there are is looked at together.
        Answer::Mail { .. } => Ok(true),
        Answer::Received { id, bytes, complete } => received(store, data, answered, id, *bytes, *complete),
    }
}

/// What was acknowledged of a file is there; more of it may be as well.
fn received(
    store: &Connection,
    data: &Path,
    answered: &Answered,
    id: &str,
    bytes: u64,
    complete: bool,
) -> Result<bool> {
    let sql = "select received, completed_at is not null from attachments where id = ?1";
    let row: Option<(i64, bool)> = store.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((stored, whole)) = row else { return Ok(false) };
    let attachments = data.join("attachments");
    let (part, file) =
        (attachments.join("parts").join(id), attachments.join("files").join(&id[id.len() - 2..]).join(id));
    let there = fs::read(part).or_else(|_| fs::read(file)).unwrap_or_default();
    let wanted = &answered.contents[id][..usize::try_from(bytes)?];
    Ok(there.starts_with(wanted) && (whole || (!complete && stored.cast_unsigned() >= bytes)))
}

/// Each mail that was due has its job, and each job that is done has its mail.
fn mails(store: &Connection, data: &Path, answered: &Answered, broken: &mut Vec<Broken>) -> Result<()> {
    let due: Vec<&String> = answered
        .answers
        .iter()
        .filter_map(|answer| if let Answer::Mail { kind } = answer { Some(kind) } else { None })
        .collect();
    for kind in &due {
        let wanted = due.iter().filter(|other| other == &kind).count();
        let sql = "select count(*) from jobs where kind = ?1";
        let found: i64 = store.query_row(sql, params![kind], |row| row.get(0))?;
        if usize::try_from(found)? < wanted {
            broken.push((Kind::Lost, format!("{found} of {wanted} mails of the kind {kind} are due or done")));
        }
    }
    let mut statement = store.prepare("select id from jobs where done_at is not null")?;
    for job in statement.query_map([], |row| row.get::<_, String>(0))? {
        let job = job?;
        let mail = fs::read(data.join("mail").join(format!("{job}.eml"))).unwrap_or_default();
        if mail_parser::MessageParser::default().parse(&mail).is_none_or(|mail| mail.body_text(0).is_none()) {
            broken.push((Kind::Lost, format!("the job {job} is done, and its mail is not there")));
        }
    }
    Ok(())
}

/// Every file that is called complete is.
fn whole(store: &Connection, data: &Path, answered: &Answered, broken: &mut Vec<Broken>) -> Result<()> {
    let mut statement = store.prepare("select id from attachments where completed_at is not null")?;
    for id in statement.query_map([], |row| row.get::<_, String>(0))? {
        let id = id?;
        let file = data.join("attachments/files").join(&id[id.len() - 2..]).join(&id);
        if fs::read(file).ok().as_ref() != answered.contents.get(&id) {
            broken.push((Kind::Lost, format!("the file {id} is called complete, and is not")));
        }
    }
    Ok(())
}
