use super::*;
use crate::http::Proxy;

const DIRECT: Route = Route::Direct(WhyDirect::NoneInSystem);

fn through() -> Route {
    let url = "http://proxy.example:3128".parse().unwrap();
    Route::Through(Proxy { url, authorization: None, from_system: true })
}

/// What each of the four checks says, where `change` is the only thing that went wrong.
fn found(server: &str, route: &Route, change: impl FnOnce(&mut Tried<'_>)) -> [Code; 4] {
    let server = server.parse().unwrap();
    let mut tried = Tried {
        server: &server,
        route,
        name: Ok(vec!["192.0.2.1".parse().unwrap()]),
        connection: Some(Ok(())),
        hello: Ok(()),
        issuer: Some("Harbour Root".to_owned()),
        script: None,
    };
    change(&mut tried);
    findings(&tried).iter().map(|finding| finding.code).collect::<Vec<_>>().try_into().unwrap()
}

const HELP: &str = "https://help.example/";

#[test]
fn where_nothing_is_wrong_nothing_is_said() {
    let direct = [Code::NameFound, Code::RouteOpen, Code::ProxyUnused, Code::TlsTrusted];
    assert_eq!(found(HELP, &DIRECT, |_| ()), direct);
    let through_proxy = [Code::ThroughProxy, Code::ThroughProxy, Code::ProxyPasses, Code::TlsTrusted];
    assert_eq!(found(HELP, &through(), |_| ()), through_proxy);
    let local = Route::Direct(WhyDirect::SameMachine);
    assert_eq!(found("http://127.0.0.1:8080/", &local, |_| ())[3], Code::TlsLocal);
    assert_eq!(found("http://192.0.2.7/", &DIRECT, |_| ())[0], Code::NameIsAddress);
    assert_eq!(found("http://help.example/", &DIRECT, |_| ())[3], Code::TlsNone, "nothing is encrypted");
}

#[test]
fn the_first_stop_that_fails_is_named_and_the_rest_is_skipped() {
    let unknown = HttpError::NameUnknown("help.example".to_owned());
    let name = found(HELP, &DIRECT, |tried| {
        (tried.name, tried.connection) = (Err("no such name".to_owned()), None);
        (tried.hello, tried.issuer) = (Err(unknown), None);
    });
    assert_eq!(name, [Code::NameUnknown, Code::Skipped, Code::ProxyUnused, Code::Skipped]);
    let refused = HttpError::ConnectionRefused("help.example:443".to_owned());
    for (refusal, code) in [
        (Refusal::Refused, Code::RouteRefused),
        (Refusal::Silent, Code::RouteSilent),
        (Refusal::Other("no route to host".to_owned()), Code::RouteFailed),
    ] {
        let route = found(HELP, &DIRECT, |tried| {
            (tried.connection, tried.hello, tried.issuer) = (Some(Err(refusal)), Err(refused.clone()), None);
        });
        assert_eq!(route, [Code::NameFound, code, Code::ProxyUnused, Code::Skipped]);
    }
}

#[test]
fn what_the_proxy_does_is_told_apart() {
    let proxy = "proxy.example:3128".to_owned();
    let refused = HttpError::ProxyRefused { proxy: proxy.clone(), reason: "403".to_owned() };
    let authentication = HttpError::ProxyAuthentication(proxy.clone());
    let unreachable = HttpError::ProxyUnreachable { proxy, reason: "refused".to_owned() };
    for (hello, code) in [
        (refused, Code::ProxyRefused),
        (authentication, Code::ProxyAuthentication),
        (unreachable.clone(), Code::ProxyUnreachable),
    ] {
        let codes = found(HELP, &through(), |tried| (tried.hello, tried.issuer) = (Err(hello), None));
        assert_eq!(codes, [Code::ThroughProxy, Code::ThroughProxy, code, Code::Skipped]);
    }
    let name = found(HELP, &through(), |tried| {
        (tried.name, tried.connection, tried.hello) = (Err("no such name".to_owned()), None, Err(unreachable));
    });
    assert_eq!(name[2], Code::ProxyNameUnknown);
    let script = |tried: &mut Tried<'_>| tried.script = Some("http://wpad.example/proxy.pac".to_owned());
    assert_eq!(found(HELP, &DIRECT, script)[2], Code::ProxyScript);
    assert_eq!(found(HELP, &Route::Direct(WhyDirect::Wanted), script)[2], Code::ProxyUnused);
}

#[test]
fn a_certificate_says_why_it_is_not_taken() {
    for (why, code) in [
        (Why::Untrusted, Code::CertificateUntrusted),
        (Why::Expired, Code::CertificateExpired),
        (Why::NotValidYet, Code::CertificateNotYet),
        (Why::WrongName, Code::CertificateWrongName),
    ] {
        let rejected = Rejected { why, issuer: "Inspection".to_owned(), reason: "r".to_owned() };
        let error = HttpError::Certificate(rejected);
        let codes = found(HELP, &through(), |tried| tried.hello = Err(error));
        assert_eq!(
            codes,
            [Code::ThroughProxy, Code::ThroughProxy, Code::ProxyPasses, code],
            "the proxy let it through"
        );
    }
    let error = HttpError::Tls("corrupt message".to_owned());
    assert_eq!(found(HELP, &DIRECT, |tried| tried.hello = Err(error))[3], Code::TlsFailed);
}
