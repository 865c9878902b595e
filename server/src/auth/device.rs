//! Devices: every request is signed by the installation's own key.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, request::Parts},
};
use deskbell_protocol::{
    Millis, SERVER_ID_HEADER,
    device::Registration,
    error::ErrorCode,
    id::{RequesterId, ServerId},
    limits::{BODY_BYTES, CLOCK_WINDOW_SECONDS},
    mutant,
    signature::{self, Params},
};
use serde::de::DeserializeOwned;

use crate::{
    App,
    db::{Tx, installations, installations::Installation, nonces},
    error::{ApiError, ApiResult},
    extract,
};

/// A request whose signature fits its key. Nothing is known about the key yet.
#[derive(Debug)]
pub struct Signed {
    pub params: Params,
    pub parts: Parts,
    pub body: Bytes,
}

impl Signed {
    /// # Errors
    /// `malformed`.
    pub fn json<T: DeserializeOwned>(&self) -> ApiResult<T> {
        extract::parse(&self.body)
    }

    /// Spends the request's nonce, in the transaction of what it does.
    ///
    /// # Errors
    /// `signature_replayed` where it was spent before.
    pub async fn spend_nonce(&self, tx: &mut Tx) -> ApiResult<()> {
        let Params { key_id, nonce, .. } = &self.params;
        if nonces::spend(tx, key_id, nonce, self.nonce_expires_at()).await? { Ok(()) } else { Err(replayed()) }
    }

    /// The accepted installation of a request that was not made before, whose nonce is spent now.
    ///
    /// # Errors
    /// `device_unknown`, the registration that keeps it out, `signature_replayed`.
    pub async fn admitted(&self, tx: &mut Tx) -> ApiResult<Installation> {
        let Params { key_id, nonce, .. } = &self.params;
        tx.serialize_on(key_id).await?;
        let asking = installations::asking(tx, key_id, nonce).await?.ok_or_else(unknown)?;
        let installation = let_in(asking.installation)?;
        if asking.replayed {
            return Err(replayed());
        }
        nonces::spend_new(tx, key_id, nonce, self.nonce_expires_at()).await?;
        Ok(installation)
    }

    const fn nonce_expires_at(&self) -> Millis {
        (self.params.created + 2 * CLOCK_WINDOW_SECONDS) * 1000
    }
}

impl FromRequest<App> for Signed {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), BODY_BYTES).await.map_err(|_| {
            ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::BodyTooLarge,
                "the body is too large or was cut off",
            )
            .with(|details| details.limit = Some(BODY_BYTES as u64))
        })?;
        let params = verify(app, &parts, &body)?;
        Ok(Self { params, parts, body })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn verify(app: &App, parts: &Parts, body: &[u8]) -> ApiResult<Params> {
    let missing = || ApiError::unauthorized(ErrorCode::SignatureMissing, "the request is not signed");
    let invalid = |error: &dyn std::fmt::Display| {
        ApiError::unauthorized(ErrorCode::SignatureInvalid, format!("the signature is refused: {error}"))
    };
    let input = header(&parts.headers, "signature-input").ok_or_else(missing)?;
    let value = header(&parts.headers, "signature").ok_or_else(missing)?;
    let server: ServerId =
        header(&parts.headers, SERVER_ID_HEADER).and_then(|id| id.parse().ok()).ok_or_else(missing)?;
    if server != app.server_id {
        return Err(ApiError::unauthorized(ErrorCode::WrongServer, "the request is signed for another server"));
    }
    let digest = signature::content_digest(body);
    let signed_body = if body.is_empty() {
        None
    } else {
        if header(&parts.headers, "content-digest") != Some(digest.as_str()) {
            return Err(invalid(&"the digest is not the body's"));
        }
        let content_type = header(&parts.headers, "content-type").ok_or_else(|| invalid(&"no content type"))?;
        Some(signature::Body { content_digest: &digest, content_type })
    };
    let params = signature::parse(input, signed_body.is_some()).map_err(|error| invalid(&error))?;
    let path = format!("{}{}", app.public_url.path().trim_end_matches('/'), parts.uri.path());
    let request = signature::Request {
        method: parts.method.as_str(),
        path: &path,
        query: parts.uri.query().unwrap_or_default(),
        server,
        body: signed_body,
    };
    if !mutant!("signature.unchecked") {
        signature::verify(&request, &params, value).map_err(|error| invalid(&error))?;
    }
    // The clock is judged last: only the key's holder learns ours.
    let now = app.now();
    if !timely(params.created, now / 1000) {
        return Err(ApiError::unauthorized(ErrorCode::ClockSkew, "the device's clock is wrong")
            .with(|details| details.server_time = Some(now)));
    }
    Ok(params)
}

