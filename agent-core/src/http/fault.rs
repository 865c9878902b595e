//! What is wrong when there is no answer that can be used: the error that reqwest gives, taken apart.

use std::{error::Error, io};

use deskbell_protocol::error::{ErrorBody, ErrorCode};
use reqwest::{StatusCode, Url, header::HeaderMap};

use super::{
    certificates::{Rejected, Why},
    route::Route,
};
use crate::{
    error,
    view::{CommandError, LocalErrorCode, ProblemCode},
};

/// Why a request has no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("no computer is known as {0}")]
    NameUnknown(String),
    #[error("{0} refuses the connection")]
    ConnectionRefused(String),
    #[error("{0} does not answer in time")]
    TimedOut(String),
    /// No route, cut off, or what has no name of its own.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the proxy {proxy} cannot be reached: {reason}")]
    ProxyUnreachable { proxy: String, reason: String },
    #[error("the proxy {0} wants a name and a password, or others than these")]
    ProxyAuthentication(String),
    #[error("the proxy {proxy} does not lead to the server: {reason}")]
    ProxyRefused { proxy: String, reason: String },
    #[error(transparent)]
    Certificate(Rejected),
    /// What answers speaks no TLS, or none that we speak.
    #[error("no encrypted connection comes about: {0}")]
    Tls(String),
    /// A network that wants a visitor to sign in on a page first.
    #[error("the network asks for a sign-in first; it points to {0}")]
    SignInPage(String),
    #[error("what answers there is no Deskbell server: {0}")]
    Unintelligible(String),
    /// The server's own words.
    #[error("{}", .0.message)]
    Refused(Box<ErrorBody>),
}

impl HttpError {
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(body) => Some(body.code),
            _ => None,
        }
    }

    /// The condition that somebody has to act on, where it is one.
    pub(crate) fn problem(&self) -> Option<ProblemCode> {
        Some(match self {
            Self::NameUnknown(_) => ProblemCode::ServerNameUnknown,
            Self::ConnectionRefused(_) => ProblemCode::ServerRefused,
            Self::TimedOut(_) => ProblemCode::ServerTimedOut,
            Self::Unreachable(_) => ProblemCode::ServerUnreachable,
            Self::ProxyUnreachable { .. } => ProblemCode::ProxyUnreachable,
            Self::ProxyAuthentication(_) => ProblemCode::ProxyAuthentication,
            Self::ProxyRefused { .. } => ProblemCode::ProxyRefused,
            Self::Certificate(rejected) => match rejected.why {
                Why::Untrusted => ProblemCode::CertificateUntrusted,
                Why::Expired | Why::NotValidYet => ProblemCode::CertificateExpired,
                Why::WrongName => ProblemCode::CertificateWrongName,
            },
            Self::Tls(_) => ProblemCode::TlsFailed,
            Self::SignInPage(_) => ProblemCode::SignInPage,
            Self::Unintelligible(_) => ProblemCode::ServerUnintelligible,
            Self::Refused(body) => return of_refusal(body.code),
        })
    }

    /// What the problem's text names, where that is not the server.
    pub(crate) fn subject(&self) -> Option<String> {
        match self {
            Self::ProxyUnreachable { proxy, .. }
            | Self::ProxyAuthentication(proxy)
            | Self::ProxyRefused { proxy, .. } => Some(proxy.clone()),
            Self::Certificate(rejected) => Some(rejected.issuer.clone()),
            Self::SignInPage(page) => Some(page.clone()),
            _ => None,
        }
    }
}

const fn of_refusal(code: ErrorCode) -> Option<ProblemCode> {
    Some(match code {
        ErrorCode::EnrolmentKeyUnknown => ProblemCode::EnrolmentKeyUnknown,
        ErrorCode::EnrolmentKeyExpired => ProblemCode::EnrolmentKeyExpired,
        ErrorCode::EnrolmentKeyUsedUp => ProblemCode::EnrolmentKeyUsedUp,
        ErrorCode::EnrolmentKeyRevoked => ProblemCode::EnrolmentKeyRevoked,
        ErrorCode::DeviceUnapproved => ProblemCode::DeviceUnapproved,
        ErrorCode::DeviceQuarantined => ProblemCode::DeviceQuarantined,
        ErrorCode::DeviceRevoked => ProblemCode::DeviceRevoked,
        ErrorCode::WrongServer => ProblemCode::ServerChanged,
        ErrorCode::AgentTooOld => ProblemCode::AgentTooOld,
        ErrorCode::ClockSkew => ProblemCode::ClockWrong,
        _ => return None,
    })
}

