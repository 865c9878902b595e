//! Updates of agents that update themselves: what a server offers, and what a signature says of itself.
//!
//! Signatures are minisign's. Their *trusted comment* is signed too, and names the version that the file
//! is, so that nobody can offer an older file as a newer one. It may also name the public keys that count
//! from this update on: so keys are replaced by something that the present keys have signed.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::ticket::word;

word! {
    /// Which updates an installation takes: `early` gets what `stable` gets, and what is tried before.
    #[derive(Default)]
    UpdateRing {
        #[default]
        Stable = "stable",
        Early = "early",
    }
}

impl UpdateRing {
    /// Whether an installation of this ring takes what lies in `ring`.
    #[must_use]
    pub const fn takes(self, ring: Self) -> bool {
        matches!((self, ring), (Self::Early, _) | (Self::Stable, Self::Stable))
    }
}

/// The answer of `GET /api/agent/v1/updates/{platform}`, where there is something newer. The file itself
/// is at `/api/agent/v1/updates/{platform}/{ring}/{version}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateOffer {
    pub version: String,
    /// The ring in whose folder it lies.
    pub ring: UpdateRing,
    /// Bytes of the file.
    #[ts(type = "number")]
    pub size: u64,
    /// The text of the signature's file.
    pub signature: String,
}

/// What a signature says of itself. It is worth nothing before the signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Of the key that made it, as minisign prints it.
    pub key: String,
    pub version: Option<String>,
    /// The public keys that count from this update on; empty where they stay as they are.
    pub keys: Vec<String>,
}

/// Reads the text of a `.minisig` file, without verifying it. Nothing where it is none.
#[must_use]
pub fn said(signature: &str) -> Option<Said> {
    let mut lines = signature.lines();
    let (_untrusted, first, trusted) = (lines.next()?, lines.next()?, lines.next()?);
    let comment = trusted.strip_prefix("trusted comment: ")?;
    let field = |name: &str| comment.split('\t').find_map(|field| field.strip_prefix(name)?.strip_prefix(':'));
    Some(Said {
        key: key_id(first, SIGNATURE_BYTES)?,
        version: field("version").map(str::to_owned),
        keys: field("keys").map(|keys| keys.split_whitespace().map(str::to_owned).collect()).unwrap_or_default(),
    })
}

/// The id of a public key: the second line of minisign's `.pub` file, which begins with `RW`. Nothing where
/// the text is no such key.
#[must_use]
pub fn key_id_of(public_key: &str) -> Option<String> {
    key_id(public_key, PUBLIC_KEY_BYTES)
}

const PUBLIC_KEY_BYTES: usize = 2 + 8 + 32;
const SIGNATURE_BYTES: usize = 2 + 8 + 64;

/// Both begin with two bytes that name the algorithm, and the key's id.
fn key_id(text: &str, length: usize) -> Option<String> {
    let bytes = STANDARD.decode(text.trim()).ok().filter(|bytes| bytes.len() == length)?;
    let (algorithm, rest) = bytes.split_at(2);
    let id: [u8; 8] = rest.get(..8)?.try_into().ok()?;
    matches!(algorithm, b"Ed" | b"ED").then(|| format!("{:016X}", u64::from_le_bytes(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `minisign -G` and `minisign -S -t …`, version 0.11.
    const PUBLIC_KEY: &str = "RWTOyLnht9wdtKIkKPJnCytMZxbT0bsbEDPl55fp1nhTMmZKUBwlYLx+";
    const KEY_ID: &str = "B41DDCB7E1B9C8CE";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
        RUTOyLnht9wdtCnc8221YdW7g9irwSgDModMjrjP7fEAaxEiQ+jJMMiFF8NHNQvp6FnsgkGW973jJM8TxvEptsiDXidQClqZtAU=\n\
        trusted comment: version:0.2.0\tkeys:RWTOyLnht9wdtKIkKPJnCytMZxbT0bsbEDPl55fp1nhTMmZKUBwlYLx+ RWother\n\
        +O/jjstFfsyjZTu36AVxbuG1UO7ghSG9x0XV9mIkLaMF4jOjEyDXenHnp4Lhcq1qqQGgGPtH8qwgN6iv8wowAQ==";

    #[test]
    fn a_signature_names_its_key_its_version_and_the_next_keys() {
        let said = said(SIGNATURE).expect("minisign wrote it");
        assert_eq!(said.key, KEY_ID);
        assert_eq!(said.version.as_deref(), Some("0.2.0"));
        assert_eq!(said.keys, [PUBLIC_KEY, "RWother"]);
        assert_eq!(key_id_of(PUBLIC_KEY).as_deref(), Some(KEY_ID));
    }

    #[test]
    fn what_is_no_signature_says_nothing() {
        assert_eq!(said(""), None);
        assert_eq!(said("a\nb\ntrusted comment: version:1.0.0\nc"), None);
        assert_eq!(said(&SIGNATURE.replace("trusted comment: ", "comment: ")), None);
        for text in ["", "RW", "not base64", &PUBLIC_KEY[..40], SIGNATURE] {
            assert_eq!(key_id_of(text), None, "{text}");
        }
    }

    #[test]
    fn early_takes_all_and_stable_only_its_own() {
        use UpdateRing::{Early, Stable};
        assert!(Early.takes(Stable) && Early.takes(Early) && Stable.takes(Stable));
        assert!(!Stable.takes(Early), "what is being tried is for those who try it");
    }
}
