//! Requests to the server: signed, with time limits, and with errors that say what is wrong.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use deskbell_protocol::{
    SERVER_ID_HEADER,
    device::Hello,
    error::{ErrorBody, ErrorCode},
    id::ServerId,
    limits::LIVE_HEARTBEAT_SECONDS,
    signature::{self, Body},
};
use ed25519_dalek::SigningKey;
use reqwest::{Method, Response, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{
    clock, error,
    policy::{Config, Proxy},
    view::{CommandError, LocalErrorCode, ProblemCode},
};

const CONNECT: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(60);
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
const PREFIX: &str = "/api/agent/v1";

/// Why a request has no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// No name, no route, refused, cut off, timed out.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
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
        match self {
            Self::Unreachable(_) => Some(ProblemCode::ServerUnreachable),
            Self::Untrusted(_) => Some(ProblemCode::CertificateUntrusted),
            Self::Unintelligible(_) => Some(ProblemCode::ServerUnintelligible),
            Self::Refused(body) => match body.code {
                ErrorCode::EnrolmentKeyUnknown => Some(ProblemCode::EnrolmentKeyUnknown),
                ErrorCode::EnrolmentKeyExpired => Some(ProblemCode::EnrolmentKeyExpired),
                ErrorCode::EnrolmentKeyUsedUp => Some(ProblemCode::EnrolmentKeyUsedUp),
                ErrorCode::EnrolmentKeyRevoked => Some(ProblemCode::EnrolmentKeyRevoked),
                ErrorCode::DeviceUnapproved => Some(ProblemCode::DeviceUnapproved),
                ErrorCode::DeviceQuarantined => Some(ProblemCode::DeviceQuarantined),
                ErrorCode::DeviceRevoked => Some(ProblemCode::DeviceRevoked),
                ErrorCode::WrongServer => Some(ProblemCode::ServerChanged),
                ErrorCode::AgentTooOld => Some(ProblemCode::AgentTooOld),
                ErrorCode::ClockSkew => Some(ProblemCode::ClockWrong),
                _ => None,
            },
        }
    }
}

impl From<HttpError> for CommandError {
    fn from(error: HttpError) -> Self {
        let code = match error {
            HttpError::Refused(body) => return (*body).into(),
            HttpError::Unreachable(_) => LocalErrorCode::ServerUnreachable,
            HttpError::Untrusted(_) => LocalErrorCode::CertificateUntrusted,
            HttpError::Unintelligible(_) => LocalErrorCode::ServerUnintelligible,
        };
        error::local(code, error.to_string())
    }
}

/// Who signs, and for which server.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) key: SigningKey,
    pub(crate) server: ServerId,
}

#[derive(Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: Url,
    clock: clock::Clock,
    /// Milliseconds that the server's clock is ahead of ours: signatures bear its time.
    ahead: AtomicI64,
}

