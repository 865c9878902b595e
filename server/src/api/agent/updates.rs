//! `GET /api/agent/v1/updates/…`: what is newer, and the file itself, for agents that update themselves.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use deskbell_protocol::{
    error::{ErrorBody, ErrorCode},
    update::{UpdateOffer, UpdateRing},
};
use futures::StreamExt;
use semver::Version;
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use crate::{
    App,
    auth::device::Device,
    clock,
    error::{ApiError, ApiResult},
    extract::{Json, Path, Query},
    updates::{Found, Release},
};

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;
/// Seconds after which an agent asks again for a file that too many others are getting.
const RETRY_AFTER: u64 = 30;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Running {
    /// The version that the agent is.
    #[serde(default)]
    current: String,
    /// `stable` or `early`.
    #[serde(default)]
    ring: String,
    /// The ids of the keys whose signatures it takes, with commas between them.
    #[serde(default)]
    keys: String,
}

/// What is newer than what this agent runs; 204 where nothing is.
#[utoipa::path(get, path = "/api/agent/v1/updates/{platform}", tag = "agent",
    params(("platform" = String, Path, description = "System and processor, for example `linux-x86_64`."), Running),
    responses((status = 200, body = UpdateOffer), (status = 204),
        (status = 422, body = ErrorBody, description = "`current` is no version, or `ring` none.")))]
pub async fn offer(
    State(app): State<App>,
    Path(platform): Path<String>,
    Query(running): Query<Running>,
    _device: Device,
) -> ApiResult<Response> {
    let current = Version::parse(&running.current)
        .map_err(|error| ApiError::unprocessable(ErrorCode::Malformed, format!("current is no version: {error}")))?;
    let ring = ring_of(&running.ring)?;
    let keys: Vec<&str> = running.keys.split(',').collect();
    let found = found(&app).await?;
    Ok(match found.offer(&platform, ring, &current, &keys) {
        Some(release) => Json(view(release)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// The file of an update. What is asked for is looked up among what the folder was found to hold; no
/// path is made of it.
#[utoipa::path(get, path = "/api/agent/v1/updates/{platform}/{ring}/{version}", tag = "agent",
    params(("platform" = String, Path), ("ring" = UpdateRing, Path), ("version" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = ErrorBody),
        (status = 429, body = ErrorBody, description = "Too many are getting one; `retry_after` says when to ask again.")))]
pub async fn file(
    State(app): State<App>,
    Path((platform, ring, version)): Path<(String, String, String)>,
    _device: Device,
) -> ApiResult<Response> {
    let ring = ring_of(&ring).map_err(|_| ApiError::not_found())?;
    let found = found(&app).await?;
    let release = found.get(&platform, ring, &version).ok_or_else(ApiError::not_found)?;
    let place = app.updates.download().ok_or_else(busy)?;
    let file = tokio::fs::File::open(&release.file).await.map_err(|error| ApiError::internal(&error))?;
    // The place is free again when the last byte is sent, or nobody wants it any more.
    let bytes = ReaderStream::with_capacity(file, PIECE).map(move |piece| {
        let _held = &place;
        piece
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, release.size.to_string()),
    ];
    Ok((headers, Body::from_stream(bytes)).into_response())
}

/// Those who were turned away come back at different moments.
fn busy() -> ApiError {
    let [chance] = clock::random::<1>();
    let wait = RETRY_AFTER + u64::from(chance) % RETRY_AFTER;
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TooManyRequests,
        "too many are getting an update; ask later",
    )
    .with(|details| details.retry_after = Some(wait))
}

fn ring_of(text: &str) -> ApiResult<UpdateRing> {
    text.parse().map_err(|error| ApiError::unprocessable(ErrorCode::Malformed, format!("ring: {error}")))
}

fn view(release: &Release) -> UpdateOffer {
    UpdateOffer {
        version: release.version.to_string(),
        ring: release.ring,
        size: release.size,
        signature: release.signature.clone(),
    }
}

/// What the updates' folder holds.
///
/// # Errors
/// Where the look at it fell over.
pub(crate) async fn found(app: &App) -> ApiResult<Arc<Found>> {
    let (app, now) = (app.clone(), app.now());
    let looked = tokio::task::spawn_blocking(move || app.updates.found(now)).await;
    looked.map_err(|error| ApiError::internal(&error))
}
