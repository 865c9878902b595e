//! Who may do what, and what bad input is answered: over every address that the server describes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use common::{OWNER, PASSWORD, Running, client, ready};
use deskbell_protocol::{
    error::{ErrorBody, ErrorCode},
    limits::BODY_BYTES,
};
use deskbell_server::clock;
use deskbell_tests::{
    api::Api,
    device::{Device, Forged, refusal},
    wait::SOON,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Every documented operation: its method, its path with places filled in, and whether it takes JSON.
async fn operations(server: &Running) -> Vec<(Method, String, bool)> {
    let description: Value =
        server.http.get(format!("{}/openapi.json", server.url)).send().await.unwrap().json().await.unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut found = Vec::new();
    for (path, verbs) in description["paths"].as_object().unwrap() {
        let filled = path.replace("{id}", "01890000-0000-7000-8000-000000000001");
        for (verb, operation) in verbs.as_object().unwrap() {
            let json = operation["requestBody"]["content"]["application/json"].is_object();
            found.push((verb.to_uppercase().parse().unwrap(), filled.clone(), json));
        }
    }
    assert!(found.len() > 40, "the description names {} operations", found.len());
    found
}

async fn refused(answer: reqwest::Response, what: &str) -> (u16, ErrorBody) {
    assert_eq!(answer.headers()["content-type"], "application/json", "{what}: an error is JSON");
    refusal(answer).await.unwrap_or_else(|error| panic!("{what}: {error}"))
}

#[tokio::test]
async fn nobody_gets_into_the_console_without_a_session() {
    let server = Running::start(clock::now).await;
    server.owner().await;
    for (method, path, _) in operations(&server).await {
        let open = method == Method::POST && path.ends_with("/session");
        if !path.starts_with("/api/console") || open {
            continue;
        }
        let what = format!("{method} {path}");
        let answer = server.http.request(method, format!("{}{path}", server.url)).send().await.unwrap();
        let (status, body) = refused(answer, &what).await;
        assert_eq!((status, body.code), (401, ErrorCode::NotSignedIn), "{what}");
    }
}

#[tokio::test]
async fn nothing_changes_without_the_proof_against_forged_requests() {
    let server = Running::start(clock::now).await;
    server.owner().await;
    let body = json!({"email": OWNER, "password": PASSWORD});
    let signed_in =
        server.http.post(format!("{}/api/console/v1/session", server.url)).json(&body).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().to_owned();
    for flag in ["HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    for (method, path, _) in operations(&server).await {
        let open = method == Method::GET || (method == Method::POST && path.ends_with("/session"));
        if !path.starts_with("/api/console") || open {
            continue;
        }
        let what = format!("{method} {path}");
        let request = server.http.request(method, format!("{}{path}", server.url));
        let answer = request.header("cookie", cookie.split(';').next().unwrap()).send().await.unwrap();
        let (status, body) = refused(answer, &what).await;
        assert_eq!((status, body.code), (403, ErrorCode::CsrfMissing), "{what}");
    }
}

#[tokio::test]
async fn no_agent_is_heard_without_a_signature() {
    let server = Running::start(clock::now).await;
    for (method, path, _) in operations(&server).await {
        if !path.starts_with("/api/agent") || path.ends_with("/hello") {
            continue;
        }
        let what = format!("{method} {path}");
        let answer = server.http.request(method, format!("{}{path}?offset=0", server.url)).send().await.unwrap();
        let (status, body) = refused(answer, &what).await;
        assert_eq!((status, body.code), (401, ErrorCode::SignatureMissing), "{what}");
    }
}

#[tokio::test]
async fn no_page_is_heard_without_its_session() {
    let server = Running::start(clock::now).await;
    let mut asked = 0;
    for (method, path, _) in operations(&server).await {
        let open = method == Method::POST && path.ends_with("/session");
        if !path.starts_with("/api/portal") || open {
            continue;
        }
        let what = format!("{method} {path}");
        let answer = server.http.request(method, format!("{}{path}?offset=0", server.url)).send().await.unwrap();
        let (status, body) = refused(answer, &what).await;
        assert_eq!((status, body.code), (401, ErrorCode::NotSignedIn), "{what}");
        asked += 1;
    }
    assert!(asked >= 7, "only {asked} addresses are described");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_everywhere() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    for (method, path, json) in operations(&server).await {
        let Some(path) = path.strip_prefix("/api/console/v1").filter(|_| json) else { continue };
        for bad in [&b"{"[..], b"[]", b"\xff\xfe", b"null"] {
            let what = format!("{method} {path} {bad:?}");
            let answer = api.send(method.clone(), path, Some(bad.to_vec())).await.unwrap();
            let (status, body) = refused(answer, &what).await;
            assert!(matches!(body.code, ErrorCode::Malformed) && status == 400, "{what}: {status} {body:?}");
        }
    }
}

#[tokio::test]
async fn an_id_that_is_none_and_an_unknown_one_are_both_refused() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    for (method, path, json) in operations(&server).await {
        let Some(path) = path.strip_prefix("/api/console/v1") else { continue };
        if !path.contains("01890000") || json {
            continue;
        }
        let what = format!("{method} {path}");
        let (status, body) = refused(api.send(method.clone(), path, None).await.unwrap(), &what).await;
        assert_eq!((status, body.code), (404, ErrorCode::NotFound), "{what}");
        let none = path.replace("01890000-0000-7000-8000-000000000001", "not-an-id");
        let (status, body) = refused(api.send(method, &none, None).await.unwrap(), &what).await;
        assert_eq!((status, body.code), (404, ErrorCode::NotFound), "{what}");
    }
}

