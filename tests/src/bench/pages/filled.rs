//! A helpdesk of many tickets, written into the database as it stands, past the server: a million would take it a
//! while.

use std::fmt::Write;

use super::texts::{Chance, Texts};

/// Minutes between two tickets, in milliseconds.
const APART: i64 = 60_000;
const BEGIN: i64 = 1_700_000_000_000;
const CLIENTS: u64 = 20;
/// People, and as many computers.
const PEOPLE: u64 = 400;

/// SQL that makes whoever the tickets are of.
pub(super) fn people() -> String {
    let mut sql = String::new();
    for n in 0..CLIENTS {
        let _ = writeln!(
            sql,
            "insert into clients (id, name, name_key, created_at) values ('{}', 'Company {n}', 'company {n}', {BEGIN});",
            id(1, n)
        );
    }
    for n in 0..PEOPLE {
        let (client, name) = (id(1, n % CLIENTS), format!("Person {n}"));
        let _ = writeln!(
            sql,
            "insert into requesters (id, client_id, email, name, name_key, language, created_at)
             values ('{}', '{client}', 'person{n}@company.example', '{name}', '{name}', 'en', {BEGIN});
             insert into devices (id, client_id, name, machine_hint, os, platform, created_at)
             values ('{}', '{client}', 'PC-{n}', 'hint {n}', 'Windows 11', 'windows-x86_64', {BEGIN});",
            id(2, n),
            id(3, n)
        );
    }
    sql
}

/// An id that is in the order of its number, as ours are in the order of time.
fn id(kind: u64, n: u64) -> String {
    format!("{:08x}-{:04x}-7000-8000-{kind:012x}", n >> 16, n & 0xffff)
}

/// The rows of one ticket, as a list of columns each.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) number: i64,
    pub(super) ticket: Vec<String>,
    pub(super) messages: Vec<Vec<String>>,
    pub(super) words: String,
}

pub(super) const TICKET: &str = "id, number, client_id, requester_id, device_id, type, subject, subject_key, status, \
    can_work, affected, priority, language, context, content_hash, last_sequence, files_pending, received_at, updated_at";
pub(super) const MESSAGE: &str =
    "id, ticket_id, client_id, sequence, kind, author_kind, author_name, body, content_hash, received_at";

/// What a device says of itself, as long as it really is.
const CONTEXT: &str = r#"{"hostname":"PC-0042","os":"Windows 11 Pro 23H2","os_user":"person","ip":"10.1.2.3","uptime":86400,"network":[{"name":"Ethernet","address":"10.1.2.3","up":true}],"disks":[{"name":"C:","total":512000000000,"free":120000000000}],"memory":{"total":16000000000,"free":4000000000},"displays":[{"width":1920,"height":1080}],"agent":"0.1.0"}"#;

impl Rows {
    pub(super) fn of(n: u64) -> Self {
        let mut chance = Chance::new(n);
        let person = chance.below(PEOPLE);
        let texts = Texts::of(n);
        let at = BEGIN + i64::try_from(n).unwrap_or(0) * APART;
        // One in fifty is still worked on; of those, people of one in eight cannot work.
        let status = match chance.below(50) {
            0 => "open",
            1..5 => "resolved",
            _ => "closed",
        };
        let can_work = ["no", "yes", "yes", "with_difficulty", "yes", "yes", "yes", "yes"][chance.below(8) as usize];
        let changed = at + i64::try_from(chance.below(3_600_000 * 24)).unwrap_or(0);
        let (ticket, client, number) = (id(4, n), id(1, person % CLIENTS), n + 1);
        let messages: Vec<Vec<String>> = [Some(&texts.description), texts.reply.as_ref()]
            .into_iter()
            .flatten()
            .zip([1_u64, 2])
            .map(|(body, sequence)| {
                let columns =
                    [id(4 + sequence, n), ticket.clone(), client.clone(), sequence.to_string(), "reply".into()];
                let rest =
                    ["requester".into(), format!("Person {person}"), body.clone(), String::new(), at.to_string()];
                columns.into_iter().chain(rest).collect()
            })
            .collect();
        let number_text = number.to_string();
        let device = person.to_string();
        let words = texts.words(&[&number_text, "person", &device, "company", "example", "pc"]);
        let (subject, count) = (texts.subject, messages.len());
        let columns = [ticket, number_text, client, id(2, person), id(3, person), "incident".into()];
        let said = [subject.clone(), subject, status.into(), can_work.into(), "me".into(), "normal".into()];
        let rest = ["en".into(), CONTEXT.into(), "hash".into(), count.to_string(), "0".into()];
        let times = [at.to_string(), changed.to_string()];
        let ticket = columns.into_iter().chain(said).chain(rest).chain(times).collect();
        Self { number: i64::try_from(number).unwrap_or(0), ticket, messages, words }
    }
}
