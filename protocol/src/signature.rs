//! HTTP Message Signatures (RFC 9421) with Ed25519, and content digests (RFC 9530), in the one
//! form that Deskbell uses.
//!
//! A request covers `@method`, `@path`, `@query` and the server's id; with a body also
//! `content-digest` and `content-type`. `@authority` is left out on purpose: proxies rewrite it,
//! and the server's id does its work. The signer and the verifier build the same text with
//! [`Request::base`]; the verifier accepts exactly this form and no other.

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::{SERVER_ID_HEADER, id::ServerId};

pub const ALGORITHM: &str = "ed25519";
const LABEL: &str = "deskbell";
const TAG: &str = "deskbell";

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In upper case.
    pub method: &'a str,
    /// The path that the client asked for, from the root of the server's public address.
    pub path: &'a str,
    /// Without the question mark; empty where there is none.
    pub query: &'a str,
    pub server: ServerId,
    pub body: Option<Body<'a>>,
}

/// The two headers that a body adds.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    pub content_digest: &'a str,
    pub content_type: &'a str,
}

/// The parameters of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: i64,
    /// Used once; 22 to 64 characters of the base64url alphabet.
    pub nonce: String,
    /// The public key, as [`key_id`] writes it.
    pub key_id: String,
}

/// The headers `signature-input` and `signature`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    pub signature_input: String,
    pub signature: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the signature headers are not of the form that Deskbell uses")]
    Malformed,
    #[error("the key id is not an Ed25519 public key")]
    BadKey,
    #[error("the signature does not fit the request")]
    Mismatch,
}

/// The value of `content-digest` for a body.
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// A public key as `keyid` and [`crate::device::Enrol::public_key`] write it.
#[must_use]
pub fn key_id(key: &VerifyingKey) -> String {
    URL_SAFE_NO_PAD.encode(key.as_bytes())
}

/// A nonce from 16 random bytes.
#[must_use]
pub fn nonce(random: [u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

#[must_use]
pub fn sign(key: &SigningKey, request: &Request<'_>, created: i64, nonce: String) -> Headers {
    let params = Params { created, nonce, key_id: key_id(&key.verifying_key()) };
    let input = params.input(request.body.is_some());
    let signature = key.sign(request.base(&input).as_bytes());
    Headers {
        signature_input: format!("{LABEL}={input}"),
        signature: format!("{LABEL}=:{}:", STANDARD.encode(signature.to_bytes())),
    }
}

/// The parameters of a request's signature, not yet verified: what a verifier needs to look the
/// key up and to judge the time.
///
/// # Errors
/// [`SignatureError::Malformed`] where the header is not exactly what [`sign`] would write.
pub fn parse(signature_input: &str, has_body: bool) -> Result<Params, SignatureError> {
    let input =
        signature_input.strip_prefix(LABEL).and_then(|s| s.strip_prefix('=')).ok_or(SignatureError::Malformed)?;
    let (_, tail) = input.split_once(");created=").ok_or(SignatureError::Malformed)?;
    let (created, tail) = tail.split_once(";nonce=\"").ok_or(SignatureError::Malformed)?;
    let (nonce, tail) = tail.split_once("\";keyid=\"").ok_or(SignatureError::Malformed)?;
    let (key_id, _) = tail.split_once('"').ok_or(SignatureError::Malformed)?;
    let params = Params {
        created: created.parse().map_err(|_| SignatureError::Malformed)?,
        nonce: nonce.to_owned(),
        key_id: key_id.to_owned(),
    };
    let url_safe = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let exact = params.input(has_body) == input;
    if exact && (22..=64).contains(&nonce.len()) && url_safe(nonce) && url_safe(key_id) {
        Ok(params)
    } else {
        Err(SignatureError::Malformed)
    }
}

/// Checks that the holder of the key named by `params` signed this request. The caller checks the
/// digest against the body, the time and the nonce.
///
/// # Errors
/// Where the header is malformed, the key is none, or the signature is not of this request.
pub fn verify(request: &Request<'_>, params: &Params, signature: &str) -> Result<(), SignatureError> {
    let encoded = signature
        .strip_prefix(LABEL)
        .and_then(|s| s.strip_prefix("=:"))
        .and_then(|s| s.strip_suffix(':'))
        .ok_or(SignatureError::Malformed)?;
    let bytes: [u8; 64] =
        STANDARD.decode(encoded).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(SignatureError::Malformed)?;
    let key: [u8; 32] = URL_SAFE_NO_PAD
        .decode(&params.key_id)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(SignatureError::BadKey)?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| SignatureError::BadKey)?;
    let base = request.base(&params.input(request.body.is_some()));
    // `verify_strict` refuses keys of small order, with which one signature fits many messages.
    key.verify_strict(base.as_bytes(), &Signature::from_bytes(&bytes)).map_err(|_| SignatureError::Mismatch)
}

impl Request<'_> {
    /// The signature base of RFC 9421, section 2.5.
    fn base(&self, input: &str) -> String {
        let mut base = format!(
            "\"@method\": {}\n\"@path\": {}\n\"@query\": ?{}\n\"{SERVER_ID_HEADER}\": {}\n",
            self.method, self.path, self.query, self.server
        );
        if let Some(body) = &self.body {
            base += &format!("\"content-digest\": {}\n\"content-type\": {}\n", body.content_digest, body.content_type);
        }
        base + "\"@signature-params\": " + input
    }
}

