//! A device without a screen: it speaks the agent's protocol and nothing more. For the second and
//! third computer of a story, and for requests that a real agent would never send.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use deskbell_protocol::{
    PROTOCOL_VERSION, SERVER_ID_HEADER,
    device::{DeviceFacts, Enrol, Enrolled, Hello, HotkeyState},
    error::ErrorBody,
    id::ServerId,
    signature::{self, Body, Request},
    sync::{OutboxItem, SyncRequest, SyncResponse},
    ticket::Language,
};
use ed25519_dalek::SigningKey;
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

const JSON: &str = "application/json";
const PREFIX: &str = "/api/agent/v1";

#[derive(Debug)]
pub struct Device {
    http: reqwest::Client,
    base: String,
    pub server: ServerId,
    key: SigningKey,
    /// Its host name and, hashed, its machine.
    name: String,
    nonces: std::cell::Cell<u16>,
}

/// What may be wrong about a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forged {
    /// Seconds that its clock is ahead.
    pub ahead: i64,
    /// Used in the place of a fresh one.
    pub nonce: Option<u8>,
    /// The body that is sent in the place of the one that was signed.
    pub body: Option<&'static [u8]>,
}

impl Device {
    /// `seed` makes its key; two devices of one test need two.
    pub async fn new(http: &reqwest::Client, base: &str, name: &str, seed: u8) -> Result<Self> {
        let hello: Hello = http.get(format!("{base}{PREFIX}/hello")).send().await?.json().await?;
        let (http, base, name) = (http.clone(), base.to_owned(), name.to_owned());
        let key = SigningKey::from_bytes(&[seed; 32]);
        Ok(Self { http, base, server: hello.server_id, key, name, nonces: std::cell::Cell::new(0) })
    }

    /// What introduces it.
    #[must_use]
    pub fn introduction(&self, enrolment_key: &str) -> Enrol {
        Enrol {
            enrolment_key: enrolment_key.into(),
            algorithm: signature::ALGORITHM.into(),
            public_key: signature::key_id(&self.key.verifying_key()),
            machine_hint: crate::hash::sha256(self.name.as_bytes()),
            facts: self.facts(),
            agent_version: "0.1.0".into(),
            language: Language::En,
        }
    }

    pub async fn enrol(&self, enrolment_key: &str) -> Result<Enrolled> {
        self.post("/enrol", &self.introduction(enrolment_key)).await
    }

    /// Asks what is new, and thereby says that it has heard.
    pub async fn sync(&self, epoch: i64, applied_revision: i64, items: Vec<OutboxItem>) -> Result<SyncResponse> {
        self.post("/sync", &self.exchange(epoch, applied_revision, items)).await
    }

    #[must_use]
    pub fn exchange(&self, epoch: i64, applied_revision: i64, items: Vec<OutboxItem>) -> SyncRequest {
        SyncRequest {
            protocol: PROTOCOL_VERSION,
            agent_version: "0.1.0".into(),
            language: Language::En,
            facts: self.facts(),
            hotkey: HotkeyState::Registered,
            epoch,
            applied_revision,
            cursor: 0,
            items,
        }
    }

    fn facts(&self) -> DeviceFacts {
        let os = "Debian GNU/Linux 12".into();
        DeviceFacts {
            name: self.name.clone(),
            os,
            platform: "linux".into(),
            os_user: "sam".into(),
            ..Default::default()
        }
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let answer = self.send(Method::POST, path, JSON, Some(serde_json::to_vec(body)?), Forged::default()).await?;
        anyhow::ensure!(answer.status().is_success(), "{path}: {}: {}", answer.status(), answer.text().await?);
        Ok(answer.json().await?)
    }

    /// The refusal that a request meets: its status and what it says.
    pub async fn refused(&self, path: &str, body: &impl Serialize) -> Result<(u16, ErrorBody)> {
        refusal(self.send(Method::POST, path, JSON, Some(serde_json::to_vec(body)?), Forged::default()).await?).await
    }

    pub async fn get(&self, path: &str) -> Result<reqwest::Response> {
        self.send(Method::GET, path, "", None, Forged::default()).await
    }

    /// A piece of a file.
    pub async fn put(&self, path: &str, piece: &[u8]) -> Result<reqwest::Response> {
        self.send(Method::PUT, path, "application/octet-stream", Some(piece.to_vec()), Forged::default()).await
    }

    /// A signed request; `forged` says what is wrong about it.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Option<Vec<u8>>,
        forged: Forged,
    ) -> Result<reqwest::Response> {
        Ok(self.http.execute(self.prepare(&self.base, method, path, content_type, body, forged)?).await?)
    }

    /// The same, signed and not sent yet, to whichever server of the helpdesk is at `base`.
    pub fn prepare(
        &self,
        base: &str,
        method: Method,
        path: &str,
        content_type: &str,
        body: Option<Vec<u8>>,
        forged: Forged,
    ) -> Result<reqwest::Request> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = format!("{PREFIX}{path}");
        let digest = body.as_deref().map(signature::content_digest).unwrap_or_default();
        let content = body.as_ref().map(|_| Body { content_digest: &digest, content_type });
        let signed = Request { method: method.as_str(), path: &path, query, server: self.server, body: content };
        self.nonces.set(self.nonces.get() + 1);
        let nonce = forged.nonce.map_or_else(|| nonce(self.nonces.get()), |byte| [byte; 16]);
        let headers = signature::sign(&self.key, &signed, seconds()? + forged.ahead, signature::nonce(nonce));
        let address = if query.is_empty() { path } else { format!("{path}?{query}") };
        let mut request = self
            .http
            .request(method, format!("{base}{address}"))
            .header(SERVER_ID_HEADER, self.server.to_string())
            .header("signature-input", headers.signature_input)
            .header("signature", headers.signature);
        if let Some(body) = body {
            let sent = forged.body.map_or(body, <[u8]>::to_vec);
            request = request.header("content-digest", &digest).header("content-type", content_type).body(sent);
        }
        Ok(request.build()?)
    }
}

/// The first ones are a byte repeated, which [`Forged::nonce`] can repeat.
fn nonce(count: u16) -> [u8; 16] {
    let [high, low] = count.to_be_bytes();
    std::array::from_fn(|place| match (high, place) {
        (0, _) => low,
        (_, 0) => u8::MAX,
        (_, place) => [high, low][place % 2],
    })
}

/// What an answer that is no success says.
pub async fn refusal(answer: reqwest::Response) -> Result<(u16, ErrorBody)> {
    let status = answer.status();
    anyhow::ensure!(!status.is_success(), "it was not refused");
    Ok((status.as_u16(), answer.json().await?))
}

#[expect(clippy::disallowed_methods, reason = "a signature bears the present time")]
fn seconds() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}
