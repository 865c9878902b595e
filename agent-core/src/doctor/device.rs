//! Whether the server knows this device, and whether somebody may write tickets on it.

use deskbell_protocol::{device::AgentState, error::ErrorCode};

use super::{Check, Code, Finding};
use crate::{
    http::HttpError,
    keys::{KeyError, Place},
};

/// What is known of this device's key.
#[derive(Debug)]
pub(super) enum Key {
    /// No agent has ever made one here.
    NotMade,
    /// The queue, which knows its name, cannot be read.
    Unknown,
    Found(Place),
    /// It was there, and is not any more.
    Gone,
    Failed(KeyError),
}

pub(super) fn key(key: &Key) -> Finding {
    let finding = |code| Finding::new(Check::KeyStore, code);
    match key {
        Key::NotMade => finding(Code::KeyNotMade),
        Key::Unknown => finding(Code::Skipped),
        Key::Found(Place::KeyStore) => finding(Code::KeyKept),
        Key::Found(Place::File) => finding(Code::KeyInFile),
        Key::Gone => finding(Code::KeyMissing),
        Key::Failed(error) => finding(Code::KeyStoreRefused).with("reason", error),
    }
}

/// What the server said to a signed question; absent where it could not be asked.
pub(super) type Answer = Option<Result<AgentState, HttpError>>;

/// `introduced` is whether this device has ever been accepted by the server. What is not known from the
/// server now is not said: the last state may be long over.
pub(super) fn findings(answer: &Answer, introduced: bool, answered: bool) -> Vec<Finding> {
    let state = answer.as_ref().and_then(|answer| answer.as_ref().ok());
    let signature = match answer {
        Some(Ok(_)) => Finding::new(Check::Signature, Code::SignatureAccepted),
        Some(Err(error)) => refusal(error),
        None if answered && !introduced => Finding::new(Check::Signature, Code::NotEnrolled),
        None => Finding::new(Check::Signature, Code::Skipped),
    };
    vec![signature, enablement(state), confirmation(state)]
}

fn refusal(error: &HttpError) -> Finding {
    let code = match error.code() {
        Some(ErrorCode::DeviceUnknown) => Code::DeviceUnknown,
        Some(ErrorCode::DeviceUnapproved) => Code::DeviceUnapproved,
        Some(ErrorCode::DeviceQuarantined) => Code::DeviceQuarantined,
        Some(ErrorCode::DeviceRevoked) => Code::DeviceRevoked,
        _ => Code::SignatureRefused,
    };
    Finding::new(Check::Signature, code).with("reason", error)
}

fn enablement(state: Option<&AgentState>) -> Finding {
    let Some(state) = state else { return Finding::new(Check::Enablement, Code::Skipped) };
    let code = if state.enabled { Code::Enabled } else { Code::NotEnabled };
    let finding = Finding::new(Check::Enablement, code);
    finding.with("organization", &state.organization).with("client", &state.client)
}

fn confirmation(state: Option<&AgentState>) -> Finding {
    let Some(state) = state else { return Finding::new(Check::Confirmation, Code::Skipped) };
    match &state.confirmation {
        Some(person) => {
            Finding::new(Check::Confirmation, Code::Confirmed).with("name", &person.name).with("email", &person.email)
        }
        None => Finding::new(Check::Confirmation, Code::NotConfirmed),
    }
}

#[cfg(test)]
mod tests {
    use deskbell_protocol::{
        device::{Confirmation, Registration},
        error::{ErrorBody, ErrorDetails},
        id::RequesterId,
    };
    use uuid::Uuid;

    use super::*;

    fn state(enabled: bool, confirmed: bool) -> AgentState {
        let confirmation = confirmed.then(|| Confirmation {
            requester_id: RequesterId(Uuid::from_u128(1)),
            name: "Camille".to_owned(),
            email: "camille@northwind.example".to_owned(),
            confirmed_at: 0,
            vouched: false,
        });
        AgentState {
            registration: Registration::Accepted,
            enabled,
            revision: 1,
            organization: "Harbour IT".to_owned(),
            client: "Northwind".to_owned(),
            domains: Vec::new(),
            confirmation,
            settings: Vec::new(),
        }
    }

    fn codes(answer: &Answer, introduced: bool, answered: bool) -> [Code; 3] {
        let found = findings(answer, introduced, answered);
        found.iter().map(|finding| finding.code).collect::<Vec<_>>().try_into().unwrap()
    }

    #[test]
    fn the_server_s_word_of_now_counts() {
        for (enabled, confirmed, expected) in [
            (true, true, [Code::SignatureAccepted, Code::Enabled, Code::Confirmed]),
            (true, false, [Code::SignatureAccepted, Code::Enabled, Code::NotConfirmed]),
            (false, false, [Code::SignatureAccepted, Code::NotEnabled, Code::NotConfirmed]),
        ] {
            assert_eq!(codes(&Some(Ok(state(enabled, confirmed))), true, true), expected);
        }
    }

    #[test]
    fn each_refusal_is_named() {
        for (code, found) in [
            (ErrorCode::DeviceUnknown, Code::DeviceUnknown),
            (ErrorCode::DeviceUnapproved, Code::DeviceUnapproved),
            (ErrorCode::DeviceQuarantined, Code::DeviceQuarantined),
            (ErrorCode::DeviceRevoked, Code::DeviceRevoked),
            (ErrorCode::SignatureInvalid, Code::SignatureRefused),
            (ErrorCode::ClockSkew, Code::SignatureRefused),
        ] {
            let body = ErrorBody { code, message: String::new(), details: ErrorDetails::default() };
            let answer = Some(Err(HttpError::Refused(Box::new(body))));
            assert_eq!(codes(&answer, true, true), [found, Code::Skipped, Code::Skipped], "{code:?}");
        }
    }

    #[test]
    fn who_was_never_introduced_is_told_so_only_where_the_server_answers() {
        assert_eq!(codes(&None, false, true)[0], Code::NotEnrolled);
        assert_eq!(codes(&None, false, false)[0], Code::Skipped, "the way there has to be open first");
        assert_eq!(codes(&None, true, true)[0], Code::Skipped, "the key is what fails");
    }

    #[test]
    fn a_key_is_where_it_should_be_or_not() {
        for (where_it_is, code) in [
            (Key::NotMade, Code::KeyNotMade),
            (Key::Unknown, Code::Skipped),
            (Key::Found(Place::KeyStore), Code::KeyKept),
            (Key::Found(Place::File), Code::KeyInFile),
            (Key::Gone, Code::KeyMissing),
            (Key::Failed(KeyError::Malformed), Code::KeyStoreRefused),
        ] {
            assert_eq!(key(&where_it_is).code, code, "{where_it_is:?}");
        }
    }
}