#[tokio::test]
async fn an_unknown_address_of_the_interface_is_an_error_and_not_a_page() {
    let server = Running::start(clock::now).await;
    for path in ["/api/nothing", "/api/console/v1/nothing"] {
        let answer = server.http.get(format!("{}{path}", server.url)).send().await.unwrap();
        assert_eq!(refused(answer, path).await.1.code, ErrorCode::NotFound);
    }
    let api = server.owner().await;
    for path in ["/tickets?view=none", "/devices?limit=many", "/tickets?cursor=x", "/devices?cursor=x"] {
        let answer = api.send(Method::GET, path, None).await.unwrap();
        let (status, body) = refused(answer, path).await;
        assert_eq!((status, body.code), (400, ErrorCode::Malformed), "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert!(server.http.get(format!("{}{path}", server.url)).send().await.unwrap().status().is_success());
    }
}

#[tokio::test]
async fn the_set_up_wants_its_code_and_is_gone_afterwards() {
    let server = Running::start(clock::now).await;
    let code = server.app.new_setup_code().await.unwrap().unwrap();
    let answers = |code: &str, password: &str| {
        json!({"code": code, "organization": "Harbour IT", "name": "Ada", "email": OWNER, "password": password,
            "language": "fr"})
    };
    let set_up = async |body: Value| server.http.post(format!("{}/api/setup", server.url)).json(&body).send().await;
    let (status, body) = refused(set_up(answers("BCDF-GHJK-BCDF-GHJK", PASSWORD)).await.unwrap(), "a wrong code").await;
    assert_eq!((status, body.code), (422, ErrorCode::SetupCodeWrong));
    let (_, body) = refused(set_up(answers(&code, "short")).await.unwrap(), "a short password").await;
    assert_eq!((body.code, body.details.limit), (ErrorCode::PasswordTooShort, Some(12)));
    assert_eq!(set_up(answers(&code.to_lowercase(), PASSWORD)).await.unwrap().status(), 201);
    assert_eq!(set_up(answers(&code, PASSWORD)).await.unwrap().status(), 404);
    assert_eq!(server.app.new_setup_code().await.unwrap(), None);
}

#[tokio::test]
async fn passwords_cannot_be_guessed_for_long() {
    let server = Running::start(clock::now).await;
    server.owner().await;
    for _ in 0..10 {
        assert!(Api::sign_in(&server.http, &server.url, OWNER, "wrong").await.is_err());
    }
    let body = json!({"email": OWNER, "password": PASSWORD});
    let answer = server.http.post(format!("{}/api/console/v1/session", server.url)).json(&body).send().await.unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    let (status, body) = refused(answer, "the eleventh try").await;
    assert_eq!((status, body.code), (429, ErrorCode::TooManyRequests));
}

#[tokio::test]
async fn a_signature_holds_for_one_request_at_one_time_to_one_server() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    let mut there = ready(&server, &api, &northwind, 1).await;
    let body = serde_json::to_vec(&there.device.exchange(there.epoch, 0, Vec::new())).unwrap();
    let send = async |device: &Device, forged| {
        refusal(device.send(Method::POST, "/sync", "application/json", Some(body.clone()), forged).await.unwrap()).await
    };
    let (_, skewed) = send(&there.device, Forged { ahead: 600, ..Forged::default() }).await.unwrap();
    assert_eq!(skewed.code, ErrorCode::ClockSkew);
    assert!(skewed.details.server_time.is_some(), "the right time is told");
    let (_, replayed) = send(&there.device, Forged { nonce: Some(1), ..Forged::default() }).await.unwrap();
    assert_eq!(replayed.code, ErrorCode::SignatureReplayed);
    let (_, altered) = send(&there.device, Forged { body: Some(b"{}"), ..Forged::default() }).await.unwrap();
    assert_eq!(altered.code, ErrorCode::SignatureInvalid);
    there.device.server = deskbell_protocol::id::ServerId(uuid::Uuid::from_u128(1));
    let (_, elsewhere) = send(&there.device, Forged::default()).await.unwrap();
    assert_eq!(elsewhere.code, ErrorCode::WrongServer);
    let stranger = Device::new(&server.http, &server.url, "PC-9", 9).await.unwrap();
    assert_eq!(send(&stranger, Forged::default()).await.unwrap().1.code, ErrorCode::DeviceUnknown);
}

