//! Two servers over one PostgreSQL: what one of them is told, a screen at the other one shows.

#![cfg(target_os = "linux")]

use std::time::Duration;

use deskbell_tests::{
    api::Api, desktop::Desktop, device::Device, postgres::Postgres, server::Server, wait::SOON, webdriver::Session,
};
use serde_json::json;

#[tokio::test]
async fn what_one_server_is_told_the_other_one_shows() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::start().await.unwrap();
    let database = postgres.database().await.unwrap();
    let new = |name: &str| {
        let server = Server::new(&folder.path().join(name), &folder.path().join(format!("{name}.log"))).unwrap();
        server.with("DATABASE_URL", postgres.url(&database))
    };
    let (mut one, mut other) = (new("one"), new("other"));
    one.start().await.unwrap();
    other.start().await.unwrap();
    // Each start prints a code, and the last one counts.
    let code = other.setup_code().await.unwrap();
    let answers = json!({"code": code, "organization": "Harbour IT", "name": "Ada", "email": "ada@harbour.example",
        "password": "correct horse battery", "language": "en"});
    let api = Api::set_up(one.http(), &one.url(), answers).await.unwrap();
    let client = api.post("/clients", json!({"name": "Northwind", "domains": []})).await.unwrap();
    let keys = format!("/clients/{}/enrolment-keys", client["id"].as_str().unwrap());
    let key = api.post(&keys, json!({"name": "Key", "expires_in_days": 7, "max_devices": 3})).await.unwrap();

    let desktop = Desktop::start(folder.path()).await.unwrap();
    let browser = Session::chromium(&desktop, "browser", "en").await.unwrap();
    browser.go(&other.url()).await.unwrap();
    browser.fill("#email", "ada@harbour.example").await.unwrap();
    browser.fill("#password", "correct horse battery").await.unwrap();
    browser.submit().await.unwrap();
    browser.wait("nav", SOON).await.unwrap();
    browser.go(&format!("{}/devices", other.url())).await.unwrap();
    browser.wait("main", SOON).await.unwrap();

    let device = Device::new(one.http(), &one.url(), "PC-1", 1).await.unwrap();
    let enrolled = device.enrol(key["secret"].as_str().unwrap()).await.unwrap();
    let row = format!("[data-device=\"{}\"]", enrolled.device_id);
    browser
        .wait(&row, Duration::from_secs(2))
        .await
        .expect("the device that one server enrolled, on the other one's screen");
    let count = postgres.sql_in(&database, "select count(*) from devices").await.unwrap();
    assert_eq!(count, "1", "both servers share one database");
}
