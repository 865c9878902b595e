//! What is said and done in a ticket, in the server's order.

use deskbell_protocol::{
    Millis,
    conversation::{AuthorKind, MessageContent},
    id::{ClientId, InstallationId, MessageId, RequesterId, TechnicianId, TicketId},
};

use super::{Text, Tx};
use crate::{row, sql};

/// Who wrote it, and by which installation it was signed.
#[derive(Clone, Debug)]
pub struct MessageAuthor {
    pub kind: AuthorKind,
    pub requester: Option<RequesterId>,
    pub technician: Option<TechnicianId>,
    pub name: String,
    pub installation: Option<InstallationId>,
}

#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    pub id: MessageId,
    pub ticket: TicketId,
    pub client: ClientId,
    pub author: &'a MessageAuthor,
    pub content: &'a MessageContent,
    /// The installation's own count of its messages to this ticket.
    pub device_sequence: Option<i64>,
    /// SHA-256 of what was sent; empty where nobody can send it again.
    pub content_hash: &'a str,
    pub written_at: Option<Millis>,
}

row! {
    #[derive(Clone, Debug)]
    pub struct MessageRow {
        pub id: Text<MessageId>,
        pub ticket_id: Text<TicketId>,
        pub kind: String,
        pub author_kind: Text<AuthorKind>,
        pub author_name: String,
        pub installation_id: Option<Text<InstallationId>>,
        pub body: String,
        pub content_hash: String,
        pub written_at: Option<Millis>,
        pub received_at: Millis,
    }
}

const COLUMNS: &str = "id, ticket_id, kind, author_kind, author_name, installation_id, body, content_hash, written_at,
    received_at";

/// The number of a ticket's first message, with which its row is stored.
pub const FIRST: i64 = 1;

/// Adds a message at the end of its ticket and marks the ticket as changed.
pub async fn insert(tx: &mut Tx, message: &NewMessage<'_>, now: Millis) -> sqlx::Result<()> {
    let (sequence,): (i64,) = sql!(
        one tx, (i64,),
        "update tickets set last_sequence = last_sequence + 1, updated_at = $2 where id = $1 returning last_sequence",
        Text(message.ticket), now
    )?;
    insert_at(tx, message, sequence, now).await
}

/// Adds the message with which a ticket begins: the ticket's row, stored just before, knows of it.
pub async fn insert_first(tx: &mut Tx, message: &NewMessage<'_>, now: Millis) -> sqlx::Result<()> {
    insert_at(tx, message, FIRST, now).await
}

async fn insert_at(tx: &mut Tx, message: &NewMessage<'_>, sequence: i64, now: Millis) -> sqlx::Result<()> {
    let (kind, body) = stored(message.content);
    sql!(
        execute tx,
        "insert into messages (id, ticket_id, client_id, sequence, kind, author_kind, requester_id, technician_id,
         author_name, installation_id, device_sequence, body, content_hash, written_at, received_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        Text(message.id), Text(message.ticket), Text(message.client), sequence, kind, Text(message.author.kind),
        message.author.requester.map(Text), message.author.technician.map(Text), &message.author.name,
        message.author.installation.map(Text), message.device_sequence, &body, message.content_hash,
        message.written_at, now
    )?;
    Ok(())
}

pub async fn find(tx: &mut Tx, id: MessageId) -> sqlx::Result<Option<MessageRow>> {
    sql!(optional tx, MessageRow, format!("select {COLUMNS} from messages where id = $1"), Text(id))
}

/// The last number that this installation gave to a message of this ticket; 0 at first.
pub async fn last_device_sequence(tx: &mut Tx, ticket: TicketId, installation: InstallationId) -> sqlx::Result<i64> {
    let (last,): (Option<i64>,) = sql!(
        one tx, (Option<i64>,),
        "select max(device_sequence) from messages where ticket_id = $1 and installation_id = $2",
        Text(ticket), Text(installation)
    )?;
    Ok(last.unwrap_or(0))
}

/// Oldest first; internal notes and who is assigned are for technicians.
pub async fn of_ticket(tx: &mut Tx, ticket: TicketId, for_technicians: bool) -> sqlx::Result<Vec<MessageRow>> {
    sql!(
        all tx, MessageRow,
        format!("select {COLUMNS} from messages where ticket_id = $1
                 and ($2 or kind in ('reply', 'status_changed')) order by sequence"),
        Text(ticket), for_technicians
    )
}

/// The kind's column and the body's.
fn stored(content: &MessageContent) -> (&'static str, String) {
    let json = || serde_json::to_string(content).expect("a message is plain data");
    match content {
        MessageContent::Reply { text } => ("reply", text.clone()),
        MessageContent::Note { text } => ("note", text.clone()),
        MessageContent::StatusChanged { .. } => ("status_changed", json()),
        MessageContent::Assigned { .. } => ("assigned", json()),
        MessageContent::PriorityChanged { .. } => ("priority_changed", json()),
    }
}

impl MessageRow {
    /// # Errors
    /// Where the stored event is not one we know: the row was written by a newer version.
    pub fn content(&self) -> Result<MessageContent, serde_json::Error> {
        match self.kind.as_str() {
            "reply" => Ok(MessageContent::Reply { text: self.body.clone() }),
            "note" => Ok(MessageContent::Note { text: self.body.clone() }),
            _ => serde_json::from_str(&self.body),
        }
    }
}
