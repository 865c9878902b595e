//! Which status may follow which, and by whom.

use deskbell_protocol::{conversation::AuthorKind, ticket::Status};

/// Whether `who` may set a ticket from `from` to `to`. *Closed* never reopens.
#[must_use]
pub fn allowed(who: AuthorKind, from: Status, to: Status) -> bool {
    if from == Status::Closed || from == to {
        return false;
    }
    match who {
        AuthorKind::Requester => matches!(to, Status::Resolved | Status::Closed | Status::Open),
        AuthorKind::Technician | AuthorKind::System => true,
    }
}

/// The status after a reply, where the author sets none: a requester's answer opens the ticket
/// again, a technician's leaves it.
#[must_use]
pub fn after_reply(who: AuthorKind, from: Status) -> Status {
    match (who, from) {
        (AuthorKind::Requester, Status::AwaitingReply | Status::Resolved) => Status::Open,
        _ => from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_never_reopens() {
        for who in [AuthorKind::Requester, AuthorKind::Technician, AuthorKind::System] {
            for to in Status::ALL {
                assert!(!allowed(who, Status::Closed, *to));
            }
        }
    }

    #[test]
    fn a_requester_resolves_reopens_and_closes_and_nothing_else() {
        assert!(allowed(AuthorKind::Requester, Status::Open, Status::Resolved));
        assert!(allowed(AuthorKind::Requester, Status::Resolved, Status::Open));
        assert!(allowed(AuthorKind::Requester, Status::AwaitingReply, Status::Closed));
        assert!(!allowed(AuthorKind::Requester, Status::Open, Status::OnHold));
    }

    #[test]
    fn a_requesters_reply_reopens() {
        assert_eq!(after_reply(AuthorKind::Requester, Status::Resolved), Status::Open);
        assert_eq!(after_reply(AuthorKind::Requester, Status::AwaitingReply), Status::Open);
        assert_eq!(after_reply(AuthorKind::Requester, Status::OnHold), Status::OnHold);
        assert_eq!(after_reply(AuthorKind::Technician, Status::AwaitingReply), Status::AwaitingReply);
    }
}