impl From<HttpError> for CommandError {
    fn from(error: HttpError) -> Self {
        let code = match error {
            HttpError::Refused(body) => return (*body).into(),
            HttpError::Certificate(_) => LocalErrorCode::CertificateUntrusted,
            HttpError::Unintelligible(_) | HttpError::SignInPage(_) => LocalErrorCode::ServerUnintelligible,
            _ => LocalErrorCode::ServerUnreachable,
        };
        error::local(code, error.to_string())
    }
}

/// What an error of reqwest says of itself.
#[derive(Clone, Debug, Default)]
struct Clues {
    rejected: Option<Rejected>,
    /// The handshake failed, whatever the certificate.
    tls: bool,
    name: bool,
    timeout: bool,
    refused: bool,
    /// There is no connection yet.
    connecting: bool,
    text: String,
}

/// What hyper-util says where the proxy, and not the connection to it, keeps us from the server.
/// Its type cannot be named from outside.
const TUNNEL: &str = "tunnel error: ";
const NO_PROXY_CONNECTION: &str = "tunnel error: failed to create underlying connection";
const AUTHENTICATION: &str = "tunnel error: proxy authorization required";

pub(super) fn failed(error: reqwest::Error, route: &Route, server: &Url) -> HttpError {
    let error = error.without_url();
    classify(clues(&error, error.is_timeout(), error.is_dns(), error.is_connect()), route, server)
}

fn clues(error: &(dyn Error + 'static), timeout: bool, name: bool, connecting: bool) -> Clues {
    let mut clues = Clues { timeout, name, connecting, text: error.to_string(), ..Clues::default() };
    let mut source = error.source();
    while let Some(cause) = source {
        clues.text = format!("{}: {cause}", clues.text);
        let cause = innermost(cause);
        clues.refused |=
            cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused);
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            clues.tls = true;
            if let rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) = tls {
                clues.rejected = other.0.downcast_ref::<Rejected>().cloned();
            }
        }
        source = cause.source();
    }
    clues
}

/// What an I/O error was made from is not among its sources; that may be an I/O error again.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => innermost(inner),
        None => error,
    }
}

fn classify(clues: Clues, route: &Route, server: &Url) -> HttpError {
    if let Some(rejected) = clues.rejected {
        return HttpError::Certificate(rejected);
    }
    let host = || shown(server);
    match route {
        _ if clues.tls => HttpError::Tls(clues.text),
        Route::Through(proxy) if clues.text.contains(AUTHENTICATION) => HttpError::ProxyAuthentication(proxy.shown()),
        Route::Through(proxy) if clues.text.contains(TUNNEL) && !clues.text.contains(NO_PROXY_CONNECTION) => {
            HttpError::ProxyRefused { proxy: proxy.shown(), reason: clues.text }
        }
        Route::Through(proxy) if clues.connecting => {
            HttpError::ProxyUnreachable { proxy: proxy.shown(), reason: clues.text }
        }
        _ if clues.name => HttpError::NameUnknown(server.host_str().unwrap_or_default().to_owned()),
        _ if clues.refused => HttpError::ConnectionRefused(host()),
        _ if clues.timeout => HttpError::TimedOut(host()),
        _ => HttpError::Unreachable(clues.text),
    }
}

/// `host:port`.
pub(crate) fn shown(url: &Url) -> String {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
    port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// An answer that no Deskbell server gives: whose it is.
pub(super) fn foreign(status: StatusCode, headers: &HeaderMap, route: &Route, server: &Url) -> HttpError {
    let answered = || format!("answered with {status}");
    if status == StatusCode::NETWORK_AUTHENTICATION_REQUIRED {
        return HttpError::SignInPage(shown(server));
    }
    if status.is_redirection()
        && let Some(to) = headers.get("location").and_then(|to| server.join(to.to_str().ok()?).ok())
    {
        return pointed_elsewhere(&to, server);
    }
    match route {
        Route::Through(proxy) if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            HttpError::ProxyAuthentication(proxy.shown())
        }
        Route::Through(proxy) if status.is_server_error() || status == StatusCode::FORBIDDEN => {
            HttpError::ProxyRefused { proxy: proxy.shown(), reason: answered() }
        }
        // A server in front of ours, while ours is away.
        _ if status.is_server_error() => HttpError::Unreachable(answered()),
        _ => HttpError::Unintelligible(answered()),
    }
}

fn pointed_elsewhere(to: &Url, server: &Url) -> HttpError {
    if to.host_str() == server.host_str() {
        let to = format!("{}://{}", to.scheme(), shown(to));
        return HttpError::Unintelligible(format!("it points to {to}, which server_url should perhaps name"));
    }
    HttpError::SignInPage(to.host_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
