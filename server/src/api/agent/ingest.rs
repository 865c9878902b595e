//! Takes one item of an outbox: stored once, deferred, or refused with the reason. [`intake`] decides which.

use deskbell_protocol::{
    Millis,
    conversation::{AuthorKind, MessageContent},
    id::{MessageId, TicketId},
    sync::{OutboxItem, Outcome, Receipt, UploadProgress},
    ticket::{NewAttachment, NewReply, NewStatus, NewTicket, TicketSource, priority},
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
    intake::{self, Decision, Here, Known},
    mail::MailKind,
    ticket_status,
};

/// What a decision is made of, and the row that carrying it out needs.
struct Looked {
    known: Known,
    ticket: Option<Ticket>,
}

/// # Errors
/// Only where the database fails: the whole sync is then not done.
pub(in crate::api) async fn take(
    tx: &mut Tx,
    installation: &Installation,
    source: TicketSource,
    item: &OutboxItem,
    now: Millis,
) -> ApiResult<Receipt> {
    let hash = intake::content_hash(item);
    let mut looked = look(tx, installation, item).await?;
    let not = match intake::decide(item, &hash, &looked.known) {
        Decision::Again => return receipt_of(item, again(tx, item).await?),
        Decision::Store if files_known(tx, item).await? => intake::taken(),
        Decision::Store => match store(tx, installation, source, item, &looked, &hash, now).await? {
            Some(outcome) => return receipt_of(item, outcome),
            None => intake::taken(),
        },
        Decision::Not(not) => not,
    };
    // Whether a ticket is stored already is looked up only now: most are new.
    looked.known.stored = stored_hash(tx, item).await?;
    let outcome = match looked.known.stored.is_some().then(|| intake::decide(item, &hash, &looked.known)) {
        Some(Decision::Again) if deskbell_protocol::mutant!("unique.dropped") => {
            let stored = store(tx, installation, source, &twin(item, now), &looked, &hash, now).await?;
            stored.unwrap_or_else(intake::taken)
        }
        Some(Decision::Again) => again(tx, item).await?,
        Some(Decision::Not(not)) => not,
        Some(Decision::Store) | None => not,
    };
    receipt_of(item, outcome)
}

/// Whether it announces a file under an id that is one's already, here or at another ticket.
async fn files_known(tx: &mut Tx, item: &OutboxItem) -> sqlx::Result<bool> {
    let ids: Vec<_> = intake::files(item).iter().map(|file| file.id).collect();
    if ids.is_empty() { Ok(false) } else { attachments::any_known(tx, &ids).await }
}

