//! Takes one item of an outbox: stored once, deferred, or refused with the reason.

use deskbell_protocol::{
    Millis,
    conversation::{AuthorKind, MessageContent},
    error::ErrorCode,
    id::{MessageId, RequesterId, TicketId},
    limits::{FILE_BYTES, FILE_NAME_CHARS, FILES, SUBJECT_CHARS, TEXT_CHARS, TICKET_BYTES},
    sync::{OutboxItem, Outcome, Receipt, UploadProgress},
    ticket::{AttachmentRole, NewAttachment, NewReply, NewStatus, NewTicket, TicketSource, priority},
};

use crate::{
    api::announce,
    clock,
    db::{
        Scope, Tx, attachments,
        attachments::Place,
        installations::Installation,
        messages::{self, MessageAuthor, NewMessage},
        requesters, tickets,
        tickets::{Origin, Ticket},
    },
    error::{ApiError, ApiResult},
    extract,
    mail::MailKind,
    secrets, ticket_status,
};

/// Why an item is not stored: for now, or for good.
enum Not {
    Now(ErrorCode, &'static str),
    Ever(ErrorCode, &'static str),
}

impl From<Not> for Outcome {
    fn from(not: Not) -> Self {
        match not {
            Not::Now(code, message) => Self::Deferred { code, message: message.to_owned() },
            Not::Ever(code, message) => Self::Refused { code, message: message.to_owned() },
        }
    }
}

type Checked<T> = Result<T, Not>;

/// # Errors
/// Only where the database fails: the whole sync is then not done.
pub(in crate::api) async fn take(
    tx: &mut Tx,
    installation: &Installation,
    source: TicketSource,
    item: &OutboxItem,
    now: Millis,
) -> ApiResult<Receipt> {
    let hash = content_hash(item);
    // A ticket is known by its unique id, when it is inserted; what follows it is known before, since
    // its place in the ticket is taken by then.
    let known = match item {
        OutboxItem::Ticket(_) => None,
        OutboxItem::Reply(_) | OutboxItem::Status(_) => stored(tx, item, &hash).await?,
    };
    let outcome = match known {
        Some(outcome) => outcome,
        None if deskbell_protocol::mutant!("unique.dropped") && stored(tx, item, &hash).await?.is_some() => {
            match store(tx, installation, source, &twin(item, now), &hash, now).await? {
                Ok(outcome) => outcome,
                Err(not) => not.into(),
            }
        }
        None => match store(tx, installation, source, item, &hash, now).await? {
            Ok(outcome) => outcome,
            // What is stored already stays received, whatever has changed here since.
            Err(not) => stored(tx, item, &hash).await?.unwrap_or_else(|| not.into()),
        },
    };
    Ok(Receipt { id: item.id(), outcome })
}

/// What the mutant `unique.dropped` stores of a ticket that is there: a second one.
fn twin(item: &OutboxItem, now: Millis) -> OutboxItem {
    match item.clone() {
        OutboxItem::Ticket(ticket) => {
            OutboxItem::Ticket(NewTicket { id: TicketId(clock::new_id(now)), attachments: Vec::new(), ..ticket })
        }
        other => other,
    }
}

async fn store(
    tx: &mut Tx,
    installation: &Installation,
    source: TicketSource,
    item: &OutboxItem,
    hash: &str,
    now: Millis,
) -> ApiResult<Checked<Outcome>> {
    let author = match fits(item).and(may(tx, installation, item).await?) {
        Ok(author) => author,
        Err(not) => return Ok(Err(not)),
    };
    match item {
        OutboxItem::Ticket(ticket) => {
            let (client, device, installation) =
                (installation.client_id.0, installation.device_id.0, installation.id.0);
            store_ticket(tx, Origin { client, device, installation, source }, author, ticket, hash, now).await
        }
        OutboxItem::Reply(reply) => store_reply(tx, installation, author, reply, hash, now).await,
        OutboxItem::Status(status) => store_status(tx, installation, author, status, hash, now).await,
    }
}

/// Its place in the ticket is left out: a device that enrolled again counts from one.
fn content_hash(item: &OutboxItem) -> String {
    let mut item = item.clone();
    match &mut item {
        OutboxItem::Ticket(_) => {}
        OutboxItem::Reply(reply) => reply.sequence = 0,
        OutboxItem::Status(status) => status.sequence = 0,
    }
    secrets::sha256(&serde_json::to_string(&item).expect("an item is plain data"))
}

/// The receipt of an item that is stored already: the same content gets the same receipt, through
/// whichever key it comes; another content is refused.
async fn stored(tx: &mut Tx, item: &OutboxItem, hash: &str) -> ApiResult<Option<Outcome>> {
    let message_id = MessageId(item.id());
    let (known, ticket) = match item {
        OutboxItem::Ticket(new) => match tickets::find(tx, Scope::All, new.id).await? {
            Some(ticket) => (ticket.content_hash.clone(), ticket),
            None => return Ok(None),
        },
        OutboxItem::Reply(_) | OutboxItem::Status(_) => match messages::find(tx, message_id).await? {
            Some(message) => match tickets::find(tx, Scope::All, message.ticket_id.0).await? {
                Some(ticket) => (message.content_hash, ticket),
                None => return Ok(None),
            },
            None => return Ok(None),
        },
    };
    if known == hash {
        return Ok(Some(receipt(tx, &ticket, message_id).await?));
    }
    Ok(Some(Outcome::Refused {
        code: ErrorCode::ContentConflict,
        message: "another content with this id is stored already".to_owned(),
    }))
}

/// What a stored item is answered, with what its files still lack. A ticket's first message has the
/// ticket's id.
async fn receipt(tx: &mut Tx, ticket: &Ticket, message: MessageId) -> ApiResult<Outcome> {
    let files = attachments::of_ticket(tx, ticket.id.0).await?;
    let missing = files
        .iter()
        .filter(|file| file.message_id.0 == message && file.completed_at.is_none())
        .map(|file| UploadProgress {
            id: file.id.0,
            received: u64::try_from(file.received).unwrap_or(0),
            complete: false,
        })
        .collect();
    Ok(Outcome::Accepted { number: ticket.number, received_at: ticket.received_at, missing })
}

/// Whether its texts and files are within the limits.
fn fits(item: &OutboxItem) -> Checked<()> {
    if serde_json::to_vec(item).is_ok_and(|json| extract::holds_nul(&json)) {
        return Err(Not::Ever(ErrorCode::Malformed, "it holds the character U+0000, which cannot be stored"));
    }
    match item {
        OutboxItem::Ticket(ticket) => {
            let subject = ticket.subject.trim();
            if subject.is_empty() {
                return Err(Not::Ever(ErrorCode::SubjectMissing, "the subject is missing"));
            }
            if subject.chars().count() > SUBJECT_CHARS {
                return Err(Not::Ever(ErrorCode::SubjectTooLong, "the subject is too long"));
            }
            text_fits(&ticket.description)?;
            files_fit(&ticket.attachments)
        }
        OutboxItem::Reply(reply) => {
            if reply.text.trim().is_empty() && reply.attachments.is_empty() {
                return Err(Not::Ever(ErrorCode::TextMissing, "the reply is empty"));
            }
            text_fits(&reply.text)?;
            files_fit(&reply.attachments)
        }
        OutboxItem::Status(_) => Ok(()),
    }
}

fn text_fits(text: &str) -> Checked<()> {
    if text.chars().count() > TEXT_CHARS {
        return Err(Not::Ever(ErrorCode::TextTooLong, "the text is too long"));
    }
    Ok(())
}

fn files_fit(files: &[NewAttachment]) -> Checked<()> {
    if files.len() > FILES {
        return Err(Not::Ever(ErrorCode::TooManyFiles, "too many files"));
    }
    if files.iter().any(|file| file.size > FILE_BYTES) {
        return Err(Not::Ever(ErrorCode::FileTooLarge, "a file is too large"));
    }
    if files.iter().map(|file| file.size).sum::<u64>() > TICKET_BYTES {
        return Err(Not::Ever(ErrorCode::TicketTooLarge, "the files together are too large"));
    }
    let named = |file: &NewAttachment| {
        let count = file.name.chars().count();
        (1..=FILE_NAME_CHARS).contains(&count) && !file.name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
    };
    let hashed = |file: &NewAttachment| {
        file.sha256.len() == 64 && file.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let typed = |file: &NewAttachment| file.role != AttachmentRole::Screenshot || file.content_type == "image/png";
    if !files.iter().all(|file| named(file) && hashed(file) && typed(file) && file.size > 0) {
        return Err(Not::Ever(ErrorCode::FileTypeRefused, "a file's name, type or hash is refused"));
    }
    Ok(())
}

/// Whether its author may send it from here, now.
async fn may(tx: &mut Tx, installation: &Installation, item: &OutboxItem) -> ApiResult<Checked<MessageAuthor>> {
    let author = match item {
        OutboxItem::Ticket(ticket) => ticket.author,
        OutboxItem::Reply(reply) => reply.author,
        OutboxItem::Status(status) => status.author,
    };
    if !installation.choices.enabled() {
        return Ok(Err(Not::Now(ErrorCode::NotEnabled, "the Helpdesk Agent is not enabled on this device")));
    }
    let Some(requester) = requesters::find(tx, Scope::All, author).await? else {
        return Ok(Err(Not::Ever(ErrorCode::AuthorChanged, "nobody here has this name any more")));
    };
    if requester.client_id != installation.client_id {
        return Ok(Err(Not::Ever(ErrorCode::ClientChanged, "this device belongs to another client now")));
    }
    if requester.deactivated_at.is_some() {
        return Ok(Err(Not::Ever(ErrorCode::RequesterDeactivated, "this person's access has ended")));
    }
    match installation.requester_id {
        None => Ok(Err(Not::Now(ErrorCode::NotConfirmed, "nobody has confirmed their e-mail address here"))),
        Some(confirmed) if confirmed.0 != author => {
            Ok(Err(Not::Ever(ErrorCode::AuthorChanged, "somebody else is confirmed here now")))
        }
        Some(_) => Ok(Ok(MessageAuthor {
            kind: AuthorKind::Requester,
            requester: Some(author),
            technician: None,
            name: requester.name,
            installation: Some(installation.id.0),
        })),
    }
}

async fn store_ticket(
    tx: &mut Tx,
    origin: Origin,
    author: MessageAuthor,
    new: &NewTicket,
    hash: &str,
    now: Millis,
) -> ApiResult<Checked<Outcome>> {
    // Nobody signed what a page sent.
    let signed_by = author.installation.filter(|_| origin.source == TicketSource::Agent);
    let author = MessageAuthor { installation: signed_by, ..author };
    let priority = priority(new.can_work, new.affected);
    let Some(number) = tickets::insert(tx, new, origin, priority, hash, now).await? else {
        return Ok(Err(Not::Ever(ErrorCode::ContentConflict, "another content with this id is stored already")));
    };
    deskbell_protocol::crash_point!("ticket.row.after");
    let message = NewMessage {
        id: MessageId(new.id.0),
        ticket: new.id,
        client: origin.client,
        author: &author,
        content: &MessageContent::Reply { text: new.description.clone() },
        device_sequence: None,
        content_hash: hash,
        written_at: Some(new.written_at),
    };
    messages::insert(tx, &message, now).await?;
    deskbell_protocol::crash_point!("ticket.message.after");
    let place = Place { ticket: new.id, message: message.id, client: origin.client, installation: origin.installation };
    announce_files(tx, place, &new.attachments, now).await?;
    deskbell_protocol::crash_point!("ticket.mail.before");
    let kind = MailKind::TicketReceived { ticket: new.id, number, subject: new.subject.trim().to_owned() };
    announce::by_mail(tx, new.author, kind, now).await?;
    deskbell_protocol::crash_point!("ticket.mail.after");
    announce::live(tx, origin.client, new.id, new.author, now).await?;
    let ticket = tickets::find(tx, Scope::All, new.id).await?.ok_or_else(ApiError::not_found)?;
    Ok(Ok(receipt(tx, &ticket, message.id).await?))
}

async fn store_reply(
    tx: &mut Tx,
    installation: &Installation,
    author: MessageAuthor,
    new: &NewReply,
    hash: &str,
    now: Millis,
) -> ApiResult<Checked<Outcome>> {
    let ticket = match own_ticket(tx, installation, new.author, new.ticket, new.sequence).await? {
        Ok(ticket) => ticket,
        Err(not) => return Ok(Err(not)),
    };
    let message = NewMessage {
        id: new.id,
        ticket: new.ticket,
        client: ticket.client_id.0,
        author: &author,
        content: &MessageContent::Reply { text: new.text.clone() },
        device_sequence: Some(i64::from(new.sequence)),
        content_hash: hash,
        written_at: Some(new.written_at),
    };
    messages::insert(tx, &message, now).await?;
    deskbell_protocol::crash_point!("reply.message.after");
    tickets::add_pending_files(tx, new.ticket, new.attachments.len()).await?;
    let (client, installation) = (installation.client_id.0, installation.id.0);
    let place = Place { ticket: new.ticket, message: new.id, client, installation };
    announce_files(tx, place, &new.attachments, now).await?;
    let to = ticket_status::after_reply(AuthorKind::Requester, ticket.status.0);
    if to != ticket.status.0 {
        let content = MessageContent::StatusChanged { from: ticket.status.0, to };
        let event = NewMessage {
            id: MessageId(clock::new_id(now)),
            content: &content,
            device_sequence: None,
            content_hash: "",
            written_at: None,
            ..message
        };
        tickets::set_status(tx, new.ticket, to).await?;
        messages::insert(tx, &event, now).await?;
    }
    announce::live(tx, ticket.client_id.0, new.ticket, new.author, now).await?;
    Ok(Ok(receipt(tx, &ticket, new.id).await?))
}

async fn store_status(
    tx: &mut Tx,
    installation: &Installation,
    author: MessageAuthor,
    new: &NewStatus,
    hash: &str,
    now: Millis,
) -> ApiResult<Checked<Outcome>> {
    let ticket = match own_ticket(tx, installation, new.author, new.ticket, new.sequence).await? {
        Ok(ticket) => ticket,
        Err(not) => return Ok(Err(not)),
    };
    let from = ticket.status.0;
    if from != new.status && !ticket_status::allowed(AuthorKind::Requester, from, new.status) {
        return Ok(Err(Not::Ever(ErrorCode::NotAllowed, "the ticket cannot be set to this status")));
    }
    // A status that holds already is still written down: the receipt of a repeat needs it.
    let message = NewMessage {
        id: new.id,
        ticket: new.ticket,
        client: ticket.client_id.0,
        author: &author,
        content: &MessageContent::StatusChanged { from, to: new.status },
        device_sequence: Some(i64::from(new.sequence)),
        content_hash: hash,
        written_at: Some(new.written_at),
    };
    tickets::set_status(tx, new.ticket, new.status).await?;
    messages::insert(tx, &message, now).await?;
    announce::live(tx, ticket.client_id.0, new.ticket, new.author, now).await?;
    Ok(Ok(receipt(tx, &ticket, new.id).await?))
}

/// The author's own ticket, open for what they write, and with everything before it received.
async fn own_ticket(
    tx: &mut Tx,
    installation: &Installation,
    author: RequesterId,
    id: TicketId,
    sequence: u32,
) -> ApiResult<Checked<Ticket>> {
    // A technician may be closing it at this moment.
    tx.serialize_on(&format!("ticket {id}")).await?;
    let Some(ticket) = tickets::find_of_requester(tx, author, id).await? else {
        return Ok(Err(Not::Ever(ErrorCode::NotFound, "there is no such ticket")));
    };
    if ticket.status.0 == deskbell_protocol::ticket::Status::Closed {
        return Ok(Err(Not::Ever(ErrorCode::TicketClosed, "the ticket is closed; write a new one")));
    }
    let last = messages::last_device_sequence(tx, id, installation.id.0).await?;
    match i64::from(sequence) - last {
        1 => Ok(Ok(ticket)),
        ..=0 => Ok(Err(Not::Ever(ErrorCode::ContentConflict, "another message has this place already"))),
        _ => Ok(Err(Not::Now(ErrorCode::Conflict, "a message before this one has not arrived"))),
    }
}

async fn announce_files(tx: &mut Tx, place: Place, files: &[NewAttachment], now: Millis) -> sqlx::Result<()> {
    for file in files {
        attachments::announce(tx, place, file, now).await?;
    }
    Ok(())
}
