//! `POST /api/agent/v1/handover`: a link that opens the ticket form in a browser, for computers on
//! which the agent can show no window.

use axum::extract::State;
use deskbell_protocol::{
    error::ErrorBody,
    handover::{AskHandover, Handover, HandoverPage},
    limits::{HANDOVER_LIFETIME, HANDOVERS_PER_HOUR},
};
use url::Url;

use crate::{
    App, auth,
    auth::device::EnabledDevice,
    db::{attempts, handovers},
    error::{ApiError, ApiResult},
    extract::Json,
    secrets,
};

/// Makes a link that opens one page, once, within a minute. Nobody has to be confirmed: the page asks.
#[utoipa::path(post, path = "/api/agent/v1/handover", tag = "agent", request_body = AskHandover, responses(
    (status = 200, body = Handover),
    (status = 403, body = ErrorBody, description = "The device is not accepted, or the agent not enabled there."),
    (status = 429, body = ErrorBody),
))]
pub async fn ask(State(app): State<App>, device: EnabledDevice) -> ApiResult<Json<Handover>> {
    let ask: AskHandover = device.signed.json()?;
    let now = app.now();
    let mut tx = app.db.write().await?;
    device.signed.spend_nonce(&mut tx).await?;
    let installation = auth::device::accepted(&mut tx, &device.signed.params.key_id).await?;
    let installation = auth::device::enabled(installation)?;
    let bucket = format!("handover {}", *installation.id);
    if let Err(until) = attempts::take(&mut tx, &bucket, i64::from(HANDOVERS_PER_HOUR), now).await? {
        return Err(ApiError::too_many(u64::try_from((until - now) / 1000 + 1).unwrap_or(1)));
    }
    let secret = secrets::random_text();
    let expires_at = now + HANDOVER_LIFETIME;
    handovers::insert(&mut tx, &secrets::sha256(&secret), installation.id.0, expires_at, now).await?;
    tx.commit().await?;
    Ok(Json(Handover { url: link(&app.public_url, ask.page, &secret).into(), expires_at }))
}

/// The secret stands behind the `#`: no server, proxy or log gets to see it, and no page that is left.
fn link(public_url: &Url, page: HandoverPage, secret: &str) -> Url {
    let mut url = public_url.clone();
    let path = match page {
        HandoverPage::NewTicket => "new",
        HandoverPage::Settings => "settings",
    };
    url.set_path(&format!("{}/portal/{path}", public_url.path().trim_end_matches('/')));
    url.set_fragment(Some(secret));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_below_the_public_address_and_keeps_its_secret_from_servers() {
        let public = "https://help.example.org/".parse().unwrap();
        let url = link(&public, HandoverPage::NewTicket, "s3cret");
        assert_eq!(url.as_str(), "https://help.example.org/portal/new#s3cret");
        assert_eq!((url.query(), url.fragment()), (None, Some("s3cret")), "only a fragment stays in the browser");
    }
}
