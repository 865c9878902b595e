use super::*;
use crate::http::route::{Proxy, WhyDirect};

const DIRECT: Route = Route::Direct(WhyDirect::NoneInSystem);

fn server() -> Url {
    "https://help.example/".parse().unwrap()
}

fn through() -> Route {
    let url = "http://proxy.example:3128".parse().unwrap();
    Route::Through(Proxy { url, authorization: None, from_system: true })
}

fn problem(clues: &Clues, route: &Route) -> (ProblemCode, Option<String>) {
    let error = classify(clues.clone(), route, &server());
    (error.problem().unwrap(), error.subject())
}

#[test]
fn each_obstacle_on_the_straight_way_has_its_name() {
    let connecting = Clues { connecting: true, ..Clues::default() };
    for (clues, code) in [
        (Clues { name: true, ..connecting.clone() }, ProblemCode::ServerNameUnknown),
        (Clues { refused: true, ..connecting.clone() }, ProblemCode::ServerRefused),
        (Clues { timeout: true, ..connecting.clone() }, ProblemCode::ServerTimedOut),
        (Clues { timeout: true, ..Clues::default() }, ProblemCode::ServerTimedOut),
        (Clues { tls: true, ..connecting.clone() }, ProblemCode::TlsFailed),
        (connecting, ProblemCode::ServerUnreachable),
    ] {
        assert_eq!(problem(&clues, &DIRECT), (code, None), "{clues:?}");
    }
}

#[test]
fn an_obstacle_at_the_proxy_names_the_proxy() {
    let tunnel = |text: &str| Clues { connecting: true, text: format!("client error: {text}"), ..Clues::default() };
    for (clues, code) in [
        (Clues { refused: true, ..tunnel("tcp connect error") }, ProblemCode::ProxyUnreachable),
        (Clues { name: true, ..tunnel(NO_PROXY_CONNECTION) }, ProblemCode::ProxyUnreachable),
        (tunnel(AUTHENTICATION), ProblemCode::ProxyAuthentication),
        (tunnel("tunnel error: unsuccessful"), ProblemCode::ProxyRefused),
        (tunnel("tunnel error: unexpected end of file"), ProblemCode::ProxyRefused),
    ] {
        let subject = Some("proxy.example:3128".to_owned());
        assert_eq!(problem(&clues, &through()), (code, subject), "{clues:?}");
    }
}

#[test]
fn a_certificate_names_who_issued_it() {
    for (why, code) in [
        (Why::Untrusted, ProblemCode::CertificateUntrusted),
        (Why::Expired, ProblemCode::CertificateExpired),
        (Why::NotValidYet, ProblemCode::CertificateExpired),
        (Why::WrongName, ProblemCode::CertificateWrongName),
    ] {
        let rejected = Some(Rejected { why, issuer: "Northwind Inspection".to_owned(), reason: String::new() });
        let clues = Clues { rejected, connecting: true, tls: true, ..Clues::default() };
        assert_eq!(problem(&clues, &through()), (code, Some("Northwind Inspection".to_owned())));
    }
}

#[test]
fn an_answer_of_somebody_else_is_told_apart() {
    let answer = |status: u16, to: Option<&str>, route: &Route| {
        let headers = to.map(|to| ("location".parse().unwrap(), to.parse().unwrap())).into_iter().collect();
        let error = foreign(StatusCode::from_u16(status).unwrap(), &headers, route, &server());
        (error.problem().unwrap(), error.subject())
    };
    let proxy = Some("proxy.example:3128".to_owned());
    let portal = Some("portal.example".to_owned());
    assert_eq!(answer(407, None, &through()), (ProblemCode::ProxyAuthentication, proxy.clone()));
    assert_eq!(answer(502, None, &through()), (ProblemCode::ProxyRefused, proxy.clone()));
    assert_eq!(answer(403, None, &through()), (ProblemCode::ProxyRefused, proxy));
    assert_eq!(answer(502, None, &DIRECT), (ProblemCode::ServerUnreachable, None));
    assert_eq!(answer(404, None, &DIRECT), (ProblemCode::ServerUnintelligible, None));
    assert_eq!(answer(302, Some("http://portal.example/?to=x"), &DIRECT), (ProblemCode::SignInPage, portal));
    assert_eq!(answer(511, None, &DIRECT).0, ProblemCode::SignInPage);
    assert_eq!(answer(301, Some("https://help.example/x"), &DIRECT), (ProblemCode::ServerUnintelligible, None));
    assert_eq!(answer(302, None, &DIRECT).0, ProblemCode::ServerUnintelligible, "it points nowhere");
}

#[test]
fn a_certificate_is_found_where_the_error_hides_it() {
    let rejected = Rejected { why: Why::Untrusted, issuer: "Somebody".to_owned(), reason: "unknown".to_owned() };
    let tls = rustls::CertificateError::Other(rustls::OtherError(std::sync::Arc::new(rejected.clone())));
    let io = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, rustls::Error::from(tls)));
    #[derive(Debug, thiserror::Error)]
    #[error("client error")]
    struct Outer(#[source] io::Error);
    let found = clues(&Outer(io), false, false, true);
    assert_eq!(found.rejected, Some(rejected));
    assert!(found.tls);
}
