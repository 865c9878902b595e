//! The face of the bell.

use deskbell_protocol::device::AgentState;

use crate::view::Bell;

/// What a person has to know first comes first: that they cannot write, that nothing leaves, that
/// there is an answer, that their address is not proved.
#[must_use]
pub fn face(state: Option<&AgentState>, online: bool, waiting: u32, unread: u32) -> Bell {
    let Some(state) = state.filter(|state| state.usable()) else { return Bell::Inactive };
    if !online {
        return Bell::Offline { waiting };
    }
    if unread > 0 {
        return Bell::Reply;
    }
    if state.confirmation.is_none() { Bell::Unconfirmed } else { Bell::Active }
}

#[cfg(test)]
mod tests {
    use deskbell_protocol::{
        device::{Confirmation, Registration},
        id::RequesterId,
    };

    use super::*;

    fn state(enabled: bool, confirmed: bool) -> AgentState {
        let confirmation = Confirmation {
            requester_id: RequesterId(uuid::Uuid::nil()),
            name: "Camille Martin".into(),
            email: "c@example.org".into(),
            confirmed_at: 0,
            vouched: false,
        };
        AgentState {
            registration: Registration::Accepted,
            enabled,
            revision: 1,
            organization: "Halden IT".into(),
            client: "Northwind".into(),
            settings: Vec::new(),
            domains: Vec::new(),
            confirmation: confirmed.then_some(confirmation),
        }
    }

    #[test]
    fn the_bell_is_hollow_where_nobody_may_write() {
        assert_eq!(face(None, true, 3, 3), Bell::Inactive);
        assert_eq!(face(Some(&state(false, true)), true, 0, 1), Bell::Inactive);
        let revoked = AgentState { registration: Registration::Revoked, ..state(true, true) };
        assert_eq!(face(Some(&revoked), true, 0, 0), Bell::Inactive);
    }

    #[test]
    fn offline_is_said_before_a_reply_and_a_reply_before_confirmation() {
        assert_eq!(face(Some(&state(true, true)), false, 2, 1), Bell::Offline { waiting: 2 });
        assert_eq!(face(Some(&state(true, true)), true, 2, 1), Bell::Reply);
        assert_eq!(face(Some(&state(true, false)), true, 1, 0), Bell::Unconfirmed);
        assert_eq!(face(Some(&state(true, true)), true, 1, 0), Bell::Active);
    }
}