/// Whether a signature was made within the window around our time, both in seconds. Anybody can sign any
/// number, so that the difference may be larger than a number holds.
const fn timely(created: i64, now: i64) -> bool {
    created.abs_diff(now) <= CLOCK_WINDOW_SECONDS.unsigned_abs()
}

/// A signed request of an accepted installation.
#[derive(Debug)]
pub struct Device {
    pub installation: Installation,
    pub signed: Signed,
}

impl FromRequest<App> for Device {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        let signed = Signed::from_request(request, app).await?;
        let mut tx = app.db.look().await?;
        let installation = accepted(&mut tx, &signed.params.key_id).await?;
        Ok(Self { installation, signed })
    }
}

/// The accepted installation of a key, as it is in this transaction.
///
/// # Errors
/// `device_unknown`, or the registration that keeps it out.
pub async fn accepted(tx: &mut Tx, key: &str) -> ApiResult<Installation> {
    let_in(installations::by_key(tx, key).await?.ok_or_else(unknown)?)
}

fn unknown() -> ApiError {
    ApiError::unauthorized(ErrorCode::DeviceUnknown, "this device is not enrolled here; enrol it again")
}

fn replayed() -> ApiError {
    ApiError::unauthorized(ErrorCode::SignatureReplayed, "this request was made before")
}

/// An installation that its registration lets in.
///
/// # Errors
/// What keeps it out.
pub fn let_in(installation: Installation) -> ApiResult<Installation> {
    match refusal(installation.registration.0) {
        None => Ok(installation),
        Some((code, message)) => Err(ApiError::forbidden(code, message)),
    }
}

/// An accepted installation at which the agent may be used.
///
/// # Errors
/// `not_enabled`.
pub fn enabled(installation: Installation) -> ApiResult<Installation> {
    if installation.choices.enabled() || mutant!("enabled.unchecked") {
        Ok(installation)
    } else {
        Err(ApiError::forbidden(ErrorCode::NotEnabled, "the Helpdesk Agent is not enabled on this device"))
    }
}

/// What a new installation is told that a technician has to accept first.
#[must_use]
pub fn unapproved() -> ApiError {
    ApiError::forbidden(ErrorCode::DeviceUnapproved, UNAPPROVED)
}

/// What both machines that used one key are told.
#[must_use]
pub fn quarantined() -> ApiError {
    ApiError::forbidden(ErrorCode::DeviceQuarantined, QUARANTINED)
}

const QUARANTINED: &str = "this device's key was used by two machines; enrol it again";
const UNAPPROVED: &str = "a technician has not accepted this device yet";

/// What keeps an installation out, if its registration does.
#[must_use]
pub const fn refusal(registration: Registration) -> Option<(ErrorCode, &'static str)> {
    match registration {
        Registration::Accepted => None,
        Registration::Unapproved => Some((ErrorCode::DeviceUnapproved, UNAPPROVED)),
        Registration::Quarantined => Some((ErrorCode::DeviceQuarantined, QUARANTINED)),
        Registration::Revoked => Some((ErrorCode::DeviceRevoked, "this device was removed from the helpdesk")),
    }
}

/// A signed request of an installation at which the agent may be used.
#[derive(Debug)]
pub struct EnabledDevice {
    pub installation: Installation,
    pub signed: Signed,
}

impl FromRequest<App> for EnabledDevice {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        let Device { installation, signed } = Device::from_request(request, app).await?;
        Ok(Self { installation: enabled(installation)?, signed })
    }
}

/// A signed request of a person who is confirmed at an enabled installation.
#[derive(Debug)]
pub struct ConfirmedPerson {
    pub installation: Installation,
    pub requester: RequesterId,
    pub signed: Signed,
}

impl FromRequest<App> for ConfirmedPerson {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        let EnabledDevice { installation, signed } = EnabledDevice::from_request(request, app).await?;
        match installation.requester_id {
            Some(requester) => Ok(Self { installation, requester: requester.0, signed }),
            None => Err(ApiError::forbidden(ErrorCode::NotConfirmed, "nobody has confirmed their e-mail address here")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_no_difference_holds_is_not_ours() {
        let now = 1_800_000_000;
        assert!(timely(now - CLOCK_WINDOW_SECONDS, now) && timely(now + CLOCK_WINDOW_SECONDS, now));
        for created in [now - 121, now + 121, 0, i64::MAX, i64::MIN, i64::MIN + now, i64::MIN + 1] {
            assert!(!timely(created, now), "{created} is within two minutes of {now}");
        }
    }
}
