//! What of a changed ticket a person wants to hear.

use deskbell_protocol::{
    conversation::{AuthorKind, TicketSummary},
    ticket::Status,
};

use crate::view::News;

/// The news between what was known of a ticket and what is known now; one at most, since one
/// change is one notification. What the person did themselves is no news.
#[must_use]
pub(crate) fn of(before: Option<&TicketSummary>, now: &TicketSummary) -> Option<News> {
    let last = now.last_message.as_ref().filter(|last| last.author.kind == AuthorKind::Technician);
    let known = before.and_then(|before| before.last_message.as_ref()).map(|last| last.id);
    let (ticket, number, subject) = (now.id, now.number, now.subject.clone());
    if let Some(reply) = last.filter(|last| known != Some(last.id)) {
        return Some(News::Reply {
            ticket,
            number,
            subject,
            author: reply.author.name.clone(),
            excerpt: reply.excerpt.clone(),
            awaiting_reply: now.status == Status::AwaitingReply,
        });
    }
    let resolved = now.status == Status::Resolved && before.is_some_and(|before| before.status != Status::Resolved);
    resolved.then_some(News::Resolved { ticket, number, subject })
}

#[cfg(test)]
mod tests {
    use deskbell_protocol::{
        conversation::{Author, LastMessage},
        id::{MessageId, TicketId},
        ticket::{Priority, TicketType},
    };
    use uuid::Uuid;

    use super::*;

    fn summary(status: Status, last: Option<(u128, AuthorKind)>) -> TicketSummary {
        TicketSummary {
            id: TicketId(Uuid::from_u128(1)),
            number: 7,
            ticket_type: TicketType::Incident,
            subject: "Printer".into(),
            status,
            priority: Priority::Normal,
            received_at: 0,
            updated_at: 0,
            last_message: last.map(|(id, kind)| LastMessage {
                id: MessageId(Uuid::from_u128(id)),
                author: Author { kind, name: "Ada".into(), verified_device: false },
                excerpt: "Which one?".into(),
                received_at: 0,
            }),
        }
    }

    #[test]
    fn a_technicians_reply_is_told_once() {
        let before = summary(Status::Open, Some((1, AuthorKind::Requester)));
        let now = summary(Status::AwaitingReply, Some((2, AuthorKind::Technician)));
        let Some(News::Reply { awaiting_reply, number, .. }) = of(Some(&before), &now) else { panic!("no news") };
        assert!(awaiting_reply);
        assert_eq!(number, 7);
        assert_eq!(of(Some(&now), &now), None);
    }

    #[test]
    fn ones_own_reply_is_no_news() {
        let before = summary(Status::AwaitingReply, Some((2, AuthorKind::Technician)));
        assert_eq!(of(Some(&before), &summary(Status::Open, Some((3, AuthorKind::Requester)))), None);
    }

    #[test]
    fn a_resolution_without_a_word_is_news() {
        let before = summary(Status::Open, None);
        let now = summary(Status::Resolved, None);
        assert!(matches!(of(Some(&before), &now), Some(News::Resolved { .. })));
        assert_eq!(of(Some(&now), &now), None);
    }
}
