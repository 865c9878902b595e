//! What the server has that is newer. Nothing of it is believed here: whoever installs it verifies it.

use deskbell_protocol::{
    limits::UPDATE_BYTES,
    update::{UpdateOffer, UpdateRing},
};
use futures::StreamExt;

use super::Agent;
use crate::{
    error::{Answer, local},
    http::HttpError,
    view::LocalErrorCode,
};

/// System and processor, as the server's folder of updates is named.
#[must_use]
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

impl Agent {
    /// The newest version that this ring gets, is newer than `current`, and is signed by one of `keys`
    /// (their ids); nothing where there is none.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn newer(&self, current: &str, ring: UpdateRing, keys: &[String]) -> Answer<Option<UpdateOffer>> {
        let (http, who) = self.0.now_or_never()?;
        // A version may hold a plus sign, which means a space in a query.
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("current", current)
            .append_pair("ring", ring.as_str())
            .append_pair("keys", &keys.join(","))
            .finish();
        Ok(http.get_any(&who, &format!("/updates/{}", platform()), &query).await?)
    }

    /// The file of an offer.
    ///
    /// # Errors
    /// Where it does not arrive whole, or is larger than any update may be.
    pub async fn fetch_update(&self, offer: &UpdateOffer) -> Answer<Vec<u8>> {
        let too_large = || local(LocalErrorCode::ServerUnintelligible, "the update is too large");
        if offer.size > UPDATE_BYTES {
            return Err(too_large());
        }
        let (http, who) = self.0.now_or_never()?;
        let path = format!("/updates/{}/{}/{}", platform(), offer.ring, offer.version);
        let mut content = http.stream(&who, &path).await?.bytes_stream();
        let mut bytes = Vec::new();
        while let Some(piece) = content.next().await {
            bytes.extend_from_slice(&piece.map_err(|error| HttpError::Unreachable(error.without_url().to_string()))?);
            if bytes.len() as u64 > offer.size {
                return Err(too_large());
            }
        }
        Ok(bytes)
    }
}