impl Params {
    fn input(&self, has_body: bool) -> String {
        let body = if has_body { " \"content-digest\" \"content-type\"" } else { "" };
        format!(
            "(\"@method\" \"@path\" \"@query\" \"{SERVER_ID_HEADER}\"{body});created={};nonce=\"{}\";keyid=\"{}\";alg=\"{ALGORITHM}\";tag=\"{TAG}\"",
            self.created, self.nonce, self.key_id
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVER: ServerId = ServerId(uuid::Uuid::from_u128(7));

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[3; 32])
    }

    fn request<'a>(digest: &'a str, path: &'a str, query: &'a str) -> Request<'a> {
        Request {
            method: "POST",
            path,
            query,
            server: SERVER,
            body: Some(Body { content_digest: digest, content_type: "application/json" }),
        }
    }

    #[test]
    fn a_signed_request_verifies() {
        let digest = content_digest(b"{}");
        let request = request(&digest, "/api/agent/v1/sync", "");
        let headers = sign(&key(), &request, 1_700_000_000, nonce([1; 16]));
        let params = parse(&headers.signature_input, true).unwrap();
        assert_eq!(params.key_id, key_id(&key().verifying_key()));
        assert_eq!(verify(&request, &params, &headers.signature), Ok(()));
    }

    #[test]
    fn the_digest_is_that_of_rfc_9530() {
        // RFC 9530, appendix B.1: the digest of `{"hello": "world"}` and a line feed.
        assert_eq!(
            content_digest(b"{\"hello\": \"world\"}\n"),
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        );
    }

    #[test]
    fn a_small_order_key_verifies_nothing() {
        let digest = content_digest(b"");
        let params = Params { created: 0, nonce: nonce([0; 16]), key_id: URL_SAFE_NO_PAD.encode([0; 32]) };
        let signature = format!("{LABEL}=:{}:", STANDARD.encode([0; 64]));
        assert!(verify(&request(&digest, "/", ""), &params, &signature).is_err());
    }

    proptest! {
        #[test]
        fn any_altered_part_is_noticed(path in "/[a-z]{1,8}", query in "[a-z=&]{0,8}", body in ".{0,32}", created in 0i64..2_000_000_000) {
            let digest = content_digest(body.as_bytes());
            let original = request(&digest, &path, &query);
            let headers = sign(&key(), &original, created, nonce([9; 16]));
            let params = parse(&headers.signature_input, true).unwrap();
            let other_digest = content_digest(b"something else entirely, longer than any of them");
            let other_path = format!("{path}x");
            let other_query = format!("{query}x");
            for altered in [
                Request { method: "PUT", ..original },
                Request { path: &other_path, ..original },
                Request { query: &other_query, ..original },
                Request { server: ServerId(uuid::Uuid::from_u128(8)), ..original },
                request(&other_digest, &path, &query),
                Request { body: None, ..original },
            ] {
                prop_assert_eq!(verify(&altered, &params, &headers.signature), Err(SignatureError::Mismatch));
            }
            let later = Params { created: created + 1, ..params.clone() };
            prop_assert_eq!(verify(&original, &later, &headers.signature), Err(SignatureError::Mismatch));
        }

        #[test]
        fn no_header_makes_the_parser_fall_over(text in ".{0,200}") {
            let _ = parse(&text, true);
            let _ = parse(&format!("deskbell={text}"), false);
        }
    }
}
