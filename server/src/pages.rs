//! The console's pages and the ticket form for browsers, which the build put into this program.

use axum::{
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../ui/dist/console"]
struct Console;

/// Where the interface was built before there was such a page, the page says what is to be done.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../ui/dist/portal"]
#[allow_missing = true]
struct Portal;

/// Nothing from elsewhere, nothing inline; styles that scripts set are not inline.
const POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; \
    frame-ancestors 'none'; form-action 'self'";
const INDEX: &str = "index.html";

/// A file of the console or of the ticket form; for every other address the page itself, which looks at
/// its address.
pub(crate) async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    match path.strip_prefix("portal") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => file_of::<Portal>(rest.trim_start_matches('/')),
        _ => file_of::<Console>(path),
    }
}

fn file_of<Pages: RustEmbed>(path: &str) -> Response {
    match Pages::get(path) {
        Some(file) => with_type(path, file),
        // A script that is not there any more has to be an error, not a page.
        None if path.starts_with("assets/") => StatusCode::NOT_FOUND.into_response(),
        None => match Pages::get(INDEX) {
            Some(file) => with_type(INDEX, file),
            None => (
                StatusCode::NOT_FOUND,
                "This page is not part of this build: run `npm run build` in ui, then build the server again.",
            )
                .into_response(),
        },
    }
}

fn with_type(path: &str, file: rust_embed::EmbeddedFile) -> Response {
    let content_type = mime_guess::from_path(path).first_or_octet_stream();
    // What the build names by its content never changes.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = file.data.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(value) = HeaderValue::from_str(content_type.as_ref()) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    response
}
