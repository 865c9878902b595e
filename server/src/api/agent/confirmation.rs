//! The one-time proof that the person at an installation reads the mailbox they name.

use axum::{extract::State, http::StatusCode};
use deskbell_protocol::{
    Millis,
    device::{AskToken, Confirm, Confirmation, TokenSent},
    error::{ErrorBody, ErrorCode},
    id::{ClientId, RequesterId},
    limits::{EMAIL_BYTES, NAME_CHARS, TOKEN_LIFETIME, TOKEN_TRIES, TOKENS_PER_HOUR},
    secret::normalize_token,
};
use serde_json::json;

use super::state;
use crate::{
    App, auth,
    auth::device::EnabledDevice,
    clock,
    db::{
        Text, Tx, attempts,
        challenges::{self, Challenge},
        clients,
        history::{self, Actor},
        installations::{self, Installation},
        jobs, live_events,
        live_events::{Concerned, ConsoleEvent},
        requesters,
    },
    error::{ApiError, ApiResult},
    extract::Json,
    mail::{self, Mail, MailKind},
    secrets,
};

/// Sends a token to an address. The answer is the same whether or not the address is known.
#[utoipa::path(post, path = "/api/agent/v1/confirmation/token", tag = "agent", request_body = AskToken, responses(
    (status = 200, body = TokenSent),
    (status = 422, body = ErrorBody, description = "The name or address is none, or of a foreign domain."),
    (status = 429, body = ErrorBody),
))]
pub async fn ask(State(app): State<App>, device: EnabledDevice) -> ApiResult<Json<TokenSent>> {
    let ask: AskToken = device.signed.json()?;
    let mut tx = app.db.write().await?;
    device.signed.spend_nonce(&mut tx).await?;
    let installation = auth::device::accepted(&mut tx, &device.signed.params.key_id).await?;
    ask_at(&app, tx, &installation, &ask).await.map(Json)
}

/// Sends a token for this installation, and commits.
pub(in crate::api) async fn ask_at(
    app: &App,
    mut tx: Tx,
    installation: &Installation,
    ask: &AskToken,
) -> ApiResult<TokenSent> {
    let name = name(&ask.name)?;
    let email = email(&ask.email)?;
    let now = app.now();
    domain_fits(&mut tx, installation.client_id.0, &email).await?;
    for bucket in [format!("token address {email}"), format!("token installation {}", *installation.id)] {
        if let Err(until) = attempts::take(&mut tx, &bucket, i64::from(TOKENS_PER_HOUR), now).await? {
            return Err(ApiError::too_many(u64::try_from((until - now) / 1000 + 1).unwrap_or(1)));
        }
    }
    let id = clock::new_id(now);
    // Somebody whose access has ended gets the same answer after the same queries, and no mail.
    let known = requesters::by_email(&mut tx, installation.client_id.0, &email).await?;
    let challenge = Challenge {
        id: Text(id),
        installation_id: installation.id,
        client_id: installation.client_id,
        token_hmac: token_hmac(app, installation, &email, &mail::token(&app.secret, id)),
        email: email.clone(),
        name: name.clone(),
        language: Text(ask.language),
        deliverable: known.is_none_or(|requester| requester.deactivated_at.is_none()),
        tries_left: i64::from(TOKEN_TRIES),
        expires_at: now + TOKEN_LIFETIME,
        created_at: now,
    };
    challenges::insert(&mut tx, &challenge).await?;
    let mail = Mail {
        to: email,
        to_name: name,
        language: ask.language,
        organization: installation.organization_name.clone().unwrap_or_default(),
        kind: MailKind::Token {
            challenge: id,
            installation: installation.id.0,
            device: installation.device_name.clone(),
        },
    };
    let payload = serde_json::to_string(&mail).map_err(|error| ApiError::internal(&error))?;
    jobs::insert(&mut tx, clock::new_id(now), mail.kind.name(), &payload, now).await?;
    let (id, client) = (installation.device_id.0, installation.client_id.0);
    live_events::to_consoles(&mut tx, &ConsoleEvent::Device { id, client }, now).await?;
    deskbell_protocol::crash_point!("token.commit.before");
    tx.commit().await?;
    deskbell_protocol::crash_point!("token.commit.after");
    app.committed();
    Ok(TokenSent { expires_at: challenge.expires_at, tries_left: TOKEN_TRIES })
}

