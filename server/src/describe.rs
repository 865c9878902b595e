//! What every address of a kind can answer, added to the description in one place: what extractors and
//! limits say before a handler is reached. What only one handler says stands at that handler.

use deskbell_protocol::error::ErrorBody;
use utoipa::{
    ToSchema,
    openapi::{
        ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
        path::{Operation, Parameter, ParameterIn, PathItem},
    },
};

/// Addresses that ask nobody who they are.
const OPEN: &[&str] =
    &["/healthz", "/readyz", "/api/setup", "/api/agent/v1/hello", "/api/console/v1/session", "/api/portal/v1/session"];

/// Bodies of words that are known or not: no rule refuses one that can be read.
const WORDS_ONLY: &[&str] = &["/api/agent/v1/handover", "/api/portal/v1/session", "/api/console/v1/me"];

/// Adds to each operation the answers that its place and its form bring with them.
pub(crate) fn complete(description: &mut OpenApi) {
    for (path, item) in &mut description.paths.paths {
        for (method, operation) in operations(item) {
            for (status, says) in common(path, method, operation) {
                let known = &mut operation.responses.responses;
                known.entry(status.to_owned()).or_insert_with(|| RefOr::T(refusal(says)));
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn common(path: &str, method: &str, operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let takes = |place: &ParameterIn| {
        parameters.iter().any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == *place))
    };
    let mut answers = Vec::new();
    let signed = path.starts_with("/api/agent/") && !OPEN.contains(&path);
    if operation.request_body.is_some() || takes(&ParameterIn::Query) {
        answers.push(("400", "The body or the query cannot be read."));
    }
    if operation.request_body.is_some() || signed {
        answers.push(("413", "The body is too large."));
    }
    let cursor = |parameter: &RefOr<_>| matches!(parameter, RefOr::T(Parameter { name, .. }) if name == "cursor");
    if (operation.request_body.is_some() && !WORDS_ONLY.contains(&path)) || parameters.iter().any(cursor) {
        answers.push(("422", "A value is refused; `field` names it."));
    }
    if takes(&ParameterIn::Path) {
        answers.push(("404", "There is no such thing, or it is somebody else's."));
    }
    if signed {
        answers.push(("401", "The signature is missing or refused, or the device is unknown here."));
        answers.push(("403", "The device is not accepted, not enabled, or nobody is confirmed there."));
    } else if path.starts_with("/api/portal/") && (!OPEN.contains(&path) || method != "post") {
        answers.push(("401", "The page's session is over."));
        answers.push(("403", "The device is kept out, or the request lacks its proof."));
    } else if path.starts_with("/api/console/") && (!OPEN.contains(&path) || method != "post") {
        answers.push(("401", "Nobody is signed in."));
        if method != "get" {
            answers.push(("403", "The role does not allow it, or the request lacks its proof."));
        }
    }
    answers
}

fn refusal(says: &str) -> Response {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
    ResponseBuilder::new().description(says).content("application/json", body).build()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_every_address_of_a_kind_answers_is_described() {
        let described = serde_json::to_value(crate::routes::openapi()).unwrap();
        let statuses = |path: &str, method: &str| {
            let answers = described["paths"][path][method]["responses"].as_object().unwrap();
            answers.keys().map(|status| status.parse().unwrap()).collect::<Vec<u16>>()
        };
        let has = |path, method, status| statuses(path, method).contains(&status);
        assert!([400, 401, 403, 413].iter().all(|status| has("/api/agent/v1/sync", "post", *status)));
        assert!([401, 403, 404].iter().all(|status| has("/api/console/v1/devices/{id}", "delete", *status)));
        assert!(!has("/api/agent/v1/hello", "get", 401), "it asks nobody who they are");
        assert!(has("/api/console/v1/session", "get", 401) && has("/api/console/v1/session", "delete", 403));
    }
}
