//! Signing in and out, and who is signed in.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use axum_extra::extract::cookie::CookieJar;
use deskbell_protocol::{
    error::{ErrorBody, ErrorCode},
    id::TechnicianId,
    limits::EMAIL_BYTES,
    ticket::Language,
};
use serde::{Deserialize, Serialize};

use crate::{
    App,
    auth::technician::{self, Technician},
    db::{
        Tx, attempts, jobs, organization, sessions,
        technicians::{self, Role},
    },
    error::{ApiError, ApiResult},
    extract::Json,
    mail::Mailer,
    secrets::{self, PASSWORD_BYTES, PASSWORD_CHARS},
};

/// Sign-ins that may fail within an hour, for one address.
const FAILURES: i64 = 10;

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SessionInfo {
    pub technician: TechnicianView,
    pub organization: String,
    /// To be sent as `x-csrf-token` with everything that changes something.
    pub csrf: String,
    pub notices: Vec<Notice>,
    pub version: String,
    pub public_url: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TechnicianView {
    pub id: TechnicianId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub language: Language,
}

/// What an administrator should know.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Notice {
    /// No SMTP server is configured: mails are files in this folder.
    MailInFolder { path: String },
    /// So many mails could not be sent.
    MailFailing { count: i64 },
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct SignIn {
    email: String,
    password: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct Me {
    language: Language,
}

impl From<&technicians::Technician> for TechnicianView {
    fn from(row: &technicians::Technician) -> Self {
        Self {
            id: row.id.0,
            name: row.name.clone(),
            email: row.email.clone(),
            role: row.role.0,
            language: row.language.0,
        }
    }
}

pub(in crate::api) async fn info(
    app: &App,
    tx: &mut Tx,
    technician: &technicians::Technician,
    csrf: String,
) -> sqlx::Result<SessionInfo> {
    let organization = organization::find(tx).await?.and_then(|organization| organization.name).unwrap_or_default();
    let mut notices = Vec::new();
    if technician.role.0 >= Role::Admin {
        if let Mailer::Folder { folder, .. } = &app.mailer {
            notices.push(Notice::MailInFolder { path: folder.display().to_string() });
        }
        let count = jobs::failed(tx).await?;
        if count > 0 {
            notices.push(Notice::MailFailing { count });
        }
    }
    Ok(SessionInfo {
        technician: technician.into(),
        organization,
        csrf,
        notices,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        public_url: app.public_url.to_string(),
    })
}

/// A password's hash.
///
/// # Errors
/// `password_too_short`, with the limit.
pub(in crate::api) async fn password(typed: String) -> ApiResult<String> {
    if typed.chars().count() < PASSWORD_CHARS || typed.len() > PASSWORD_BYTES {
        let short =
            format!("the password needs {PASSWORD_CHARS} characters or more, and at most {PASSWORD_BYTES} bytes");
        return Err(ApiError::unprocessable(ErrorCode::PasswordTooShort, short).with(|details| {
            details.field = Some("password".to_owned());
            details.limit = Some(PASSWORD_CHARS as u64);
        }));
    }
    secrets::hash_password(typed).await.map_err(|error| ApiError::internal(&error))
}

/// Signs in with address and password.
#[utoipa::path(post, path = "/api/console/v1/session", tag = "console", request_body = SignIn, responses(
    (status = 200, body = SessionInfo),
    (status = 401, body = ErrorBody, description = "Address or password is wrong; which one is not told."),
    (status = 429, body = ErrorBody),
))]
pub async fn sign_in(
    State(app): State<App>,
    jar: CookieJar,
    Json(typed): Json<SignIn>,
) -> ApiResult<impl IntoResponse> {
    let now = app.now();
    let email = typed.email.trim().to_lowercase();
    if email.len() > EMAIL_BYTES {
        return Err(ApiError::field(ErrorCode::EmailInvalid, "email", EMAIL_BYTES));
    }
    let bucket = format!("sign-in {email}");
    let mut tx = app.db.write().await?;
    // Counted before it is checked, so that attempts made at the same time all count.
    if let Err(until) = attempts::take(&mut tx, &bucket, FAILURES, now).await? {
        return Err(ApiError::too_many(u64::try_from((until - now) / 1000 + 1).unwrap_or(1)));
    }
    let technician = technicians::by_email(&mut tx, &email).await?;
    tx.commit().await?;
    let hash = technician.as_ref().map(|technician| technician.password_hash.clone());
    let fits = typed.password.len() <= PASSWORD_BYTES && secrets::verify_password(typed.password, hash).await;
    let Some(technician) = technician.filter(|_| fits) else {
        return Err(ApiError::unauthorized(ErrorCode::SignInFailed, "the address or the password is wrong"));
    };
    let mut tx = app.db.write().await?;
    attempts::forget(&mut tx, &bucket).await?;
    let (cookie, csrf) = technician::sign_in(&app, &mut tx, technician.id.0, now).await?;
    let info = info(&app, &mut tx, &technician, csrf).await?;
    tx.commit().await?;
    Ok((jar.add(cookie), Json(info)))
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/console/v1/session", tag = "console", responses(
    (status = 200, body = SessionInfo), (status = 401, body = ErrorBody),
))]
pub async fn current(State(app): State<App>, technician: Technician) -> ApiResult<Json<SessionInfo>> {
    let mut tx = app.db.read().await?;
    Ok(Json(info(&app, &mut tx, &technician.row, technician.csrf).await?))
}

/// Signs out.
#[utoipa::path(delete, path = "/api/console/v1/session", tag = "console", responses((status = 204)))]
pub async fn sign_out(
    State(app): State<App>,
    jar: CookieJar,
    technician: Technician,
) -> ApiResult<(CookieJar, StatusCode)> {
    let mut tx = app.db.write().await?;
    sessions::delete(&mut tx, &technician.session_hash).await?;
    tx.commit().await?;
    Ok((jar.remove(technician::cookie(&app, String::new())), StatusCode::NO_CONTENT))
}

/// Changes what belongs to oneself.
#[utoipa::path(patch, path = "/api/console/v1/me", tag = "console", request_body = Me, responses((status = 200, body = TechnicianView)))]
pub async fn change_me(
    State(app): State<App>,
    mut technician: Technician,
    Json(me): Json<Me>,
) -> ApiResult<Json<TechnicianView>> {
    let mut tx = app.db.write().await?;
    technicians::set_language(&mut tx, technician.id(), me.language).await?;
    tx.commit().await?;
    technician.row.language.0 = me.language;
    Ok(Json((&technician.row).into()))
}

/// Everybody who works here.
#[utoipa::path(get, path = "/api/console/v1/technicians", tag = "console", responses((status = 200, body = Vec<TechnicianView>)))]
pub async fn technicians(State(app): State<App>, _: Technician) -> ApiResult<Json<Vec<TechnicianView>>> {
    let mut tx = app.db.look().await?;
    Ok(Json(technicians::all(&mut tx).await?.iter().map(TechnicianView::from).collect()))
}
