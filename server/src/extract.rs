//! Extractors that answer in our error format.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{BytesRejection, PathRejection, QueryRejection},
    },
    http::{header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use deskbell_protocol::{error::ErrorCode, limits::BODY_BYTES};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Places of a path. One that is no id names nothing that is there.
#[derive(Debug, axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct Path<T>(pub T);

/// What stands behind the question mark. As in a body, U+0000 is refused: PostgreSQL would not take it.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(ApiError::malformed("the query holds the character U+0000, which cannot be stored"));
        }
        let axum::extract::Query(query) = axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(query))
    }
}

impl From<PathRejection> for ApiError {
    fn from(_: PathRejection) -> Self {
        Self::not_found()
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed(format!("the query cannot be read: {}", rejection.body_text()))
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(rejection.status(), ErrorCode::BodyTooLarge, "the body is too large or was cut off")
            .with(|details| details.limit = Some(BODY_BYTES as u64))
    }
}

/// A body as it is.
#[derive(Debug)]
pub struct Bytes(pub axum::body::Bytes);

impl<S: Send + Sync> FromRequest<S> for Bytes {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(axum::body::Bytes::from_request(request, state).await?))
    }
}

/// A JSON body. What is not UTF-8, not JSON or not of the shape is refused as `malformed`.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        // A form of another site cannot say this without being asked for leave first.
        let json = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !json.is_some_and(|value| value.starts_with("application/json")) {
            return Err(ApiError::malformed("the body has to be application/json"));
        }
        let Bytes(bytes) = Bytes::from_request(request, state).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Whether JSON holds the character U+0000: PostgreSQL stores none, and nobody means it.
pub(crate) fn holds_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        // What a backslash escapes is one character, or `u` and four digits.
        rest = &rest[at + 1..];
        if rest.starts_with(b"u0000") {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// # Errors
/// [`ApiError::malformed`], which names the place.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if holds_nul(bytes) {
        return Err(ApiError::malformed("the body holds the character U+0000, which cannot be stored"));
    }
    object(bytes)
}

/// The same, whatever characters it holds.
///
/// # Errors
/// [`ApiError::malformed`], which names the place.
pub(crate) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // Every body is an object; an array of the values in their order would be read as one.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(ApiError::malformed("the body is an array, and has to be an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| ApiError::malformed(format!("the body cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_no_object() {
        #[derive(Debug, serde::Deserialize)]
        struct Change {
            name: Option<String>,
        }
        assert!(parse::<Change>(b" [null]").is_err());
        assert!(parse::<Change>(b"{}").unwrap().name.is_none());
    }

    #[tokio::test]
    async fn a_query_with_the_character_is_refused() {
        let read = async |uri: &str| {
            let (mut parts, ()) = axum::http::Request::builder().uri(uri).body(()).unwrap().into_parts();
            Query::<std::collections::HashMap<String, String>>::from_request_parts(&mut parts, &()).await
        };
        assert_eq!(read("/?q=%2500").await.unwrap().0["q"], "%00");
        assert!(read("/?q=a%00b").await.is_err());
    }

    #[test]
    fn the_character_is_found_and_not_its_name() {
        assert!(holds_nul(br#"{"a": "b\u0000c"}"#));
        assert!(holds_nul(br#"{"a": "\\\u0000"}"#));
        assert!(!holds_nul(br#"{"a": "the text \\u0000"}"#));
        assert!(!holds_nul(br#"{"a": "\u00001\\"#[..10].as_ref()));
    }
}
