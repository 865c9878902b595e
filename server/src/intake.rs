//! What an item of an outbox is answered, given what is stored. Nothing here looks or stores:
//! `api/agent/ingest` asks the database and does what is decided, and the simulation does so over memory.

use std::collections::HashSet;

use deskbell_protocol::{
    conversation::AuthorKind,
    device::DeviceFacts,
    error::ErrorCode,
    id::{ClientId, RequesterId},
    limits::{FACT_CHARS, FILE_BYTES, FILE_NAME_CHARS, FILES, SUBJECT_CHARS, TEXT_CHARS, TICKET_BYTES},
    sync::{OutboxItem, Outcome},
    ticket::{AttachmentRole, NewAttachment, Status},
};

use crate::{
    error::{ApiError, ApiResult},
    extract, secrets, ticket_status,
};

/// The installation that an item comes through, as it is in this transaction.
#[derive(Clone, Copy, Debug)]
pub struct Here {
    pub client: ClientId,
    pub enabled: bool,
    /// Who is confirmed at it.
    pub person: Option<RequesterId>,
}

/// The person whom an item names as its author, where they were confirmed at this installation once. Of
/// anybody else nothing is known here, so that nothing is told either.
#[derive(Clone, Copy, Debug)]
pub struct Author {
    pub client: ClientId,
    pub deactivated: bool,
}

/// The author's own ticket that a reply or a status change belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub status: Status,
    /// The last number that this installation gave to a message of it; 0 at first.
    pub last: i64,
}

/// What is stored, as far as an item asks for it.
#[derive(Clone, Debug)]
pub struct Known {
    /// The hash of what has the item's id already.
    pub stored: Option<String>,
    pub here: Here,
    /// Asked for only where it is not who is confirmed now.
    pub author: Option<Author>,
    pub place: Option<Place>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It is stored, and gets its receipt again.
    Again,
    Store,
    /// [`Outcome::Deferred`] or [`Outcome::Refused`].
    Not(Outcome),
}

/// What becomes of an item. What is stored already stays received, whatever has changed here since.
#[must_use]
pub fn decide(item: &OutboxItem, hash: &str, known: &Known) -> Decision {
    match &known.stored {
        Some(stored) if stored == hash => Decision::Again,
        Some(_) => Decision::Not(taken()),
        None => match fits(item).and_then(|()| may(item, known)).and_then(|()| in_turn(item, known)) {
            Ok(()) => Decision::Store,
            Err(not) => Decision::Not(not),
        },
    }
}

/// The refusal of a second content with the same id.
#[must_use]
pub fn taken() -> Outcome {
    ever(ErrorCode::ContentConflict, "another content with this id is stored already")
}

/// What is the same each time an item is sent. Its place in the ticket is left out: a device that
/// enrolled again counts from one.
#[must_use]
pub fn content_hash(item: &OutboxItem) -> String {
    let mut item = item.clone();
    match &mut item {
        OutboxItem::Ticket(_) => {}
        OutboxItem::Reply(reply) => reply.sequence = 0,
        OutboxItem::Status(status) => status.sequence = 0,
    }
    secrets::sha256(&serde_json::to_string(&item).expect("an item is plain data"))
}

/// The files that an item announces.
#[must_use]
pub fn files(item: &OutboxItem) -> &[NewAttachment] {
    match item {
        OutboxItem::Ticket(ticket) => &ticket.attachments,
        OutboxItem::Reply(reply) => &reply.attachments,
        OutboxItem::Status(_) => &[],
    }
}

#[must_use]
pub const fn author(item: &OutboxItem) -> RequesterId {
    match item {
        OutboxItem::Ticket(ticket) => ticket.author,
        OutboxItem::Reply(reply) => reply.author,
        OutboxItem::Status(status) => status.author,
    }
}

/// Whether what a device says of itself is of a length that somebody could mean.
///
/// # Errors
/// `malformed`, with the limit.
pub fn facts_fit(facts: &DeviceFacts, agent_version: &str) -> ApiResult<()> {
    let optional = [&facts.model, &facts.serial, &facts.ip].into_iter().filter_map(Option::as_deref);
    let said = [&facts.name, &facts.os, &facts.platform, &facts.os_user].into_iter().map(String::as_str);
    if said.chain(optional).chain([agent_version]).any(|fact| fact.chars().count() > FACT_CHARS) {
        return Err(ApiError::field(ErrorCode::Malformed, "facts", FACT_CHARS));
    }
    Ok(())
}

type Checked = Result<(), Outcome>;

/// It stays queued.
fn now(code: ErrorCode, message: &str) -> Outcome {
    Outcome::Deferred { code, message: message.to_owned() }
}

/// It needs the person's attention.
fn ever(code: ErrorCode, message: &str) -> Outcome {
    Outcome::Refused { code, message: message.to_owned() }
}

/// Whether its author may send it from here, now. Somebody who never sat here is answered as somebody who
/// does not exist, whichever client they are of.
fn may(item: &OutboxItem, known: &Known) -> Checked {
    let here = known.here;
    if !here.enabled {
        return Err(now(ErrorCode::NotEnabled, "the Helpdesk Agent is not enabled on this device"));
    }
    if here.person == Some(author(item)) {
        return Ok(());
    }
    match (known.author, here.person) {
        (Some(author), _) if author.client != here.client => {
            Err(ever(ErrorCode::ClientChanged, "this device belongs to another client now"))
        }
        (Some(author), _) if author.deactivated => {
            Err(ever(ErrorCode::RequesterDeactivated, "this person's access has ended"))
        }
        (_, None) => Err(now(ErrorCode::NotConfirmed, "nobody has confirmed their e-mail address here")),
        (_, Some(_)) => Err(ever(ErrorCode::AuthorChanged, "somebody else is confirmed here now")),
    }
}

