//! Files that belong to messages.

use deskbell_protocol::{
    Millis,
    conversation::Attachment,
    id::{AttachmentId, ClientId, InstallationId, MessageId, RequesterId, TicketId},
    ticket::{AttachmentRole, NewAttachment},
};

use super::{Scope, Text, Tx};
use crate::{row, sql};

row! {
    #[derive(Clone, Debug)]
    pub struct AttachmentRow {
        pub id: Text<AttachmentId>,
        pub ticket_id: Text<TicketId>,
        pub message_id: Text<MessageId>,
        pub client_id: Text<ClientId>,
        pub installation_id: Option<Text<InstallationId>>,
        pub role: Text<AttachmentRole>,
        pub name: String,
        pub content_type: String,
        pub size: i64,
        pub sha256: String,
        pub received: i64,
        pub completed_at: Option<Millis>,
    }
}

const COLUMNS: &str = "id, ticket_id, message_id, client_id, installation_id, role, name, content_type, size, sha256, received, completed_at";

/// Where a message's files belong.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub ticket: TicketId,
    pub message: MessageId,
    pub client: ClientId,
    pub installation: InstallationId,
}

pub async fn announce(tx: &mut Tx, place: Place, file: &NewAttachment, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "insert into attachments (id, ticket_id, message_id, client_id, installation_id, role, name, content_type, size,
         sha256, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        Text(file.id), Text(place.ticket), Text(place.message), Text(place.client), Text(place.installation),
        Text(file.role), &file.name, &file.content_type, i64::try_from(file.size).unwrap_or(i64::MAX), &file.sha256, now
    )?;
    Ok(())
}

/// Whether one of these ids is some file's already.
pub async fn any_known(tx: &mut Tx, ids: &[AttachmentId]) -> sqlx::Result<bool> {
    let (among, ids) = (tx.among_first(), ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    let (count,): (i64,) = sql!(one tx, (i64,), format!("select count(*) from attachments where id {among}"), &ids)?;
    Ok(count > 0)
}

pub async fn find(tx: &mut Tx, scope: Scope, id: AttachmentId) -> sqlx::Result<Option<AttachmentRow>> {
    sql!(
        optional tx, AttachmentRow,
        format!("select {COLUMNS} from attachments where id = $1 and ($2 = '' or client_id = $2)"),
        Text(id), scope.bind()
    )
}

/// A file of one of this requester's own tickets, internal notes' files excepted.
pub async fn find_of_requester(
    tx: &mut Tx,
    requester: RequesterId,
    id: AttachmentId,
) -> sqlx::Result<Option<AttachmentRow>> {
    sql!(
        optional tx, AttachmentRow,
        format!("select {COLUMNS} from attachments where id = $1
                 and ticket_id in (select t.id from tickets t where t.requester_id = $2)
                 and message_id not in (select m.id from messages m where m.kind = 'note')"),
        Text(id), Text(requester)
    )
}

pub async fn of_ticket(tx: &mut Tx, ticket: TicketId) -> sqlx::Result<Vec<AttachmentRow>> {
    sql!(
        all tx, AttachmentRow,
        format!("select {COLUMNS} from attachments where ticket_id = $1 order by created_at, id"), Text(ticket)
    )
}

pub async fn set_received(tx: &mut Tx, id: AttachmentId, received: i64) -> sqlx::Result<()> {
    sql!(
        execute tx, "update attachments set received = $2 where id = $1 and completed_at is null", Text(id), received
    )?;
    Ok(())
}

/// All of it is stored; false where it was before, so that finishing twice is finishing once.
pub async fn complete(tx: &mut Tx, file: &AttachmentRow, content_type: &str, now: Millis) -> sqlx::Result<bool> {
    let updated = sql!(
        execute tx,
        "update attachments set received = size, content_type = $2, completed_at = $3
         where id = $1 and completed_at is null",
        file.id, content_type, now
    )?;
    if updated == 1 {
        sql!(execute tx, "update tickets set files_pending = files_pending - 1 where id = $1", file.ticket_id)?;
    }
    Ok(updated == 1)
}

impl AttachmentRow {
    #[must_use]
    pub fn view(&self) -> Attachment {
        Attachment {
            id: self.id.0,
            role: self.role.0,
            name: self.name.clone(),
            content_type: self.content_type.clone(),
            size: u64::try_from(self.size).unwrap_or(0),
            sha256: self.sha256.clone(),
            complete: self.completed_at.is_some(),
        }
    }
}