fn receipt_of(item: &OutboxItem, outcome: Outcome) -> ApiResult<Receipt> {
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

/// Asks the database what the decision needs. A ticket is known by its unique id, when it is inserted;
/// what follows it is known before, since its place in the ticket is taken by then.
async fn look(tx: &mut Tx, installation: &Installation, item: &OutboxItem) -> ApiResult<Looked> {
    let here = Here {
        client: installation.client_id.0,
        enabled: installation.choices.enabled(),
        person: installation.requester_id.map(|person| person.0),
    };
    let mut looked = Looked { known: Known { stored: None, here, author: None, place: None }, ticket: None };
    let ticket = match item {
        OutboxItem::Ticket(_) => None,
        OutboxItem::Reply(_) | OutboxItem::Status(_) => Some(item.ticket()),
    };
    if ticket.is_some() {
        looked.known.stored = stored_hash(tx, item).await?;
        if looked.known.stored.is_some() {
            return Ok(looked);
        }
    }
    let author = intake::author(item);
    if here.person != Some(author) {
        looked.known.author = requesters::once_confirmed(tx, author, installation).await?;
    }
    if let Some(id) = ticket {
        // A technician may be closing it at this moment.
        tx.serialize_on(&format!("ticket {id}")).await?;
        looked.ticket = tickets::find_of_requester(tx, author, id).await?;
        if let Some(ticket) = &looked.ticket {
            let last = messages::last_device_sequence(tx, id, installation.id.0).await?;
            looked.known.place = Some(intake::Place { status: ticket.status.0, last });
        }
    }
    Ok(looked)
}

/// Stores what may be stored; nothing where its id is taken.
async fn store(
    tx: &mut Tx,
    installation: &Installation,
    source: TicketSource,
    item: &OutboxItem,
    looked: &Looked,
    hash: &str,
    now: Millis,
) -> ApiResult<Option<Outcome>> {
    let author = MessageAuthor {
        kind: AuthorKind::Requester,
        requester: Some(intake::author(item)),
        technician: None,
        name: installation.requester_name.clone().unwrap_or_default(),
        installation: Some(installation.id.0),
    };
    match (item, &looked.ticket) {
        (OutboxItem::Ticket(ticket), _) => store_ticket(tx, installation, source, author, ticket, hash, now).await,
        (OutboxItem::Reply(reply), Some(ticket)) => {
            store_reply(tx, installation, ticket, author, reply, hash, now).await.map(Some)
        }
        (OutboxItem::Status(status), Some(ticket)) => {
            store_status(tx, ticket, author, status, hash, now).await.map(Some)
        }
        (OutboxItem::Reply(_) | OutboxItem::Status(_), None) => Ok(None),
    }
}

/// The hash of what has the item's id already.
async fn stored_hash(tx: &mut Tx, item: &OutboxItem) -> sqlx::Result<Option<String>> {
    Ok(match item {
        OutboxItem::Ticket(new) => tickets::find(tx, Scope::All, new.id).await?.map(|ticket| ticket.content_hash),
        OutboxItem::Reply(_) | OutboxItem::Status(_) => {
            messages::find(tx, MessageId(item.id())).await?.map(|message| message.content_hash)
        }
    })
}

/// The receipt of an item that is stored already, through whichever key it comes.
async fn again(tx: &mut Tx, item: &OutboxItem) -> ApiResult<Outcome> {
    let ticket = match item {
        OutboxItem::Ticket(new) => Some(new.id),
        OutboxItem::Reply(_) | OutboxItem::Status(_) => {
            messages::find(tx, MessageId(item.id())).await?.map(|message| message.ticket_id.0)
        }
    };
    let ticket = tickets::find(tx, Scope::All, ticket.unwrap_or(item.ticket())).await?;
    receipt(tx, &ticket.ok_or_else(ApiError::not_found)?, MessageId(item.id())).await
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

async fn store_ticket(
    tx: &mut Tx,
    installation: &Installation,
    source: TicketSource,
    author: MessageAuthor,
    new: &NewTicket,
    hash: &str,
    now: Millis,
) -> ApiResult<Option<Outcome>> {
    let (client, device) = (installation.client_id.0, installation.device_id.0);
    let origin = Origin { client, device, installation: installation.id.0, source };
    // Nobody signed what a page sent.
    let signed_by = author.installation.filter(|_| origin.source == TicketSource::Agent);
    let author = MessageAuthor { installation: signed_by, ..author };
    let priority = priority(new.can_work, new.affected);
    let Some(number) = tickets::insert(tx, new, origin, priority, hash, now).await? else {
        return Ok(None);
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
    messages::insert_first(tx, &message, now).await?;
    deskbell_protocol::crash_point!("ticket.message.after");
    let place = Place { ticket: new.id, message: message.id, client: origin.client, installation: origin.installation };
    announce_files(tx, place, &new.attachments, now).await?;
    deskbell_protocol::crash_point!("ticket.mail.before");
    let kind = MailKind::TicketReceived { ticket: new.id, number, subject: new.subject.trim().to_owned() };
    // Its author is who is confirmed here: nothing else is taken.
    if let Some(to) = installation.addressee() {
        announce::mail_to(tx, to, kind, now).await?;
    }
    deskbell_protocol::crash_point!("ticket.mail.after");
    announce::live(tx, origin.client, new.id, new.author, now).await?;
    // It is new: nothing of its files is there, and its row says nothing that is not known here.
    let missing = |file: &NewAttachment| UploadProgress { id: file.id, received: 0, complete: false };
    Ok(Some(Outcome::Accepted { number, received_at: now, missing: new.attachments.iter().map(missing).collect() }))
}

async fn store_reply(
    tx: &mut Tx,
    installation: &Installation,
    ticket: &Ticket,
    author: MessageAuthor,
    new: &NewReply,
    hash: &str,
    now: Millis,
) -> ApiResult<Outcome> {
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
    receipt(tx, ticket, new.id).await
}

async fn store_status(
    tx: &mut Tx,
    ticket: &Ticket,
    author: MessageAuthor,
    new: &NewStatus,
    hash: &str,
    now: Millis,
) -> ApiResult<Outcome> {
    let from = ticket.status.0;
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
    receipt(tx, ticket, new.id).await
}

async fn announce_files(tx: &mut Tx, place: Place, files: &[NewAttachment], now: Millis) -> sqlx::Result<()> {
    for file in files {
        attachments::announce(tx, place, file, now).await?;
    }
    Ok(())
}