/// What a request carries.
enum Content {
    Nothing,
    Of(&'static str, Vec<u8>),
}

impl Http {
    /// # Errors
    /// Where the certificates of the configuration cannot be used.
    pub(crate) fn new(config: &Config, base: Url, clock: clock::Clock) -> Result<Self, String> {
        // Another part of the process may have installed it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(Duration::from_secs(2 * LIVE_HEARTBEAT_SECONDS))
            // A signature is for one address; whoever points elsewhere is no Deskbell server.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("deskbell/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = &config.ca_file {
            let pem = std::fs::read(file).map_err(|error| format!("ca_file {}: {error}", file.display()))?;
            let certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| format!("ca_file: {error}"))?;
            builder = builder.tls_certs_merge(certificates);
        }
        builder = match &config.proxy {
            Proxy::System => builder,
            Proxy::None => builder.no_proxy(),
            Proxy::Explicit(url) => {
                builder.proxy(reqwest::Proxy::all(url.as_str()).map_err(|error| format!("proxy: {error}"))?)
            }
        };
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { client, base, clock, ahead: AtomicI64::new(0) })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.base
    }

    /// Asks who is there, and what time it has.
    pub(crate) async fn hello(&self) -> Result<Hello, HttpError> {
        let url = self.address("/hello", "");
        let answer = self.client.get(url).timeout(TOTAL).send().await.map_err(failed)?;
        let hello: Hello = read(answer).await?;
        self.ahead.store(hello.server_time - (self.clock)(), Ordering::Relaxed);
        Ok(hello)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, who: &Identity, path: &str) -> Result<T, HttpError> {
        read(self.send(who, Method::GET, path, "", Content::Nothing, Some(TOTAL)).await?).await
    }

    /// The same, where there may be nothing to say.
    pub(crate) async fn get_any<T: DeserializeOwned>(
        &self,
        who: &Identity,
        path: &str,
        query: &str,
    ) -> Result<Option<T>, HttpError> {
        let answer = self.send(who, Method::GET, path, query, Content::Nothing, Some(TOTAL)).await?;
        if answer.status() == StatusCode::NO_CONTENT { Ok(None) } else { read(answer).await.map(Some) }
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        who: &Identity,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, HttpError> {
        let body = serde_json::to_vec(body).map_err(|error| HttpError::Unintelligible(error.to_string()))?;
        read(self.send(who, Method::POST, path, "", Content::Of(JSON, body), Some(TOTAL)).await?).await
    }

    pub(crate) async fn delete(&self, who: &Identity, path: &str) -> Result<(), HttpError> {
        self.send(who, Method::DELETE, path, "", Content::Nothing, Some(TOTAL)).await.map(drop)
    }

    pub(crate) async fn put_piece<T: DeserializeOwned>(
        &self,
        who: &Identity,
        path: &str,
        offset: u64,
        piece: Vec<u8>,
    ) -> Result<T, HttpError> {
        let query = format!("offset={offset}");
        read(self.send(who, Method::PUT, path, &query, Content::Of(BYTES, piece), Some(TOTAL)).await?).await
    }

    /// An answer whose body is read as it comes.
    pub(crate) async fn stream(&self, who: &Identity, path: &str) -> Result<Response, HttpError> {
        self.send(who, Method::GET, path, "", Content::Nothing, None).await
    }

    fn address(&self, path: &str, query: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{PREFIX}{path}", self.base.path().trim_end_matches('/')));
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        url
    }

    /// Sends a request, once more where the server says that our clock is another than its own.
    async fn send(
        &self,
        who: &Identity,
        method: Method,
        path: &str,
        query: &str,
        content: Content,
        limit: Option<Duration>,
    ) -> Result<Response, HttpError> {
        match self.attempt(who, &method, path, query, &content, limit).await {
            Err(error) if error.code() == Some(ErrorCode::ClockSkew) => {
                self.attempt(who, &method, path, query, &content, limit).await
            }
            answered => answered,
        }
    }

    async fn attempt(
        &self,
        who: &Identity,
        method: &Method,
        path: &str,
        query: &str,
        content: &Content,
        limit: Option<Duration>,
    ) -> Result<Response, HttpError> {
        let url = self.address(path, query);
        let digest = match content {
            Content::Of(_, body) => signature::content_digest(body),
            Content::Nothing => String::new(),
        };
        let body = match content {
            Content::Of(content_type, _) => Some(Body { content_digest: &digest, content_type }),
            Content::Nothing => None,
        };
        let signed = signature::Request { method: method.as_str(), path: url.path(), query, server: who.server, body };
        let created = ((self.clock)() + self.ahead.load(Ordering::Relaxed)) / 1000;
        let headers = signature::sign(&who.key, &signed, created, signature::nonce(clock::random()));
        let mut request = self
            .client
            .request(method.clone(), url.clone())
            .header(SERVER_ID_HEADER, who.server.to_string())
            .header("signature-input", headers.signature_input)
            .header("signature", headers.signature);
        if let Content::Of(content_type, body) = content {
            request =
                request.header("content-digest", &digest).header("content-type", *content_type).body(body.clone());
        }
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        let answer = request.send().await.map_err(failed)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let refused = refusal(answer).await;
        if let HttpError::Refused(body) = &refused
            && let Some(server_time) = body.details.server_time
        {
            self.ahead.store(server_time - (self.clock)(), Ordering::Relaxed);
        }
        Err(refused)
    }
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, HttpError> {
    if !answer.status().is_success() {
        return Err(refusal(answer).await);
    }
    let bytes = answer.bytes().await.map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(|error| HttpError::Unintelligible(error.to_string()))
}

async fn refusal(answer: Response) -> HttpError {
    let status = answer.status();
    match answer.bytes().await {
        Ok(bytes) => match serde_json::from_slice::<ErrorBody>(&bytes) {
            Ok(body) => HttpError::Refused(Box::new(body)),
            // A proxy answers in the server's place.
            Err(_) if status.is_server_error() || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                HttpError::Unreachable(format!("answered with {status}"))
            }
            Err(_) => HttpError::Unintelligible(format!("answered with {status}")),
        },
        Err(error) => failed(error),
    }
}

fn failed(error: reqwest::Error) -> HttpError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    if text.contains("certificate") { HttpError::Untrusted(text) } else { HttpError::Unreachable(text) }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
