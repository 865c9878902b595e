//! Files, in pieces that can resume.

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use deskbell_protocol::{
    error::{ErrorBody, ErrorCode},
    id::AttachmentId,
    limits::PIECE_BYTES,
    sync::UploadProgress,
    ticket::AttachmentRole,
};
use serde::Deserialize;

use crate::{
    App,
    auth::device::{ConfirmedPerson, EnabledDevice},
    blobs,
    db::{
        Scope, Tx,
        attachments::{self, AttachmentRow},
        installations::Installation,
        live_events::{self, ConsoleEvent},
    },
    error::{ApiError, ApiResult},
    extract::{Json, Path, Query},
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct Offset {
    /// Where the piece begins: what [`UploadProgress::received`] said.
    pub(in crate::api) offset: u64,
}

/// Stores the piece that begins at `offset`. The answer comes when it is flushed to disk.
#[utoipa::path(put, path = "/api/agent/v1/attachments/{id}", tag = "agent",
    params(("id" = AttachmentId, Path), Offset),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses(
    (status = 200, body = UploadProgress),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "The stored part ends elsewhere; `received` says where."),
    (status = 422, body = ErrorBody, description = "The bytes are not the announced ones; the upload starts again."),
))]
pub async fn upload(
    State(app): State<App>,
    Path(id): Path<AttachmentId>,
    Query(Offset { offset }): Query<Offset>,
    device: EnabledDevice,
) -> ApiResult<Json<UploadProgress>> {
    take_piece(app, device.installation, id, offset, device.signed.body).await.map(Json)
}

/// A piece of a file that this installation may send.
pub(in crate::api) async fn take_piece(
    app: App,
    installation: Installation,
    id: AttachmentId,
    offset: u64,
    piece: Bytes,
) -> ApiResult<UploadProgress> {
    if piece.is_empty() {
        return Err(ApiError::malformed("a piece is empty"));
    }
    if piece.len() > PIECE_BYTES {
        let why = "a piece is too large";
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BodyTooLarge, why)
            .with(|details| details.limit = Some(PIECE_BYTES as u64)));
    }
    // It ends what it began even where the client hangs up: half a piece must not be cut off by the next.
    let stored = tokio::spawn(async move { store(&app, &installation, id, offset, &piece).await });
    stored.await.map_err(|error| ApiError::internal(&error))?
}

/// One piece of a file at a time: what it writes is on the disk before the database says so.
async fn store(
    app: &App,
    installation: &Installation,
    id: AttachmentId,
    offset: u64,
    piece: &Bytes,
) -> ApiResult<UploadProgress> {
    let _turn = app.uploads.turn(id).await;
    let _turn_of_this_server = app.db.exclusive(&format!("attachment {id}")).await?;
    let mut tx = app.db.look().await?;
    let file = own(&mut tx, installation, id).await?;
    drop(tx);
    let (size, received) = (unsigned(file.size), unsigned(file.received));
    if file.completed_at.is_some() {
        return Ok(UploadProgress { id, received: size, complete: true });
    }
    if offset != received || offset + piece.len() as u64 > size {
        return Err(elsewhere(received));
    }
    let (blobs, bytes) = (app.blobs.clone(), piece.clone());
    if !blocking(move || blobs.write_piece(id, offset, &bytes)).await? {
        let mut tx = app.db.write().await?;
        attachments::set_received(&mut tx, id, 0).await?;
        tx.commit().await?;
        return Err(elsewhere(0));
    }
    let end = offset + piece.len() as u64;
    let content_type = if end == size { Some(examine(app, &file).await?) } else { None };
    let now = app.now();
    let mut tx = app.db.write().await?;
    let stored = match content_type {
        None => UploadProgress { id, received: end, complete: false },
        Some(Some(content_type)) => {
            attachments::complete(&mut tx, &file, content_type, now).await?;
            let (ticket, client) = (file.ticket_id.0, file.client_id.0);
            live_events::to_consoles(&mut tx, &ConsoleEvent::Ticket { id: ticket, client }, now).await?;
            UploadProgress { id, received: size, complete: true }
        }
        Some(None) => UploadProgress { id, received: 0, complete: false },
    };
    if !stored.complete {
        attachments::set_received(&mut tx, id, i64::try_from(stored.received).unwrap_or(i64::MAX)).await?;
    }
    deskbell_protocol::crash_point!("piece.row.before");
    tx.commit().await?;
    deskbell_protocol::crash_point!("piece.row.after");
    app.committed();
    if content_type == Some(None) {
        return Err(ApiError::unprocessable(
            ErrorCode::FileHashMismatch,
            "the bytes that arrived are not the announced ones; send them again",
        )
        .with(|details| details.received = Some(0)));
    }
    Ok(stored)
}

