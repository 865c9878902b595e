//! A page that a device opened in a browser: its session in a cookie, worth as much as the device is
//! at that moment, and only for the addresses below `/api/portal`.

use axum::{
    extract::FromRequestParts,
    http::{Method, request::Parts},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use deskbell_protocol::{Millis, error::ErrorCode};

use super::{device, technician::proves};
use crate::{
    App,
    db::{
        Scope, Tx,
        installations::{self, Installation},
        portal_sessions::{self, PortalSession},
    },
    error::{ApiError, ApiResult},
    secrets,
};

pub const COOKIE: &str = "deskbell_portal";
const PATH: &str = "/api/portal";

/// A page of an accepted installation at which the agent may be used, and whose person is still the
/// one it was opened for. A request that changes something has carried the CSRF proof.
#[derive(Clone, Debug)]
pub struct PortalPage {
    pub session: PortalSession,
    pub id_hash: String,
    pub installation: Installation,
}

impl FromRequestParts<App> for PortalPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let id_hash = id_hash(&CookieJar::from_headers(&parts.headers)).ok_or_else(ended)?;
        let mut tx = app.db.read().await?;
        let page = Self::current(&mut tx, id_hash, app.now()).await?;
        drop(tx);
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        if !reads && !proves(&parts.headers, &page.session.csrf) {
            return Err(ApiError::forbidden(ErrorCode::CsrfMissing, "the request lacks its proof; reload the page"));
        }
        Ok(page)
    }
}

impl PortalPage {
    /// The page as it is in this transaction.
    ///
    /// # Errors
    /// `not_signed_in` where its time is over or another person sits there now, or what keeps the
    /// device out.
    pub async fn current(tx: &mut Tx, id_hash: String, now: Millis) -> ApiResult<Self> {
        let session = portal_sessions::find(tx, &id_hash, now).await?.ok_or_else(ended)?;
        let found = installations::find(tx, Scope::All, session.installation_id.0).await?;
        let installation = device::enabled(device::let_in(found.ok_or_else(ended)?)?)?;
        if !belongs(&session, &installation) {
            return Err(ended());
        }
        Ok(Self { session, id_hash, installation })
    }

    /// The same page, in the transaction of what it asks for: much may have changed since the extractor.
    ///
    /// # Errors
    /// As [`Self::current`].
    pub async fn again(&self, tx: &mut Tx, now: Millis) -> ApiResult<Self> {
        Self::current(tx, self.id_hash.clone(), now).await
    }
}

/// A page that was nobody's takes whoever is confirmed there; one that is somebody's ends with them.
fn belongs(session: &PortalSession, installation: &Installation) -> bool {
    let person = session.requester_id.is_none() || session.requester_id == installation.requester_id;
    person && session.client_id == installation.client_id
}

fn ended() -> ApiError {
    ApiError::unauthorized(ErrorCode::NotSignedIn, "this page's time is over; open it from the bell again")
}

/// The hash of the session that a browser carries.
#[must_use]
pub fn id_hash(jar: &CookieJar) -> Option<String> {
    jar.get(COOKIE).map(|cookie| secrets::sha256(cookie.value()))
}

/// The page's cookie. It ends with the browser, or [`deskbell_protocol::limits::PORTAL_LIFETIME`]
/// after the link was used. The page itself sends it, so that it never has to go along with a link
/// from elsewhere.
#[must_use]
pub fn cookie(app: &App, value: String) -> Cookie<'static> {
    Cookie::build((COOKIE, value))
        .path(PATH)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(app.public_url.scheme() == "https")
        .build()
}
