//! Technicians: an opaque session in a cookie, and a proof against requests that other sites forge.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, request::Parts},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use deskbell_protocol::{Millis, error::ErrorCode, id::TechnicianId};

use crate::{
    App,
    db::{
        Scope, Tx,
        history::Actor,
        sessions::{self, Session, SignedIn},
        technicians::{self, Role},
    },
    error::{ApiError, ApiResult},
    secrets,
};

pub const COOKIE: &str = "deskbell_session";
pub const CSRF_HEADER: &str = "x-csrf-token";
/// A session ends this long after its last use.
pub const LIFETIME: Millis = 12 * 60 * 60 * 1000;
/// It is extended at most this often, so that reading writes seldom.
const EXTEND_AFTER: Millis = 10 * 60 * 1000;

/// Somebody who is signed in. A request that changes something has carried the CSRF proof.
#[derive(Clone, Debug)]
pub struct Technician {
    pub row: technicians::Technician,
    pub csrf: String,
    pub session_hash: String,
}

impl Technician {
    #[must_use]
    pub fn id(&self) -> TechnicianId {
        self.row.id.0
    }

    /// All clients: technicians who are limited to some are still to come.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        Scope::All
    }

    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Technician { id: self.id(), name: self.row.name.clone() }
    }

    fn at_least(self, role: Role) -> ApiResult<Self> {
        if self.row.role.0 >= role {
            Ok(self)
        } else {
            Err(ApiError::forbidden(ErrorCode::NotAllowed, "your role does not allow this"))
        }
    }
}

impl FromRequestParts<App> for Technician {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let not_signed_in = || ApiError::unauthorized(ErrorCode::NotSignedIn, "sign in first");
        let cookie = CookieJar::from_headers(&parts.headers).get(COOKIE).map(|cookie| cookie.value().to_owned());
        let session_hash = secrets::sha256(&cookie.ok_or_else(not_signed_in)?);
        let now = app.now();
        let found = sessions::find(&mut app.db.look().await?, &session_hash, now).await?;
        let SignedIn { technician, csrf, expires_at } = found.ok_or_else(not_signed_in)?;
        if !matches!(parts.method, Method::GET | Method::HEAD) && !proves(&parts.headers, &csrf) {
            return Err(ApiError::forbidden(ErrorCode::CsrfMissing, "the request lacks its proof; reload the page"));
        }
        if expires_at - now < LIFETIME - EXTEND_AFTER {
            let mut tx = app.db.write().await?;
            sessions::extend(&mut tx, &session_hash, now + LIFETIME).await?;
            tx.commit().await?;
        }
        Ok(Self { row: technician, csrf, session_hash })
    }
}

pub(super) fn proves(headers: &HeaderMap, csrf: &str) -> bool {
    headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).is_some_and(|value| secrets::same(value, csrf))
}

macro_rules! at_least {
    ($($(#[$doc:meta])* $name:ident $role:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub Technician);

        impl FromRequestParts<App> for $name {
            type Rejection = ApiError;
            async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
                Technician::from_request_parts(parts, app).await?.at_least(Role::$role).map(Self)
            }
        }
    )+};
}

at_least! {
    /// Somebody who may work tickets.
    Worker Technician;
    /// Somebody who may manage clients, devices and people.
    Admin Admin;
}

/// Signs somebody in: a new session, whatever the browser carried before.
///
/// # Errors
/// Where the database fails.
pub async fn sign_in(
    app: &App,
    tx: &mut Tx,
    technician: TechnicianId,
    now: Millis,
) -> sqlx::Result<(Cookie<'static>, String)> {
    let (value, csrf) = (secrets::random_text(), secrets::random_text());
    let session =
        Session { technician_id: crate::db::Text(technician), csrf: csrf.clone(), expires_at: now + LIFETIME };
    sessions::insert(tx, &secrets::sha256(&value), &session, now).await?;
    Ok((cookie(app, value), csrf))
}

/// The session's cookie. It ends with the browser, or [`LIFETIME`] after its last use.
#[must_use]
pub fn cookie(app: &App, value: String) -> Cookie<'static> {
    Cookie::build((COOKIE, value))
        .path(app.public_url.path().to_owned())
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.public_url.scheme() == "https")
        .build()
}
