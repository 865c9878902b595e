//! The ticket form in a browser: the link that opens it, and what the page may do. This program has a
//! clock of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use std::sync::atomic::{AtomicI64, Ordering};

use common::{Ready, Running, client, file, ready, ticket};
use deskbell_protocol::{
    Millis,
    device::{AskToken, Confirm},
    error::ErrorCode,
    handover::{AskHandover, Handover, HandoverPage},
    id::ServerId,
    limits::{BODY_BYTES, HANDOVER_LIFETIME, HANDOVERS_PER_HOUR, PIECE_BYTES, PORTAL_LIFETIME},
    ticket::Language,
};
use deskbell_server::clock;
use deskbell_tests::{
    api::Api,
    device::{Device, refusal},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// How far this program's clock is ahead, for one test after the other: they share it.
static AHEAD: AtomicI64 = AtomicI64::new(0);
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn now() -> Millis {
    clock::now() + AHEAD.load(Ordering::Relaxed)
}

const NEW: AskHandover = AskHandover { page: HandoverPage::NewTicket };

struct There {
    server: Running,
    api: Api,
    ready: Ready,
}

async fn begin() -> There {
    AHEAD.store(0, Ordering::Relaxed);
    let server = Running::start(now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    let ready = ready(&server, &api, &northwind, 1).await;
    There { server, api, ready }
}

/// A page that was opened: its cookie, its proof and what it was told.
struct Page {
    http: reqwest::Client,
    base: String,
    cookie: String,
    set_cookie: String,
    info: Value,
}

impl There {
    async fn link(&self) -> String {
        let handover: Handover = self.ready.device.post("/handover", &NEW).await.unwrap();
        handover.url
    }

    /// What a browser does with a link: it keeps the fragment, and the page trades it.
    async fn follow(&self, link: &str) -> reqwest::Response {
        trade(&self.server, link).await
    }

    async fn open(&self) -> Page {
        Page::of(&self.server, self.follow(&self.link().await).await).await
    }

    async fn set_enabled(&self, enabled: bool) {
        let path = format!("/devices/{}/enablement", self.ready.enrolled.device_id);
        self.api.put(&path, json!({"enabled": enabled})).await.unwrap();
    }

    async fn set_registration(&self, registration: &str) {
        let path = format!("/installations/{}/registration", self.ready.enrolled.installation_id);
        self.api.put(&path, json!({"registration": registration})).await.unwrap();
    }
}

async fn trade(server: &Running, link: &str) -> reqwest::Response {
    let secret = link.split_once('#').expect("a secret behind the #").1;
    let body = json!({"secret": secret});
    server.http.post(format!("{}/api/portal/v1/session", server.url)).json(&body).send().await.unwrap()
}

impl Page {
    async fn of(server: &Running, answer: reqwest::Response) -> Self {
        assert_eq!(answer.status(), 200, "the link opens the page");
        let set_cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        let cookie = set_cookie.split(';').next().unwrap().to_owned();
        let base = format!("{}/api/portal/v1", server.url);
        Self { http: server.http.clone(), base, cookie, set_cookie, info: answer.json().await.unwrap() }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base)).header("cookie", &self.cookie);
        request.header("x-csrf-token", self.info["csrf"].as_str().unwrap())
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> reqwest::Response {
        self.request(method, path).json(&body).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: impl serde::Serialize) -> reqwest::Response {
        self.call(Method::POST, path, serde_json::to_value(body).unwrap()).await
    }

    async fn get(&self) -> reqwest::Response {
        self.request(Method::GET, "/session").send().await.unwrap()
    }
}

async fn code(answer: reqwest::Response) -> (u16, ErrorCode) {
    let (status, body) = refusal(answer).await.unwrap();
    (status, body.code)
}

#[tokio::test]
async fn a_link_opens_one_page_as_the_person_at_the_device() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let link = there.link().await;
    assert!(link.contains("/portal/new#"), "the secret is behind the #: {link}");
    let page = Page::of(&there.server, there.follow(&link).await).await;
    assert_eq!((&page.info["device"], &page.info["organization"]), (&json!("PC-1"), &json!("Harbour IT")));
    assert_eq!(page.info["confirmation"]["name"], json!("Sam Okafor"));
    assert_eq!(page.info["context"]["system"], json!("Debian GNU/Linux 12"));
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/api/portal"] {
        assert!(page.set_cookie.contains(flag), "{}", page.set_cookie);
    }
    assert_eq!(page.get().await.json::<Value>().await.unwrap(), page.info, "a page that is loaded again goes on");
    assert_eq!(code(there.follow(&link).await).await, (401, ErrorCode::HandoverUsed));
}