/// The token, as typed. It is spent with the first one that fits.
#[utoipa::path(post, path = "/api/agent/v1/confirmation", tag = "agent", request_body = Confirm, responses(
    (status = 200, body = Confirmation),
    (status = 422, body = ErrorBody, description = "The token is wrong (`tries_left`), expired, or none waits."),
))]
pub async fn confirm(State(app): State<App>, device: EnabledDevice) -> ApiResult<Json<Confirmation>> {
    let typed: Confirm = device.signed.json()?;
    let mut tx = app.db.write().await?;
    device.signed.spend_nonce(&mut tx).await?;
    let installation = auth::device::accepted(&mut tx, &device.signed.params.key_id).await?;
    let (tx, confirmation) = confirm_at(&app, tx, &installation, &typed).await?;
    deskbell_protocol::crash_point!("person.commit.before");
    tx.commit().await?;
    deskbell_protocol::crash_point!("person.commit.after");
    app.committed();
    Ok(Json(confirmation))
}

/// Spends the token that waits at this installation. A wrong one is counted and committed; what a
/// right one does is the caller's to commit.
pub(in crate::api) async fn confirm_at(
    app: &App,
    mut tx: Tx,
    installation: &Installation,
    typed: &Confirm,
) -> ApiResult<(Tx, Confirmation)> {
    let now = app.now();
    let missing = || ApiError::unprocessable(ErrorCode::TokenMissing, "no token waits here; ask for one");
    let challenge = challenges::waiting(&mut tx, installation.id.0).await?.ok_or_else(missing)?;
    if challenge.expires_at <= now {
        return Err(ApiError::unprocessable(ErrorCode::TokenExpired, "the token has expired; ask for another"));
    }
    // The try counts whatever comes of it, and is written before the comparison.
    let left = challenges::take_try(&mut tx, challenge.id.0).await?.ok_or_else(missing)?;
    let known = requesters::by_email(&mut tx, challenge.client_id.0, &challenge.email).await?;
    let fits = normalize_token(&typed.token).is_some_and(|token| {
        secrets::same(&token_hmac(app, installation, &challenge.email, &token), &challenge.token_hmac)
    });
    let ended = known.is_some_and(|requester| requester.deactivated_at.is_some());
    if !fits || ended || challenge.client_id != installation.client_id {
        if left == 0 {
            challenges::spend(&mut tx, challenge.id.0, now).await?;
        }
        tx.commit().await?;
        return Err(ApiError::unprocessable(ErrorCode::TokenWrong, "the token is wrong")
            .with(|details| details.tries_left = u32::try_from(left).ok()));
    }
    challenges::spend(&mut tx, challenge.id.0, now).await?;
    let confirmation = confirmed(&mut tx, installation, &challenge, now).await?;
    Ok((tx, confirmation))
}

async fn confirmed(
    tx: &mut Tx,
    installation: &Installation,
    challenge: &Challenge,
    now: Millis,
) -> ApiResult<Confirmation> {
    let new = RequesterId(clock::new_id(now));
    let client = installation.client_id.0;
    let requester =
        requesters::confirm(tx, new, client, &challenge.email, &challenge.name, challenge.language.0, now).await?;
    installations::set_confirmed(tx, installation.id.0, requester, None, now).await?;
    live_events::state_changed(tx, Concerned::Installation(installation.id.0), now).await?;
    let entry = history::Entry {
        id: clock::new_id(now),
        at: now,
        actor: &Actor::Requester { id: requester.to_string(), name: challenge.name.clone() },
        action: "person.confirmed",
        client: Some(client),
        device: Some(installation.device_id.0),
        ticket: None,
        detail: json!({ "person": challenge.name, "installation": installation.id.0 }),
    };
    history::add(tx, entry).await?;
    live_events::to_consoles(tx, &ConsoleEvent::Device { id: installation.device_id.0, client }, now).await?;
    let installation = auth::device::accepted(tx, &installation.public_key).await?;
    state::confirmation(&installation).ok_or_else(ApiError::not_found)
}

