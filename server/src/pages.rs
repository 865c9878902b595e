//! The console's pages and the ticket form for browsers, which the build put into this program.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
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
const ASSETS: &str = "assets/";

/// A file of the console or of the ticket form; for every other address the page itself, which looks at
/// its address.
pub(crate) async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let brotli = takes_brotli(&headers);
    match path.strip_prefix("portal") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            file_of::<Portal>(rest.trim_start_matches('/'), brotli)
        }
        _ => file_of::<Console>(path, brotli),
    }
}

/// Browsers say so over TLS and to this computer itself; over plain HTTP they do not.
fn takes_brotli(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("br") && !parts.any(|weight| matches!(weight.replace(' ', "").as_str(), "q=0" | "q=0.0"))
    })
}

fn file_of<Pages: RustEmbed>(path: &str, brotli: bool) -> Response {
    if let Some(response) = compressed::<Pages>(path, brotli) {
        return response;
    }
    match Pages::get(path) {
        Some(file) => with_type(path, file.data.into_owned()),
        // A script that is not there any more has to be an error, not a page.
        None if path.starts_with(ASSETS) => StatusCode::NOT_FOUND.into_response(),
        None => match Pages::get(INDEX) {
            Some(file) => with_type(INDEX, file.data.into_owned()),
            None => (
                StatusCode::NOT_FOUND,
                "This page is not part of this build: run `npm run build` in ui, then build the server again.",
            )
                .into_response(),
        },
    }
}

/// Scripts and styles lie here as the build compressed them; whoever does not take that gets them unpacked.
fn compressed<Pages: RustEmbed>(path: &str, brotli: bool) -> Option<Response> {
    let file = path.starts_with(ASSETS).then(|| Pages::get(&format!("{path}.br"))).flatten()?;
    let mut response = if brotli {
        let mut response = with_type(path, file.data.into_owned());
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        response
    } else {
        let mut plain = Vec::new();
        brotli_decompressor::BrotliDecompress(&mut file.data.as_ref(), &mut plain).ok()?;
        with_type(path, plain)
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    Some(response)
}

fn with_type(path: &str, content: Vec<u8>) -> Response {
    let content_type = mime_guess::from_path(path).first_or_octet_stream();
    // What the build names by its content never changes.
    let cache = if path.starts_with(ASSETS) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(value) = HeaderValue::from_str(content_type.as_ref()) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))])
    }

    #[test]
    fn brotli_goes_to_whoever_takes_it() {
        for takes in ["br", "gzip, deflate, br, zstd", "gzip;q=0.5, br;q=1.0"] {
            assert!(takes_brotli(&accepting(takes)), "{takes}");
        }
        for refuses in ["", "gzip, deflate", "br;q=0", "br; q=0.0, gzip", "*"] {
            assert!(!takes_brotli(&accepting(refuses)), "{refuses}");
        }
    }

    // A debug build reads the interface from the folder of the machine that built it: where that was another
    // system, its paths are not this one's. The server is handed out for Linux.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_script_is_the_same_packed_and_unpacked_and_kept_for_good() {
        let name = Console::iter().find(|name| name.ends_with(".js.br")).expect("the interface was built");
        let path = name.strip_suffix(".br").unwrap();
        let (packed, plain) = (file_of::<Console>(path, true), file_of::<Console>(path, false));
        for answer in [&packed, &plain] {
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/javascript");
            assert_eq!(answer.headers()[header::VARY], "accept-encoding");
        }
        assert_eq!(packed.headers()[header::CONTENT_ENCODING], "br");
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
        let body = async |answer: Response| axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let (packed, plain) = (body(packed).await, body(plain).await);
        let mut unpacked = Vec::new();
        brotli_decompressor::BrotliDecompress(&mut packed.as_ref(), &mut unpacked).unwrap();
        assert!(unpacked == plain && packed.len() * 2 < plain.len());
        assert_eq!(file_of::<Console>("assets/gone.js", true).status(), StatusCode::NOT_FOUND);
    }
}