#[tokio::test]
async fn of_those_who_come_at_the_same_time_one_gets_in() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let link = there.link().await;
    let answers = futures::future::join_all((0..8).map(|_| there.follow(&link))).await;
    let opened = answers.iter().filter(|answer| answer.status().is_success()).count();
    assert_eq!(opened, 1, "a link opens one page");
    for answer in answers.into_iter().filter(|answer| !answer.status().is_success()) {
        assert_eq!(code(answer).await, (401, ErrorCode::HandoverUsed));
    }
}

#[tokio::test]
async fn a_link_that_is_too_old_or_anothers_opens_nothing() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let link = there.link().await;
    AHEAD.store(HANDOVER_LIFETIME, Ordering::Relaxed);
    assert_eq!(code(there.follow(&link).await).await, (401, ErrorCode::HandoverExpired));
    AHEAD.store(0, Ordering::Relaxed);
    let invented = format!("{}/portal/new#{}", there.server.url, "A".repeat(43));
    assert_eq!(code(there.follow(&invented).await).await, (401, ErrorCode::HandoverExpired));
    let other = Running::start(now).await;
    assert_eq!(code(trade(&other, &link).await).await, (401, ErrorCode::HandoverExpired), "another server's");
    assert!(there.follow(&link).await.status().is_success(), "what others did with it spent nothing");
}

#[tokio::test]
async fn links_are_made_for_devices_of_this_server_that_may_send() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let mut foreign = Device::new(&there.server.http, &there.server.url, "PC-1", 1).await.unwrap();
    foreign.server = ServerId(Uuid::from_u128(1));
    let (status, body) = foreign.refused("/handover", &NEW).await.unwrap();
    assert_eq!((status, body.code), (401, ErrorCode::WrongServer), "signed for another server");
    there.set_enabled(false).await;
    assert_eq!(there.ready.device.refused("/handover", &NEW).await.unwrap().1.code, ErrorCode::NotEnabled);
    there.set_enabled(true).await;
    there.set_registration("revoked").await;
    assert_eq!(there.ready.device.refused("/handover", &NEW).await.unwrap().1.code, ErrorCode::DeviceRevoked);
    there.set_registration("accepted").await;
    for _ in 0..HANDOVERS_PER_HOUR {
        there.link().await;
    }
    let (status, body) = there.ready.device.refused("/handover", &NEW).await.unwrap();
    assert_eq!((status, body.code), (429, ErrorCode::TooManyRequests), "an hour's links are counted");
}

#[tokio::test]
async fn what_shuts_the_device_out_shuts_its_links_and_pages_out() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let (page, link) = (there.open().await, there.link().await);
    there.set_registration("revoked").await;
    assert_eq!(code(there.follow(&link).await).await, (403, ErrorCode::DeviceRevoked));
    assert_eq!(code(page.get().await).await, (403, ErrorCode::DeviceRevoked));
    there.set_registration("accepted").await;
    there.set_enabled(false).await;
    assert_eq!(code(there.follow(&link).await).await, (403, ErrorCode::NotEnabled));
    let refused = page.post("/tickets", ticket(1, there.ready.person, Vec::new())).await;
    assert_eq!(code(refused).await, (403, ErrorCode::NotEnabled));
    there.set_enabled(true).await;
    assert!(page.get().await.status().is_success());
    let kestrel = client(&there.api, "Kestrel", "kestrel.example").await;
    let moved = format!("/devices/{}/move", there.ready.enrolled.device_id);
    there.api.post(&moved, json!({"client": kestrel.id})).await.unwrap();
    there.set_enabled(true).await;
    assert_eq!(code(page.get().await).await, (401, ErrorCode::NotSignedIn), "the page was another client's");
}

#[tokio::test]
async fn a_page_ends_with_its_time_its_person_or_its_close() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let page = there.open().await;
    AHEAD.store(PORTAL_LIFETIME, Ordering::Relaxed);
    assert_eq!(code(page.get().await).await, (401, ErrorCode::NotSignedIn));
    AHEAD.store(0, Ordering::Relaxed);
    let closed = there.open().await;
    assert_eq!(closed.request(Method::DELETE, "/session").send().await.unwrap().status(), 204);
    assert_eq!(code(closed.get().await).await, (401, ErrorCode::NotSignedIn));
    let vouch = format!("/installations/{}/vouch", there.ready.enrolled.installation_id);
    let other = json!({"name": "Kim Berg", "email": "kim@northwind.example"});
    there.api.post(&vouch, other).await.unwrap();
    assert_eq!(code(page.get().await).await, (401, ErrorCode::NotSignedIn), "somebody else sits there now");
}

