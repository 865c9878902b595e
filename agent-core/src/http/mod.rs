//! Requests to the server: signed, with time limits, and with errors that say what is wrong.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use deskbell_protocol::{
    SERVER_ID_HEADER,
    device::Hello,
    error::{ErrorBody, ErrorCode},
    id::ServerId,
    signature::{self, Body},
};
use ed25519_dalek::SigningKey;
use reqwest::{Method, Response, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{clock, policy::Config};

pub(crate) mod certificates;
mod fault;
mod issuer;
mod line;
mod route;
mod script;

pub(crate) use fault::{HttpError, shown};
pub(crate) use line::CONNECT;
use line::{Line, Terms};
#[cfg(test)]
pub(crate) use route::Proxy;
pub(crate) use route::{Route, WhyDirect, is_loopback};
pub(crate) use script::of_system as proxy_script;

const TOTAL: Duration = Duration::from_secs(60);
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
const PREFIX: &str = "/api/agent/v1";

/// Who signs, and for which server.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) key: SigningKey,
    pub(crate) server: ServerId,
}

pub(crate) struct Http {
    terms: Terms,
    line: Mutex<Line>,
    /// Who issued the certificate that was presented last.
    seen: certificates::Seen,
    base: Url,
    clock: clock::Clock,
    /// Milliseconds that the server's clock is ahead of ours: signatures bear its time.
    ahead: AtomicI64,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
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
        let terms = Terms::of(config, base.clone());
        let seen = certificates::Seen::default();
        let line = Mutex::new(Line::open(&terms, seen.clone())?);
        Ok(Self { terms, line, seen, base, clock, ahead: AtomicI64::new(0) })
    }

    /// Looks again which proxy the system names and whom it trusts: both may have changed since.
    pub(crate) fn renew(&self) {
        match Line::open(&self.terms, self.seen.clone()) {
            Ok(line) => *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line,
            Err(error) => tracing::warn!(%error, "the settings of the network cannot be read again"),
        }
    }

    /// The way that requests take at this moment.
    pub(crate) fn route(&self) -> Route {
        self.line().route
    }

    /// Who issued the certificate that was presented last.
    pub(crate) fn issuer(&self) -> Option<String> {
        self.seen.issuer()
    }

    fn line(&self) -> Line {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn url(&self) -> &Url {
        &self.base
    }

    /// Asks who is there, and what time it has.
    pub(crate) async fn hello(&self) -> Result<Hello, HttpError> {
        let url = self.address("/hello", "");
        let line = self.line();
        let answer = line.client.get(url).timeout(TOTAL).send().await;
        let answer = answer.map_err(|error| fault::failed(error, &line.route, &self.base))?;
        let hello: Hello = self.read(answer).await?;
        self.ahead.store(hello.server_time - (self.clock)(), Ordering::Relaxed);
        Ok(hello)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, who: &Identity, path: &str) -> Result<T, HttpError> {
        self.read(self.send(who, Method::GET, path, "", Content::Nothing, Some(TOTAL)).await?).await
    }

    /// The same, where there may be nothing to say.
    pub(crate) async fn get_any<T: DeserializeOwned>(
        &self,
        who: &Identity,
        path: &str,
        query: &str,
    ) -> Result<Option<T>, HttpError> {
        let answer = self.send(who, Method::GET, path, query, Content::Nothing, Some(TOTAL)).await?;
        if answer.status() == StatusCode::NO_CONTENT { Ok(None) } else { self.read(answer).await.map(Some) }
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        who: &Identity,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, HttpError> {
        let body = serde_json::to_vec(body).map_err(|error| HttpError::Unintelligible(error.to_string()))?;
        self.read(self.send(who, Method::POST, path, "", Content::Of(JSON, body), Some(TOTAL)).await?).await
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
        self.read(self.send(who, Method::PUT, path, &query, Content::Of(BYTES, piece), Some(TOTAL)).await?).await
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
        let line = self.line();
        let mut request = line
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
        let answer = request.send().await.map_err(|error| fault::failed(error, &line.route, &self.base))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let refused = self.refusal(answer).await;
        if let HttpError::Refused(body) = &refused
            && let Some(server_time) = body.details.server_time
        {
            self.ahead.store(server_time - (self.clock)(), Ordering::Relaxed);
        }
        Err(refused)
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response) -> Result<T, HttpError> {
        if !answer.status().is_success() {
            return Err(self.refusal(answer).await);
        }
        let bytes = answer.bytes().await.map_err(|error| fault::failed(error, &self.line().route, &self.base))?;
        serde_json::from_slice(&bytes).map_err(|error| HttpError::Unintelligible(error.to_string()))
    }

    async fn refusal(&self, answer: Response) -> HttpError {
        let route = self.line().route;
        let (status, headers) = (answer.status(), answer.headers().clone());
        match answer.bytes().await {
            Ok(bytes) => match serde_json::from_slice::<ErrorBody>(&bytes) {
                Ok(body) => HttpError::Refused(Box::new(body)),
                Err(_) => fault::foreign(status, &headers, &route, &self.base),
            },
            Err(error) => fault::failed(error, &route, &self.base),
        }
    }
}
