//! Who answers at the server's address, and what time it has.

use deskbell_protocol::{Millis, PROTOCOL_VERSION, device::Hello, id::ServerId, limits::CLOCK_WINDOW_SECONDS};

use super::{Check, Code, Finding};
use crate::http::HttpError;

/// `known` is the server that this device introduced itself to; `reached` is whether a connection came about
/// at all, to the server or to the proxy before it.
pub(super) fn findings(
    hello: &Result<Hello, HttpError>,
    reached: bool,
    known: Option<ServerId>,
    now: Millis,
) -> Vec<Finding> {
    vec![server(hello, reached, known), clock(hello.as_ref().ok(), now)]
}

fn server(hello: &Result<Hello, HttpError>, reached: bool, known: Option<ServerId>) -> Finding {
    let finding = |code| Finding::new(Check::Server, code);
    match hello {
        Err(_) if !reached => finding(Code::Skipped),
        Ok(hello) => {
            let code = match known {
                _ if hello.protocol_max < PROTOCOL_VERSION => Code::ServerTooOld,
                _ if hello.protocol_min > PROTOCOL_VERSION => Code::AgentTooOld,
                Some(known) if known != hello.server_id => Code::ServerChanged,
                _ => Code::ServerAnswers,
            };
            finding(code).with("version", &hello.version)
        }
        Err(HttpError::SignInPage(page)) => finding(Code::SignInPage).with("page", page),
        Err(HttpError::Unintelligible(reason)) => finding(Code::ServerUnintelligible).with("reason", reason),
        Err(HttpError::Unreachable(reason)) => finding(Code::ServerUnavailable).with("reason", reason),
        Err(HttpError::Refused(body)) => finding(Code::ServerUnavailable).with("reason", &body.message),
        Err(HttpError::TimedOut(_)) => finding(Code::ServerSilent),
        Err(_) => finding(Code::Skipped),
    }
}

/// The agent signs by the server's time, so that a wrong clock keeps nothing back by itself; certificates
/// and what people read suffer from it.
fn clock(hello: Option<&Hello>, now: Millis) -> Finding {
    let finding = |code| Finding::new(Check::Clock, code);
    let Some(hello) = hello else { return finding(Code::Skipped) };
    let seconds = (now - hello.server_time) / 1000;
    if seconds.abs() <= CLOCK_WINDOW_SECONDS {
        return finding(Code::ClockRight).with("seconds", seconds.abs());
    }
    // Rounded: half a minute more or less makes no difference to who sets a clock.
    finding(Code::ClockOff).with("minutes", (seconds.abs() + 30) / 60)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn hello(change: impl FnOnce(&mut Hello)) -> Result<Hello, HttpError> {
        let mut hello = Hello {
            server_id: ServerId(Uuid::from_u128(1)),
            server_time: 1_000_000_000,
            version: "0.1.0".to_owned(),
            protocol_min: PROTOCOL_VERSION,
            protocol_max: PROTOCOL_VERSION,
        };
        change(&mut hello);
        Ok(hello)
    }

    fn codes(hello: &Result<Hello, HttpError>) -> (Code, Code) {
        let found = findings(hello, true, Some(ServerId(Uuid::from_u128(1))), 1_000_000_000);
        (found[0].code, found[1].code)
    }

    #[test]
    fn who_answers_is_the_server_that_is_known() {
        assert_eq!(codes(&hello(|_| ())), (Code::ServerAnswers, Code::ClockRight));
        assert_eq!(codes(&hello(|hello| hello.server_id = ServerId(Uuid::from_u128(2)))).0, Code::ServerChanged);
        assert_eq!(codes(&hello(|hello| hello.protocol_max = PROTOCOL_VERSION - 1)).0, Code::ServerTooOld);
        assert_eq!(codes(&hello(|hello| hello.protocol_min = PROTOCOL_VERSION + 1)).0, Code::AgentTooOld);
    }

    #[test]
    fn no_answer_has_its_reason() {
        for (error, code) in [
            (HttpError::SignInPage("portal.example".to_owned()), Code::SignInPage),
            (HttpError::Unintelligible("a page".to_owned()), Code::ServerUnintelligible),
            (HttpError::Unreachable("answered with 502".to_owned()), Code::ServerUnavailable),
            (HttpError::TimedOut("help.example".to_owned()), Code::ServerSilent),
            (HttpError::NameUnknown("help.example".to_owned()), Code::Skipped),
        ] {
            assert_eq!(codes(&Err(error.clone())), (code, Code::Skipped));
            assert_eq!(server(&Err(error), false, None).code, Code::Skipped, "the route has said it already");
        }
    }

    #[test]
    fn a_clock_is_right_within_the_window_of_signatures() {
        for (ahead, code) in
            [(0, Code::ClockRight), (-120, Code::ClockRight), (121, Code::ClockOff), (-3600, Code::ClockOff)]
        {
            let found = codes(&hello(|hello| hello.server_time += ahead * 1000));
            assert_eq!(found.1, code, "{ahead}");
        }
        let off = clock(hello(|hello| hello.server_time -= 3_599_000).ok().as_ref(), 1_000_000_000);
        assert_eq!(off.values["minutes"], "60");
    }
}