#[tokio::test]
async fn a_page_opens_no_other_door_and_changes_nothing_without_its_proof() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let page = there.open().await;
    let get = |path: &str| there.server.http.get(format!("{}{path}", there.server.url)).header("cookie", &page.cookie);
    let console = get("/api/console/v1/tickets").send().await.unwrap();
    assert_eq!(code(console).await, (401, ErrorCode::NotSignedIn));
    let agent = get("/api/agent/v1/live").send().await.unwrap();
    assert_eq!(code(agent).await, (401, ErrorCode::SignatureMissing));
    let ticket = ticket(1, there.ready.person, Vec::new());
    let forged = there.server.http.post(format!("{}/tickets", page.base)).header("cookie", &page.cookie);
    assert_eq!(code(forged.json(&ticket).send().await.unwrap()).await, (403, ErrorCode::CsrfMissing));
}

#[tokio::test]
async fn a_ticket_from_the_page_is_stored_once_and_says_where_it_is_from() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let page = there.open().await;
    let content = b"the log";
    let new = ticket(1, there.ready.person, vec![file(9, "a.log", content)]);
    let first: Value = page.post("/tickets", &new).await.json().await.unwrap();
    let again: Value = page.post("/tickets", &new).await.json().await.unwrap();
    assert_eq!((&first, &first["number"]), (&again, &json!(1)));
    let path = format!("/attachments/{}", new.attachments[0].id);
    for size in [PIECE_BYTES + 1, BODY_BYTES + 1] {
        let large = page.request(Method::PUT, &format!("{path}?offset=0")).body(vec![0; size]).send().await.unwrap();
        assert_eq!(code(large).await, (413, ErrorCode::BodyTooLarge), "{size} bytes");
    }
    let put = page.request(Method::PUT, &format!("{path}?offset=0")).body(content.to_vec()).send().await.unwrap();
    assert_eq!(put.json::<Value>().await.unwrap()["complete"], json!(true));
    let progress = page.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(progress.json::<Value>().await.unwrap()["received"], json!(content.len()));
    let mut other = new.clone();
    other.subject = "Something else".into();
    assert_eq!(code(page.post("/tickets", &other).await).await, (422, ErrorCode::ContentConflict));
    let mut foreign = ticket(2, there.ready.person, Vec::new());
    foreign.author.0 = Uuid::from_u128(77);
    assert_eq!(code(page.post("/tickets", &foreign).await).await, (422, ErrorCode::AuthorChanged));
    let seen = there.api.get(&format!("/tickets/{}", new.id)).await.unwrap();
    assert_eq!((&seen["source"], &seen["verified_device"]), (&json!("browser"), &json!(false)));
    assert_eq!(seen["messages"][0]["author"]["verified_device"], json!(false), "nobody signed it");
    assert_eq!((&seen["device"]["name"], &seen["files_pending"]), (&json!("PC-1"), &json!(0)));
    let news = there.ready.device.sync(there.ready.epoch, 0, Vec::new()).await.unwrap();
    assert_eq!(news.tickets.len(), 1, "the agent learns of the ticket, and of replies to it");
}

#[tokio::test]
async fn whoever_is_not_confirmed_confirms_on_the_page() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let page = there.open().await;
    assert_eq!(page.request(Method::DELETE, "/confirmation").send().await.unwrap().status(), 204, "not you?");
    let info: Value = page.get().await.json().await.unwrap();
    assert_eq!(info["confirmation"], Value::Null, "the page stays, and is nobody's");
    let early = page.post("/tickets", ticket(1, there.ready.person, Vec::new())).await;
    assert_eq!(code(early).await, (403, ErrorCode::NotConfirmed));
    let email = "camille@northwind.example";
    let ask = AskToken { name: "Camille Martin".into(), email: email.into(), language: Language::Fr };
    assert!(page.post("/confirmation/token", &ask).await.status().is_success());
    let wrong = page.post("/confirmation", Confirm { token: "BCDF-GHJK".into() }).await;
    assert_eq!(code(wrong).await, (422, ErrorCode::TokenWrong));
    let token = there.server.mailed(email).await;
    let confirmation: Value = page.post("/confirmation", Confirm { token }).await.json().await.unwrap();
    assert_eq!(confirmation["email"], json!(email));
    let person = confirmation["requester_id"].as_str().unwrap().parse().unwrap();
    assert!(page.post("/tickets", ticket(2, person, Vec::new())).await.status().is_success());
    let news = there.ready.device.sync(there.ready.epoch, 0, Vec::new()).await.unwrap();
    assert_eq!(news.state.confirmation.unwrap().email, email, "the device knows too");
}
