//! A device without a screen: it speaks the agent's protocol and nothing more. For the second and
//! third computer of a story, and for requests that a real agent would never send.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use deskbell_protocol::{
    PROTOCOL_VERSION, SERVER_ID_HEADER,
    device::{DeviceFacts, Enrol, Enrolled, Hello, HotkeyState},
    id::ServerId,
    signature::{self, Body, Request},
    sync::{OutboxItem, SyncRequest, SyncResponse},
    ticket::Language,
};
use ed25519_dalek::SigningKey;
use serde::{Serialize, de::DeserializeOwned};

#[derive(Debug)]
pub struct Device {
    http: reqwest::Client,
    base: String,
    server: ServerId,
    key: SigningKey,
    /// Its host name and, hashed, its machine.
    name: String,
    nonces: std::cell::Cell<u8>,
}

impl Device {
    /// `seed` makes its key; two devices of one test need two.
    pub async fn new(http: &reqwest::Client, base: &str, name: &str, seed: u8) -> Result<Self> {
        let hello: Hello = http.get(format!("{base}/api/agent/v1/hello")).send().await?.json().await?;
        let (http, base, name) = (http.clone(), base.to_owned(), name.to_owned());
        let key = SigningKey::from_bytes(&[seed; 32]);
        Ok(Self { http, base, server: hello.server_id, key, name, nonces: std::cell::Cell::new(0) })
    }

    pub async fn enrol(&self, enrolment_key: &str) -> Result<Enrolled> {
        self.send(
            "/api/agent/v1/enrol",
            &Enrol {
                enrolment_key: enrolment_key.into(),
                algorithm: signature::ALGORITHM.into(),
                public_key: signature::key_id(&self.key.verifying_key()),
                machine_hint: crate::picture::sha256(self.name.as_bytes()),
                facts: self.facts(),
                agent_version: "0.1.0".into(),
                language: Language::En,
            },
        )
        .await
    }

    /// Asks what is new, and thereby says that it has heard.
    pub async fn sync(&self, epoch: i64, applied_revision: i64, items: Vec<OutboxItem>) -> Result<SyncResponse> {
        self.send(
            "/api/agent/v1/sync",
            &SyncRequest {
                protocol: PROTOCOL_VERSION,
                agent_version: "0.1.0".into(),
                language: Language::En,
                facts: self.facts(),
                hotkey: HotkeyState::Registered,
                epoch,
                applied_revision,
                cursor: 0,
                items,
            },
        )
        .await
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

    async fn send<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let body = serde_json::to_vec(body)?;
        let digest = signature::content_digest(&body);
        let content = Body { content_digest: &digest, content_type: "application/json" };
        let request = Request { method: "POST", path, query: "", server: self.server, body: Some(content) };
        self.nonces.set(self.nonces.get() + 1);
        let headers = signature::sign(&self.key, &request, seconds()?, signature::nonce([self.nonces.get(); 16]));
        let request = self.http.post(format!("{}{path}", self.base)).header(SERVER_ID_HEADER, self.server.to_string());
        let request = request.header("content-digest", &digest).header("content-type", "application/json");
        let request = request.header("signature-input", headers.signature_input).header("signature", headers.signature);
        let answer = request.body(body).send().await?;
        anyhow::ensure!(answer.status().is_success(), "{path}: {}: {}", answer.status(), answer.text().await?);
        Ok(answer.json().await?)
    }
}

#[expect(clippy::disallowed_methods, reason = "a signature bears the present time")]
fn seconds() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}