#[tokio::test]
async fn a_key_introduces_as_many_devices_as_it_may_and_none_once_it_is_revoked() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    for seed in 1..=3 {
        let device = Device::new(&server.http, &server.url, &format!("PC-{seed}"), seed).await.unwrap();
        device.enrol(&northwind.key).await.unwrap();
        device.enrol(&northwind.key).await.expect("again with the same key pair uses nothing up");
    }
    let fourth = Device::new(&server.http, &server.url, "PC-4", 4).await.unwrap();
    let enrol = async |key: &str| fourth.refused("/enrol", &fourth.introduction(key)).await.unwrap().1.code;
    assert_eq!(enrol(&northwind.key).await, ErrorCode::EnrolmentKeyUsedUp);
    assert_eq!(enrol("DB-0000-0000-0000-0000-0000").await, ErrorCode::EnrolmentKeyUnknown);
    let keys = api.get(&format!("/clients/{}/enrolment-keys", northwind.id)).await.unwrap();
    assert_eq!((&keys[0]["state"], &keys[0]["used"]), (&json!("used_up"), &json!(3)));
    api.delete(&format!("/enrolment-keys/{}", common::text(&keys[0]["id"]))).await.unwrap();
    assert_eq!(enrol(&northwind.key).await, ErrorCode::EnrolmentKeyRevoked);
}

#[tokio::test]
async fn names_and_domains_are_taken_once() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    client(&api, "Northwind", "northwind.example").await;
    let create = async |name: &str, domain: &str| {
        let body = json!({"name": name, "domains": [domain]}).to_string().into_bytes();
        refused(api.send(Method::POST, "/clients", Some(body)).await.unwrap(), name).await.1.code
    };
    assert_eq!(create("NORTHWIND", "other.example").await, ErrorCode::NameTaken);
    assert_eq!(create("Other", "Northwind.example").await, ErrorCode::DomainTaken);
    assert_eq!(create("Other", "no domain").await, ErrorCode::DomainInvalid);
    assert_eq!(create("  ", "other.example").await, ErrorCode::NameMissing);
    assert_eq!(create(&"x".repeat(121), "other.example").await, ErrorCode::NameTooLong);
    assert_eq!(api.get("/clients").await.unwrap().as_array().unwrap().len(), 1, "nothing was stored of those");
}

#[tokio::test]
async fn a_lost_password_is_replaced_beside_the_running_server() {
    let server = Running::start(clock::now).await;
    let before = server.owner().await;
    let config = server.app.config.clone();
    let set = async |email: &str, password: &str| {
        deskbell_server::set_password(&config, email, password.to_owned()).await.map_err(|error| error.to_string())
    };
    assert!(set(OWNER, "short").await.unwrap_err().contains("12 characters"));
    assert!(set("nobody@harbour.example", "another horse battery").await.unwrap_err().contains("nobody@harbour"));
    set("ADA@harbour.example ", "another horse battery").await.unwrap();
    assert!(before.get("/clients").await.is_err(), "whoever was signed in is not any more");
    assert!(Api::sign_in(&server.http, &server.url, OWNER, PASSWORD).await.is_err());
    assert!(Api::sign_in(&server.http, &server.url, OWNER, "another horse battery").await.is_ok());
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let server = Running::over(None, clock::now).await;
    let second = deskbell_server::App::open(common::config(server.folder()), clock::now).await;
    let error = second.expect_err("SQLite takes one server").to_string();
    assert!(error.contains("another server") && error.contains("database_url"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_closes_live_connections_and_ends() {
    let mut server = Running::start(clock::now).await;
    let api = server.owner().await;
    let mut live = api.send(Method::GET, "/live", None).await.unwrap();
    assert!(live.chunk().await.unwrap().is_some(), "it is connected");
    server.shutdown.cancel();
    while let Ok(Some(_)) = live.chunk().await {}
    (&mut server.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn no_address_waits_for_a_body_that_has_stopped() {
    let server = Running::start(clock::now).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut waiting = Vec::new();
    for (method, path, _) in operations(&server).await {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // The largest that is taken, but for its end.
        let head = format!(
            "{method} {path}?offset=0 HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {BODY_BYTES}\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        waiting.push((format!("{method} {path}"), stream));
    }
    for (what, mut stream) in waiting {
        let mut answer = [0; 12];
        let read = tokio::time::timeout(SOON, stream.read(&mut answer)).await;
        assert!(read.is_ok(), "{what} waits");
    }
}

#[tokio::test]
async fn a_method_that_no_address_takes_is_answered_in_json() {
    let server = Running::start(clock::now).await;
    for path in ["/api/agent/v1/live", "/api/console/v1/live", "/api/console/v1/tickets"] {
        let answer = server.http.delete(format!("{}{path}", server.url)).send().await.unwrap();
        let (status, body) = refused(answer, path).await;
        assert_eq!((status, body.code), (405, ErrorCode::NotFound), "{path}");
    }
}
