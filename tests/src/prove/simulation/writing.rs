//! What people write.

use anyhow::Result;
use deskbell_protocol::{
    id::{MessageId, RequesterId, TicketId},
    sync::OutboxItem,
    ticket::{NewReply, NewStatus, NewTicket, Status},
};
use rand::{Rng, RngCore};
use uuid::Uuid;

use super::world::World;
use crate::ticket;

/// What somebody wrote, in the order in which they wrote it.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) id: Uuid,
    pub(super) ticket: TicketId,
    pub(super) device: usize,
    pub(super) is_ticket: bool,
    pub(super) text: String,
}

impl World {
    /// Somebody writes a ticket, or to one of theirs that the server has.
    pub(super) fn write(&mut self, device: usize) -> Result<()> {
        let id = Uuid::from_u128(self.chance.random());
        let text = format!("{}", self.chance.next_u64());
        let reply_to = self.own_ticket(device)?;
        let kind = self.below(10);
        let writer = &mut self.devices[device];
        let now = self.now + writer.ahead;
        let who = writer.queue.state()?.and_then(|state| state.confirmation).map(|person| person.requester_id);
        match (reply_to, who) {
            (Some(ticket), Some(author)) if kind < 7 => {
                let status = if kind == 0 { Some(Status::Resolved) } else { None };
                let said = text.clone();
                writer.queue.append(id, ticket, author, now, |sequence| match status {
                    Some(status) => OutboxItem::Status(NewStatus {
                        id: MessageId(id),
                        author,
                        ticket,
                        sequence,
                        status,
                        written_at: now,
                    }),
                    None => OutboxItem::Reply(NewReply {
                        id: MessageId(id),
                        author,
                        ticket,
                        sequence,
                        text: said,
                        attachments: Vec::new(),
                        written_at: now,
                    }),
                })?;
                let text = if status.is_some() { String::new() } else { text };
                self.written.push(Written { id, ticket, device, is_ticket: false, text });
            }
            _ => {
                let ticket = TicketId(id);
                let new = NewTicket { written_at: now, ..ticket::plain(id, RequesterId(Uuid::nil()), &text) };
                writer.queue.write(new, now)?;
                self.written.push(Written { id, ticket, device, is_ticket: true, text });
            }
        }
        // What is written is sent at once, unless a request is on its way.
        if self.devices[device].waits.is_none() {
            self.wake(device, self.now);
        }
        Ok(())
    }

    /// A ticket that this device knows to be received.
    fn own_ticket(&mut self, device: usize) -> Result<Option<TicketId>> {
        let mut known = Vec::new();
        for written in self.written.iter().filter(|written| written.device == device && written.is_ticket) {
            let entry = self.devices[device].queue.entry(written.id)?;
            if entry.is_some_and(|entry| entry.number.is_some()) {
                known.push(written.ticket);
            }
        }
        if known.is_empty() {
            return Ok(None);
        }
        let at = self.below(i64::try_from(known.len())?);
        Ok(known.get(usize::try_from(at)?).copied())
    }
}
