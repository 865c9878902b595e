//! Requests of a device, and what may be wrong about them.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use deskbell_protocol::{
    SERVER_ID_HEADER,
    id::ServerId,
    signature::{self, Body, Request},
};
use ed25519_dalek::SigningKey;
use reqwest::{Client, Method, RequestBuilder};

use super::verdicts::Who;

/// Far outside of the window.
const STALE: i64 = 1_000;

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(super) fn key_id(seed: u8) -> String {
    signature::key_id(&key(seed).verifying_key())
}

/// What is asked for, whoever asks.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) content_type: &'static str,
    pub(super) body: Option<Vec<u8>>,
}

impl Asked {
    pub(super) fn address(&self, base: &str) -> String {
        format!("{base}{}{}", self.path, self.query)
    }
}

/// The request, signed by the key of this seed; `who` says what is wrong about it, if anything.
pub(super) fn signed(
    http: &Client,
    base: &str,
    server: ServerId,
    seed: u8,
    who: Who,
    created: i64,
    asked: &Asked,
) -> Result<RequestBuilder> {
    let (own, other) = (key(seed), key(200));
    let digest = asked.body.as_deref().map(signature::content_digest).unwrap_or_default();
    let body = asked.body.as_ref().map(|_| Body { content_digest: &digest, content_type: asked.content_type });
    let path = if who == Who::AlteredPath { format!("{}/x", asked.path) } else { asked.path.clone() };
    let server = if who == Who::OtherServer { ServerId(uuid::Uuid::from_u128(7)) } else { server };
    let query = asked.query.trim_start_matches('?');
    let request = Request { method: asked.method.as_str(), path: &path, query, server, body };
    let created = created - if who == Who::StaleTime { STALE } else { 0 };
    let signer = if who == Who::OtherKey { &other } else { &own };
    let headers = signature::sign(signer, &request, created, signature::nonce(rand::random()));
    // The other key's signature under the name of the own one.
    let input = headers.signature_input.replace(&key_id(200), &signature::key_id(&own.verifying_key()));
    let mut sent = http
        .request(asked.method.clone(), asked.address(base))
        .header(SERVER_ID_HEADER, server.to_string())
        .header("signature-input", input)
        .header("signature", headers.signature);
    // A request that has no body gets one that nobody signed.
    let altered = matches!(who, Who::AlteredBody) || (who == Who::NoDigest && asked.body.is_none());
    let content = match (&asked.body, altered) {
        (body, true) => Some([body.as_deref().unwrap_or_default(), b" "].concat()),
        (body, false) => body.clone(),
    };
    if let Some(content) = content {
        if asked.body.is_some() && who != Who::NoDigest {
            sent = sent.header("content-digest", &digest);
        }
        sent = sent.header("content-type", asked.content_type).body(content);
    }
    Ok(sent)
}

#[expect(clippy::disallowed_methods, reason = "a signature bears the present time")]
pub(super) fn seconds() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}
