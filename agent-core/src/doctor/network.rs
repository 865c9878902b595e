//! The way to the server: name, route, proxy, TLS. Pure: what was tried comes in, what it means goes out.

use std::net::IpAddr;

use url::Url;

use super::{Check, Code, Finding};
use crate::http::{
    HttpError, Route, WhyDirect,
    certificates::{Rejected, Why},
    shown,
};

/// What came of trying.
pub(super) struct Tried<'a> {
    pub(super) server: &'a Url,
    pub(super) route: &'a Route,
    /// The addresses of the first stop, which is the server or the proxy.
    pub(super) name: Result<Vec<IpAddr>, String>,
    /// A connection to the first stop; absent where there is no address.
    pub(super) connection: Option<Result<(), Refusal>>,
    /// What the server said to an unsigned question.
    pub(super) hello: Result<(), HttpError>,
    /// Who issued the certificate that was presented.
    pub(super) issuer: Option<String>,
    /// A script that names the proxies, which we do not run.
    pub(super) script: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Refused,
    Silent,
    Other(String),
}

pub(super) fn findings(tried: &Tried<'_>) -> Vec<Finding> {
    vec![name(tried), route(tried), proxy(tried), tls(tried)]
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn is_address(url: &Url) -> bool {
    matches!(url.host(), Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)))
}

fn name(tried: &Tried<'_>) -> Finding {
    let finding = |code| Finding::new(Check::Name, code).with("host", host(tried.server));
    match (tried.route, &tried.name) {
        _ if is_address(tried.server) => finding(Code::NameIsAddress),
        (Route::Through(_), _) => finding(Code::ThroughProxy),
        (Route::Direct(_), Ok(addresses)) => finding(Code::NameFound).with("addresses", joined(addresses)),
        (Route::Direct(_), Err(reason)) => finding(Code::NameUnknown).with("reason", reason),
    }
}

fn joined(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn route(tried: &Tried<'_>) -> Finding {
    let finding = |code| Finding::new(Check::Route, code).with("server", shown(tried.server));
    match (tried.route, &tried.connection) {
        (Route::Through(_), _) => finding(Code::ThroughProxy),
        (Route::Direct(_), None) => finding(Code::Skipped),
        (Route::Direct(_), Some(Ok(()))) => finding(Code::RouteOpen),
        (Route::Direct(_), Some(Err(refusal))) => match refusal {
            Refusal::Refused => finding(Code::RouteRefused),
            Refusal::Silent => finding(Code::RouteSilent),
            Refusal::Other(reason) => finding(Code::RouteFailed).with("reason", reason),
        },
    }
}

fn proxy(tried: &Tried<'_>) -> Finding {
    let proxy = match tried.route {
        Route::Through(proxy) => proxy,
        Route::Direct(why) => {
            return match (&tried.script, why) {
                (Some(script), WhyDirect::NoneInSystem) => {
                    Finding::new(Check::Proxy, Code::ProxyScript).with("script", script)
                }
                _ => Finding::new(Check::Proxy, Code::ProxyUnused),
            };
        }
    };
    let finding = |code| Finding::new(Check::Proxy, code).with("proxy", proxy.shown());
    match (&tried.name, &tried.connection, &tried.hello) {
        (Err(reason), ..) => finding(Code::ProxyNameUnknown).with("reason", reason),
        (_, Some(Err(refusal)), _) => finding(Code::ProxyUnreachable).with("reason", reason(refusal)),
        (.., Err(HttpError::ProxyUnreachable { reason, .. })) => finding(Code::ProxyUnreachable).with("reason", reason),
        (.., Err(HttpError::ProxyAuthentication(_))) => finding(Code::ProxyAuthentication),
        (.., Err(HttpError::ProxyRefused { reason, .. })) => finding(Code::ProxyRefused).with("reason", reason),
        _ => finding(Code::ProxyPasses),
    }
}

fn reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Refused => "connection refused".to_owned(),
        Refusal::Silent => "no answer".to_owned(),
        Refusal::Other(reason) => reason.clone(),
    }
}

/// No connection came about, so that there was nothing to encrypt.
fn not_connected(error: &HttpError) -> bool {
    matches!(
        error,
        HttpError::NameUnknown(_)
            | HttpError::ConnectionRefused(_)
            | HttpError::ProxyUnreachable { .. }
            | HttpError::ProxyAuthentication(_)
            | HttpError::ProxyRefused { .. }
    )
}

fn tls(tried: &Tried<'_>) -> Finding {
    let finding = |code| Finding::new(Check::Tls, code).with("host", host(tried.server));
    if tried.server.scheme() == "http" {
        let local = *tried.route == Route::Direct(WhyDirect::SameMachine);
        return finding(if local { Code::TlsLocal } else { Code::TlsNone });
    }
    match (&tried.hello, &tried.issuer) {
        (Err(HttpError::Certificate(rejected)), _) => certificate(rejected, finding),
        (Err(HttpError::Tls(reason)), _) => finding(Code::TlsFailed).with("reason", reason),
        (Err(error), _) if not_connected(error) => finding(Code::Skipped),
        (_, Some(issuer)) => finding(Code::TlsTrusted).with("issuer", issuer),
        (_, None) => finding(Code::Skipped),
    }
}

fn certificate(rejected: &Rejected, finding: impl Fn(Code) -> Finding) -> Finding {
    let code = match rejected.why {
        Why::Untrusted => Code::CertificateUntrusted,
        Why::Expired => Code::CertificateExpired,
        Why::NotValidYet => Code::CertificateNotYet,
        Why::WrongName => Code::CertificateWrongName,
    };
    finding(code).with("issuer", &rejected.issuer).with("reason", &rejected.reason)
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
