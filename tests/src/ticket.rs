//! A ticket as a device sends it, with nothing in it but what every ticket has: what a test is about, it says itself.

use deskbell_protocol::{
    device::Context,
    id::{RequesterId, TicketId},
    ticket::{Affected, Language, NewTicket, TicketType},
};
use uuid::Uuid;

/// Without a description and without files, written a millisecond after the beginning of time.
#[must_use]
pub fn plain(id: Uuid, author: RequesterId, subject: impl Into<String>) -> NewTicket {
    NewTicket {
        id: TicketId(id),
        author,
        ticket_type: TicketType::Incident,
        subject: subject.into(),
        description: String::new(),
        can_work: None,
        affected: Affected::Me,
        attachments: Vec::new(),
        context: Context::default(),
        language: Language::En,
        written_at: 1,
    }
}