fn elsewhere(received: u64) -> ApiError {
    ApiError::conflict(ErrorCode::FileOffsetWrong, "the stored part ends elsewhere")
        .with(|details| details.received = Some(received))
}

/// The type of a whole file, which lies in its place then; nothing where its bytes are not the
/// announced ones, and then the upload starts again.
async fn examine(app: &App, file: &AttachmentRow) -> ApiResult<Option<&'static str>> {
    let (id, blobs) = (file.id.0, app.blobs.clone());
    let (hash, head) = blocking(move || blobs.examine(id)).await?;
    let content_type = blobs::content_type(&head);
    let picture = file.role.0 != AttachmentRole::Screenshot || content_type == "image/png";
    let blobs = app.blobs.clone();
    if hash != file.sha256 || !picture {
        blocking(move || blobs.discard_part(id)).await?;
        return Ok(None);
    }
    blocking(move || blobs.finish(id)).await?;
    Ok(Some(content_type))
}

/// How much of a file is stored.
#[utoipa::path(get, path = "/api/agent/v1/attachments/{id}", tag = "agent", params(("id" = AttachmentId, Path)), responses(
    (status = 200, body = UploadProgress), (status = 404, body = ErrorBody),
))]
pub async fn progress(
    State(app): State<App>,
    Path(id): Path<AttachmentId>,
    device: EnabledDevice,
) -> ApiResult<Json<UploadProgress>> {
    progress_of(&app, &device.installation, id).await.map(Json)
}

pub(in crate::api) async fn progress_of(
    app: &App,
    installation: &Installation,
    id: AttachmentId,
) -> ApiResult<UploadProgress> {
    let mut tx = app.db.look().await?;
    let file = own(&mut tx, installation, id).await?;
    Ok(UploadProgress { id, received: unsigned(file.received), complete: file.completed_at.is_some() })
}

/// The content of a file in one of the requester's own tickets.
#[utoipa::path(get, path = "/api/agent/v1/attachments/{id}/content", tag = "agent", params(("id" = AttachmentId, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = ErrorBody)))]
pub async fn content(
    State(app): State<App>,
    Path(id): Path<AttachmentId>,
    person: ConfirmedPerson,
) -> ApiResult<Response> {
    let mut tx = app.db.look().await?;
    let file = attachments::find_of_requester(&mut tx, person.requester, id).await?;
    let file = file.filter(|file| file.completed_at.is_some()).ok_or_else(ApiError::not_found)?;
    let stored = tokio::fs::File::open(app.blobs.path(id)).await.map_err(|error| ApiError::internal(&error))?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, file.size.to_string()),
    ];
    Ok((headers, Body::from_stream(tokio_util::io::ReaderStream::new(stored))).into_response())
}

/// A file that this installation announced, or that belongs to a ticket of the person who is
/// confirmed here: a device that enrolled again goes on where it stopped. Anybody else's is missing.
async fn own(tx: &mut Tx, installation: &Installation, id: AttachmentId) -> ApiResult<AttachmentRow> {
    let announced = attachments::find(tx, Scope::Client(installation.client_id.0), id)
        .await?
        .filter(|file| file.installation_id == Some(installation.id));
    let found = match (announced, installation.requester_id) {
        (None, Some(requester)) => attachments::find_of_requester(tx, requester.0, id).await?,
        (announced, _) => announced,
    };
    found.ok_or_else(ApiError::not_found)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> ApiResult<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(&error))?;
    done.map_err(|error| match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ApiError::new(
            StatusCode::INSUFFICIENT_STORAGE,
            ErrorCode::StorageFull,
            "the server's disk is full; nothing was stored",
        ),
        _ => ApiError::internal(&error),
    })
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
