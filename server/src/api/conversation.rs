//! A ticket's conversation, as agents and console both show it.

use deskbell_protocol::conversation::{Author, Message};

use crate::{
    db::{Tx, attachments, messages, tickets::Ticket},
    error::{ApiError, ApiResult},
};

/// Oldest first.
///
/// # Errors
/// Where the database fails.
pub async fn messages(tx: &mut Tx, ticket: &Ticket, for_technicians: bool) -> ApiResult<Vec<Message>> {
    let files = attachments::of_ticket(tx, ticket.id.0).await?;
    let rows = messages::of_ticket(tx, ticket.id.0, for_technicians).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Message {
                id: row.id.0,
                content: row.content().map_err(|error| ApiError::internal(&error))?,
                author: Author {
                    kind: row.author_kind.0,
                    name: row.author_name,
                    verified_device: row.installation_id.is_some(),
                },
                attachments: files.iter().filter(|file| file.message_id == row.id).map(|file| file.view()).collect(),
                written_at: row.written_at,
                received_at: row.received_at,
            })
        })
        .collect()
}
