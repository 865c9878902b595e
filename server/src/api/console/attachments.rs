//! A ticket's files, for technicians.

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use deskbell_protocol::{error::ErrorBody, id::AttachmentId};
use serde::Deserialize;

use crate::{
    App,
    auth::technician::Technician,
    db::attachments,
    error::{ApiError, ApiResult},
    extract::{Path, Query},
};

/// Pictures that a page may show; the type was found in the content, not believed.
const SHOWN: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Presentation {
    /// `1`: shown in the page where it is a picture, instead of saved.
    inline: Option<String>,
}

/// The content. What is not a picture is always saved, never opened by the browser.
#[utoipa::path(get, path = "/api/console/v1/attachments/{id}", tag = "console",
    params(("id" = AttachmentId, Path), Presentation), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = ErrorBody)))]
pub async fn content(
    State(app): State<App>,
    technician: Technician,
    Path(id): Path<AttachmentId>,
    Query(presentation): Query<Presentation>,
) -> ApiResult<Response> {
    let mut tx = app.db.read().await?;
    let file = attachments::find(&mut tx, technician.scope(), id).await?;
    let file = file.filter(|file| file.completed_at.is_some()).ok_or_else(ApiError::not_found)?;
    drop(tx);
    let stored = tokio::fs::File::open(app.blobs.path(id)).await.map_err(|error| ApiError::internal(&error))?;
    let shown = presentation.inline.is_some() && SHOWN.contains(&file.content_type.as_str());
    let content_type = if shown { file.content_type.as_str() } else { "application/octet-stream" };
    let disposition = if shown { "inline".to_owned() } else { attachment(&file.name) };
    if deskbell_protocol::mutant!("headers.dropped") {
        // A seeded defect: as its name says, and as a page of ours.
        let content_type = [(header::CONTENT_TYPE, "text/html")];
        return Ok((content_type, Body::from_stream(tokio_util::io::ReaderStream::new(stored))).into_response());
    }
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_LENGTH, file.size.to_string()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (header::CACHE_CONTROL, "private, max-age=3600, immutable".to_owned()),
    ];
    Ok((headers, Body::from_stream(tokio_util::io::ReaderStream::new(stored))).into_response())
}

/// `Content-Disposition` with a name of any letters (RFC 8187).
fn attachment(name: &str) -> String {
    let encoded: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_cannot_leave_its_header() {
        assert_eq!(super::attachment("é\"\r\n.pdf"), "attachment; filename*=UTF-8''%C3%A9%22%0D%0A.pdf");
    }
}