/// *Not you?* Ends the confirmation at this installation. What is queued there waits for its author.
#[utoipa::path(delete, path = "/api/agent/v1/confirmation", tag = "agent", responses((status = 204)))]
pub async fn forget(State(app): State<App>, device: EnabledDevice) -> ApiResult<StatusCode> {
    let mut tx = app.db.write().await?;
    device.signed.spend_nonce(&mut tx).await?;
    let installation = auth::device::accepted(&mut tx, &device.signed.params.key_id).await?;
    forget_at(&mut tx, &installation, app.now()).await?;
    tx.commit().await?;
    app.committed();
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the confirmation at this installation.
pub(in crate::api) async fn forget_at(tx: &mut Tx, installation: &Installation, now: Millis) -> ApiResult<()> {
    challenges::spend_of(tx, installation.id.0, now).await?;
    installations::end_confirmation(tx, installation.id.0).await?;
    live_events::state_changed(tx, Concerned::Installation(installation.id.0), now).await?;
    let (id, client) = (installation.device_id.0, installation.client_id.0);
    let actor = match (installation.requester_id, &installation.requester_name) {
        (Some(id), Some(name)) => Actor::Requester { id: id.to_string(), name: name.clone() },
        _ => Actor::Device { id, name: installation.device_name.clone() },
    };
    let entry = history::Entry {
        id: clock::new_id(now),
        at: now,
        actor: &actor,
        action: "person.forgotten",
        client: Some(client),
        device: Some(id),
        ticket: None,
        detail: json!({ "os_user": installation.os_user }),
    };
    history::add(tx, entry).await?;
    live_events::to_consoles(tx, &ConsoleEvent::Device { id, client }, now).await?;
    Ok(())
}

fn token_hmac(app: &App, installation: &Installation, email: &str, token: &str) -> String {
    secrets::hmac(&app.secret, &["confirmation", &installation.id.to_string(), email, token])
}

/// A person's name, without white space around it.
///
/// # Errors
/// Where it is missing or too long.
pub fn name(typed: &str) -> ApiResult<String> {
    let name = typed.trim();
    if name.is_empty() {
        return Err(ApiError::field(ErrorCode::NameMissing, "name", NAME_CHARS));
    }
    if name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        return Err(ApiError::field(ErrorCode::NameTooLong, "name", NAME_CHARS));
    }
    Ok(name.to_owned())
}

/// An e-mail address in lower case.
///
/// # Errors
/// Where it is none.
pub fn email(typed: &str) -> ApiResult<String> {
    let email = typed.trim().to_lowercase();
    if email.len() > EMAIL_BYTES || email.parse::<lettre::Address>().is_err() || !email.contains('.') {
        return Err(ApiError::field(ErrorCode::EmailInvalid, "email", EMAIL_BYTES));
    }
    Ok(email)
}

/// The address has to be of one of the client's domains, where it has any; those are told.
pub(in crate::api) async fn domain_fits(tx: &mut Tx, client: ClientId, email: &str) -> ApiResult<()> {
    let domains = clients::domains(tx, client).await?;
    let domain = email.rsplit('@').next().unwrap_or_default();
    if domains.is_empty() || domains.iter().any(|own| own == domain) {
        return Ok(());
    }
    Err(ApiError::unprocessable(ErrorCode::DomainForeign, "the address is not of this client's domains")
        .with(|details| details.domains = domains))
}
