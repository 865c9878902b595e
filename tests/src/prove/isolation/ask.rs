//! One question of the matrix: a case, by a principal, about a thing; and its answer.

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::{
    routes::{Case, body_of},
    signer::{Asked, key_id, seconds, signed},
    verdicts::{DEVICES, Gate, PAGES, TECHNICIANS, Thing, Who},
    world::{Whose, World, cookie, seed},
};

/// An id that nothing has yet.
pub(super) fn new_id() -> Uuid {
    Uuid::from_u128(rand::random())
}

/// Which thing a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    Own(String),
    Foreign(Whose, String),
    Missing(String),
    Nothing,
}

impl About {
    fn id(&self) -> &str {
        match self {
            Self::Own(id) | Self::Foreign(_, id) | Self::Missing(id) => id,
            Self::Nothing => "",
        }
    }

    /// Everything that this principal could name in this case.
    pub(super) fn all(world: &World, case: &Case, who: Who) -> Vec<Self> {
        if case.thing == Thing::Nothing {
            return vec![Self::Nothing];
        }
        let named = |whose| world.thing(case.thing, whose).map(str::to_owned);
        let own = own(case.gate, who).and_then(named).map(Self::Own);
        let foreign = [Whose::Sam, Whose::Kim, Whose::Far].into_iter().filter(|whose| {
            // There are no technicians yet who see only some clients.
            !matches!(case.gate, Gate::Technician | Gate::Worker | Gate::Admin) && own_of(who) != Some(*whose)
        });
        let foreign = foreign.filter_map(|whose| Some(Self::Foreign(whose, named(whose)?)));
        own.into_iter().chain(foreign).chain([Self::Missing(new_id().to_string())]).collect()
    }
}

fn own(gate: Gate, who: Who) -> Option<Whose> {
    match gate {
        Gate::Technician | Gate::Worker | Gate::Admin => Some(Whose::Spare),
        _ => own_of(who),
    }
}

/// Whose device or page it is; requests with something wrong about them are Sam's.
fn own_of(who: Who) -> Option<Whose> {
    match who {
        Who::Kim | Who::PageKim => Some(Whose::Kim),
        Who::Unknown
        | Who::Pending
        | Who::Quarantined
        | Who::Revoked
        | Who::Off
        | Who::On
        | Who::PageOn
        | Who::PageOff
        | Who::PageNoProof => None,
        _ => Some(Whose::Sam),
    }
}

pub(super) fn method_of(case: &Case) -> Method {
    let name = case.route.split(' ').next().unwrap_or_default();
    Method::from_bytes(name.as_bytes()).unwrap_or_default()
}

pub(super) fn path_of(route: &str) -> &str {
    route.split_once(' ').map_or(route, |(_, path)| path)
}

pub(super) fn filled(path: &str, id: &str) -> String {
    path.replace("{id}", id)
        .replace("{platform}", "linux-x86_64")
        .replace("{ring}", "stable")
        .replace("{version}", "9.9.9")
        .replace("{*rest}", "v9/none")
}

pub(super) fn request(world: &World, case: &Case, who: Who, about: &About) -> Result<reqwest::RequestBuilder> {
    let me = own_of(who)
        .and_then(|whose| world.thing(Thing::Author, whose))
        .unwrap_or("00000000-0000-4000-8000-000000000000");
    let other = world.thing(Thing::Client, Whose::Far).unwrap_or_default();
    let body = body_of(case)
        .replace("{id}", about.id())
        .replace("{new}", &new_id().to_string())
        .replace("{me}", me)
        .replace("{other}", other)
        .replace("{long}", &"x".repeat(deskbell_protocol::limits::EMAIL_BYTES))
        .replace("{code}", &world.code)
        .replace("{key}", &key_id(seed(who)))
        .replace("{epoch}", &world.epoch().to_string());
    let method = method_of(case);
    let piece = method == Method::PUT && case.thing == Thing::File;
    let asked = Asked {
        path: filled(path_of(case.route), about.id()),
        query: case.query.to_owned(),
        content_type: if piece { "application/octet-stream" } else { "application/json" },
        body: (!body.is_empty()).then(|| body.into_bytes()),
        method,
    };
    by(world, who, &asked)
}

/// A request as this principal makes it: signed, or with a cookie and its proof, or with neither.
pub(super) fn by(world: &World, who: Who, asked: &Asked) -> Result<reqwest::RequestBuilder> {
    let base = world.base();
    if DEVICES.iter().any(|row| row.0 == who) {
        let created = if asked.path.ends_with("/sync") { world.second(seed(who), who)? } else { seconds()? };
        return signed(&world.http, base, world.server, seed(who), who, created, asked);
    }
    let mut request = world.http.request(asked.method.clone(), asked.address(base));
    if let Some(body) = &asked.body {
        request = request.header("content-type", asked.content_type).body(body.clone());
    }
    let page = PAGES.iter().any(|row| row.0 == who);
    if page || TECHNICIANS.iter().any(|row| row.0 == who) {
        let name = if page { "deskbell_portal" } else { "deskbell_session" };
        request = request.header("cookie", format!("{name}={}", cookie(who)));
        if !matches!(who, Who::NoProof | Who::PageNoProof) {
            request = request.header("x-csrf-token", cookie(who));
        }
    }
    Ok(request)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) async fn to(request: reqwest::RequestBuilder) -> Result<Self> {
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let told = |name: &str| !matches!(name, "date" | "content-length" | "retry-after");
        let mut headers: Vec<_> = answer
            .headers()
            .iter()
            .filter(|(name, _)| told(name.as_str()))
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        headers.sort_unstable();
        let stream = headers.iter().any(|(_, value)| value.starts_with("text/event-stream"));
        // A live connection says nothing until something happens.
        let body = if stream { String::new() } else { String::from_utf8_lossy(&answer.bytes().await?).into_owned() };
        Ok(Self { status, headers, body })
    }

    /// Whether it is `status`, or `status words`.
    pub(super) fn is(&self, expected: &str) -> bool {
        expected.split(" or ").any(|expected| {
            let (status, words) = expected.split_once(' ').unwrap_or((expected, ""));
            self.status.to_string() == status && self.body.contains(words)
        })
    }

    /// What can be compared: without the time of the server, and of a sync what it says of the items.
    pub(super) fn comparable(&self) -> Self {
        let mut comparable = self.clone();
        let Ok(mut body) = serde_json::from_str::<Value>(&self.body) else { return comparable };
        if let Some(Value::Object(details)) = body.get_mut("details") {
            details.remove("server_time");
            comparable.body = body.to_string();
        }
        if let Some(Value::Array(receipts)) = body.get_mut("receipts") {
            for receipt in receipts.iter_mut() {
                receipt.as_object_mut().map(|receipt| receipt.remove("id"));
            }
            comparable.body = Value::Array(std::mem::take(receipts)).to_string();
        }
        comparable
    }
}