/// Whether the author's own ticket is open for what they write, and everything before it received.
fn in_turn(item: &OutboxItem, known: &Known) -> Checked {
    let sequence = match item {
        OutboxItem::Ticket(_) => return Ok(()),
        OutboxItem::Reply(reply) => reply.sequence,
        OutboxItem::Status(status) => status.sequence,
    };
    let Some(place) = known.place else { return Err(ever(ErrorCode::NotFound, "there is no such ticket")) };
    if place.status == Status::Closed {
        return Err(ever(ErrorCode::TicketClosed, "the ticket is closed; write a new one"));
    }
    match i64::from(sequence) - place.last {
        1 => {}
        ..=0 => return Err(ever(ErrorCode::ContentConflict, "another message has this place already")),
        _ => return Err(now(ErrorCode::Conflict, "a message before this one has not arrived")),
    }
    match item {
        OutboxItem::Status(new)
            if place.status != new.status
                && !ticket_status::allowed(AuthorKind::Requester, place.status, new.status) =>
        {
            Err(ever(ErrorCode::NotAllowed, "the ticket cannot be set to this status"))
        }
        _ => Ok(()),
    }
}

/// Whether its texts and files are within the limits.
fn fits(item: &OutboxItem) -> Checked {
    if serde_json::to_vec(item).is_ok_and(|json| extract::holds_nul(&json)) {
        return Err(ever(ErrorCode::Malformed, "it holds the character U+0000, which cannot be stored"));
    }
    match item {
        OutboxItem::Ticket(ticket) => {
            let subject = ticket.subject.trim();
            if subject.is_empty() {
                return Err(ever(ErrorCode::SubjectMissing, "the subject is missing"));
            }
            if subject.chars().count() > SUBJECT_CHARS {
                return Err(ever(ErrorCode::SubjectTooLong, "the subject is too long"));
            }
            text_fits(&ticket.description)?;
            files_fit(&ticket.attachments)
        }
        OutboxItem::Reply(reply) => {
            if reply.text.trim().is_empty() && reply.attachments.is_empty() {
                return Err(ever(ErrorCode::TextMissing, "the reply is empty"));
            }
            text_fits(&reply.text)?;
            files_fit(&reply.attachments)
        }
        OutboxItem::Status(_) => Ok(()),
    }
}

fn text_fits(text: &str) -> Checked {
    if text.chars().count() > TEXT_CHARS {
        return Err(ever(ErrorCode::TextTooLong, "the text is too long"));
    }
    Ok(())
}

fn files_fit(files: &[NewAttachment]) -> Checked {
    if files.len() > FILES {
        return Err(ever(ErrorCode::TooManyFiles, "too many files"));
    }
    let ids: HashSet<_> = files.iter().map(|file| file.id).collect();
    if ids.len() < files.len() {
        return Err(ever(ErrorCode::ContentConflict, "two files have one id"));
    }
    if files.iter().any(|file| file.size > FILE_BYTES) {
        return Err(ever(ErrorCode::FileTooLarge, "a file is too large"));
    }
    if files.iter().map(|file| file.size).sum::<u64>() > TICKET_BYTES {
        return Err(ever(ErrorCode::TicketTooLarge, "the files together are too large"));
    }
    let named = |file: &NewAttachment| {
        let count = file.name.chars().count();
        (1..=FILE_NAME_CHARS).contains(&count) && !file.name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
    };
    let hashed = |file: &NewAttachment| {
        file.sha256.len() == 64 && file.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if files.iter().any(|file| file.content_type.chars().count() > FACT_CHARS) {
        return Err(ever(ErrorCode::FileTypeRefused, "a file's type is too long"));
    }
    let typed = |file: &NewAttachment| file.role != AttachmentRole::Screenshot || file.content_type == "image/png";
    if !files.iter().all(|file| named(file) && hashed(file) && typed(file) && file.size > 0) {
        return Err(ever(ErrorCode::FileTypeRefused, "a file's name, type or hash is refused"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ticket as an older agent sends it.
    const SENT: &str = r#"{"kind":"ticket","id":"01890000-0000-7000-8000-000000000001","author":"01890000-0000-7000-8000-000000000002","type":"incident","subject":"It does not print","description":"","can_work":null,"affected":"me","attachments":[{"id":"01890000-0000-7000-8000-000000000003","role":"file","name":"a.txt","content_type":"text/plain","size":1,"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}],"context":{"device":"desk-7"},"language":"fr","written_at":7}"#;

    #[test]
    fn what_is_stored_keeps_its_hash_in_every_version() {
        let item: OutboxItem = serde_json::from_str(SENT).unwrap();
        // Where this changes, a ticket whose answer was lost during an update is refused as another content: what may be
        // absent of a new field has to be left out of the JSON.
        assert_eq!(content_hash(&item), "ae324765957cca9b1713ef3b8ca7de1f25028e1a0a2cdbd9da66877c4ed749a2");
    }

    #[test]
    fn one_file_twice_is_refused() {
        let OutboxItem::Ticket(mut ticket) = serde_json::from_str(SENT).unwrap() else { panic!("a ticket") };
        assert!(fits(&OutboxItem::Ticket(ticket.clone())).is_ok());
        ticket.attachments.push(ticket.attachments[0].clone());
        let Err(Outcome::Refused { code, .. }) = fits(&OutboxItem::Ticket(ticket)) else { panic!("it is taken") };
        assert_eq!(code, ErrorCode::ContentConflict);
    }
}
