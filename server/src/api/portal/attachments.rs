//! Files of a ticket from the page, in pieces that can resume.

use axum::extract::State;
use deskbell_protocol::{error::ErrorBody, id::AttachmentId, sync::UploadProgress};

use crate::{
    App,
    api::agent::attachments::{Offset, progress_of, take_piece},
    auth::portal::PortalPage,
    error::ApiResult,
    extract::{Bytes, Json, Path, Query},
};

/// Stores the piece that begins at `offset`. The answer comes when it is flushed to disk.
#[utoipa::path(put, path = "/api/portal/v1/attachments/{id}", tag = "portal",
    params(("id" = AttachmentId, Path), Offset),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses(
    (status = 200, body = UploadProgress), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 422, body = ErrorBody),
))]
pub async fn upload(
    State(app): State<App>,
    Path(id): Path<AttachmentId>,
    page: PortalPage,
    Query(offset): Query<Offset>,
    Bytes(piece): Bytes,
) -> ApiResult<Json<UploadProgress>> {
    take_piece(app, page.installation, id, offset.offset, piece).await.map(Json)
}

/// How much of a file is stored.
#[utoipa::path(get, path = "/api/portal/v1/attachments/{id}", tag = "portal", params(("id" = AttachmentId, Path)),
    responses((status = 200, body = UploadProgress), (status = 404, body = ErrorBody)))]
pub async fn progress(
    State(app): State<App>,
    Path(id): Path<AttachmentId>,
    page: PortalPage,
) -> ApiResult<Json<UploadProgress>> {
    progress_of(&app, &page.installation, id).await.map(Json)
}
