//! Every address of the server, in one list.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use deskbell_protocol::limits::{BODY_BYTES, PIECE_BYTES};
use tower_http::{
    CompressionLevel, compression::CompressionLayer, set_header::SetResponseHeaderLayer,
    timeout::RequestBodyTimeoutLayer, trace::TraceLayer,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    api::{agent, console, health, portal, setup},
    describe,
    error::ApiError,
    pages,
};

/// How long a body may keep us waiting for its next part.
const BODY_PAUSE: Duration = Duration::from_secs(30);

/// What is said of the whole, and types that only queries name.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(crate::db::tickets::View, console::devices::AgentFilter)))]
struct Whole;

/// What is documented in `/openapi.json`, with [`live`].
fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(<Whole as utoipa::OpenApi>::openapi())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(setup::open, setup::set_up))
        .merge(for_agents())
        .merge(for_portals())
        .merge(for_consoles())
}

fn for_agents() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(agent::hello::hello))
        .routes(routes!(agent::enrol::enrol))
        .routes(routes!(agent::sync::sync))
        .routes(routes!(agent::state::state))
        .routes(routes!(agent::tickets::ticket))
        .routes(routes!(agent::attachments::upload, agent::attachments::progress))
        .routes(routes!(agent::attachments::content))
        .routes(routes!(agent::updates::offer))
        .routes(routes!(agent::updates::file))
        .routes(routes!(agent::confirmation::ask))
        .routes(routes!(agent::confirmation::confirm, agent::confirmation::forget))
        .routes(routes!(agent::handover::ask))
}

fn for_portals() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(portal::session::trade, portal::session::current, portal::session::end))
        .routes(routes!(portal::confirmation::ask))
        .routes(routes!(portal::confirmation::confirm, portal::confirmation::forget))
        .routes(routes!(portal::tickets::create))
        .routes(routes!(portal::attachments::upload, portal::attachments::progress))
}

fn for_consoles() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(console::session::sign_in, console::session::current, console::session::sign_out))
        .routes(routes!(console::session::technicians))
        .routes(routes!(console::session::change_me))
        .routes(routes!(console::overview::get))
        .routes(routes!(console::clients::list, console::clients::create))
        .routes(routes!(console::clients::get, console::clients::change))
        .routes(routes!(console::enrolment_keys::list, console::enrolment_keys::create))
        .routes(routes!(console::enrolment_keys::revoke))
        .routes(routes!(console::people::list))
        .routes(routes!(console::people::deactivate))
        .routes(routes!(console::people::reactivate))
        .routes(routes!(console::history::of_client))
        .routes(routes!(console::history::of_device))
        .routes(routes!(console::devices::list))
        .routes(routes!(console::devices::get, console::devices::rename, console::devices::remove))
        .routes(routes!(console::devices::tickets))
        .routes(routes!(console::devices::move_to))
        .routes(routes!(console::enablement::device))
        .routes(routes!(console::enablement::bulk))
        .routes(routes!(console::enablement::rehearse))
        .routes(routes!(console::enablement::client))
        .routes(routes!(console::enablement::rehearse_client))
        .routes(routes!(console::enablement::organization))
        .routes(routes!(console::agent_settings::of_client, console::agent_settings::set_for_client))
        .routes(routes!(console::agent_settings::of_organization, console::agent_settings::set_for_organization))
        .routes(routes!(console::installations::set_registration))
        .routes(routes!(console::installations::vouch))
        .routes(routes!(console::tickets::list))
        .routes(routes!(console::tickets::get, console::tickets::change))
        .routes(routes!(console::tickets::add_message))
        .routes(routes!(console::attachments::content))
        .routes(routes!(console::mail::list))
        .routes(routes!(console::mail::retry))
}

/// Answers that do not end, and of which thousands are open. What compresses an answer takes kilobytes for each of
/// them, also where it leaves it as it is, so that these are apart.
fn live() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(agent::live::live)).routes(routes!(console::live::live))
}

/// The description of the API, as `/openapi.json` serves it.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut description = documented().merge(live()).into_openapi();
    description.info.title = "Deskbell".to_owned();
    description.info.version = env!("CARGO_PKG_VERSION").to_owned();
    description.info.description =
        Some("What agents and the console call. Ids are UUIDs, times are milliseconds since 1970.".to_owned());
    describe::complete(&mut description);
    description
}

/// All of it, with limits, headers and a log line for each request.
pub fn router(app: App) -> Router {
    let description = openapi();
    let base = app.public_url.path().trim_end_matches('/').to_owned();
    let api = Router::from(documented())
        .route("/openapi.json", get(async move || axum::Json(description.clone())))
        .route("/api/{*rest}", axum::routing::any(async || ApiError::not_found()))
        .fallback(pages::serve)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .merge(Router::from(live()))
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                deskbell_protocol::error::ErrorCode::NotFound,
                "this address does not take this method",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES.max(PIECE_BYTES)))
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(axum::middleware::from_fn(never_cached))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .with_state(app);
    if base.is_empty() { api } else { Router::new().nest(&base, api) }
}

fn header(name: axum::http::HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Answers of the API are for whoever asked, now.
async fn never_cached(request: Request, next: axum::middleware::Next) -> Response {
    let api = request.uri().path().contains("/api/");
    let mut response = next.run(request).await;
    if api && !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response.into_response()
}

/// A request in the log: its method and the pattern it matched, without ids, names or addresses.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("page", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_openapi_3_1_and_names_every_error() {
        let description = serde_json::to_value(openapi()).unwrap();
        assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
        assert!(description["components"]["schemas"]["ErrorBody"].is_object());
        assert!(description["paths"]["/api/console/v1/tickets/{id}"]["patch"].is_object());
    }

    #[test]
    fn the_committed_description_is_this_one() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let current = openapi().to_pretty_json().unwrap() + "\n";
        if std::env::var_os("DESKBELL_CODEGEN").is_some() {
            std::fs::write(file, &current).unwrap();
        }
        let committed = std::fs::read_to_string(file).unwrap();
        assert!(committed == current, "server/openapi.json is stale; run `cargo xtask codegen`");
    }
}
