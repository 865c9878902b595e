//! A real server on a free port with a fresh database, in this process.

#![allow(dead_code, reason = "each test program uses its part of it")]

use std::path::Path;

use deskbell_protocol::{
    device::Enrolled,
    id::{AttachmentId, RequesterId},
    sync::OutboxItem,
    ticket::{AttachmentRole, NewAttachment, NewTicket},
};
use deskbell_server::{App, clock::Clock, config::Config, serve};
use deskbell_tests::{api::Api, device::Device};
use serde_json::{Value, json};
use sqlx::Connection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const OWNER: &str = "ada@harbour.example";

pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) app: App,
    pub(crate) http: reqwest::Client,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: tokio::task::JoinHandle<std::io::Result<()>>,
    folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub(crate) fn config(folder: &Path) -> Config {
    let flags = [("data_dir", Some(folder.display().to_string())), ("listen", Some("127.0.0.1:0".to_owned()))];
    Config::load(None, std::iter::empty(), &flags).expect("the tests' own configuration")
}

/// A new database of the PostgreSQL that the environment names; nothing where it names none.
async fn database() -> Option<String> {
    let url = std::env::var("DESKBELL_TEST_POSTGRES").ok()?;
    let name = format!("endpoint_{}", deskbell_server::clock::new_id(deskbell_server::clock::now()).simple());
    let mut admin = sqlx::PgConnection::connect(&format!("{url}/postgres")).await.expect("PostgreSQL answers");
    let create = sqlx::AssertSqlSafe(format!("create database {name}"));
    sqlx::query(create).execute(&mut admin).await.expect("a new database");
    Some(format!("{url}/{name}"))
}

impl Running {
    /// On PostgreSQL where `DESKBELL_TEST_POSTGRES` names one, on SQLite otherwise.
    pub(crate) async fn start(clock: Clock) -> Self {
        Self::over(database().await, clock).await
    }

    pub(crate) async fn over(database_url: Option<String>, clock: Clock) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = Config { database_url, ..config(folder.path()) };
        let app = App::open(config, clock).await.expect("a server opens on an empty folder");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, app.clone(), shutdown.clone()));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { url, app, http, shutdown, served, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The token as the mail in the server's folder has it: no SMTP server is configured here.
    pub(crate) async fn mailed(&self, email: &str) -> String {
        let mut found = None;
        deskbell_tests::wait::until("the mail is written", std::time::Duration::from_secs(20), async || {
            for file in deskbell_tests::server::files(self.folder())? {
                let text = String::from_utf8_lossy(&std::fs::read(&file)?).into_owned();
                if text.contains(email) && text.contains("Auto-Submitted") {
                    let modified = std::fs::metadata(&file)?.modified()?;
                    if found.as_ref().is_none_or(|(at, _)| modified > *at) {
                        found = Some((modified, text));
                    }
                }
            }
            Ok(found.is_some().then_some(()))
        })
        .await
        .expect("a mail");
        let (_, text) = found.expect("a mail");
        deskbell_tests::mail::token(&text).expect("a token in the mail")
    }

    /// Done with the set-up, and signed in as the owner.
    pub(crate) async fn owner(&self) -> Api {
        let code = self.app.new_setup_code().await.expect("a code").expect("the set-up is open");
        let answers = json!({"code": code, "organization": "Harbour IT", "name": "Ada", "email": OWNER,
            "password": PASSWORD, "language": "en"});
        Api::set_up(&self.http, &self.url, answers).await.expect("the set-up is done")
    }
}

/// A client with a key, and one device of it.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) key: String,
}

pub(crate) async fn client(api: &Api, name: &str, domain: &str) -> Client {
    let client = api.post("/clients", json!({"name": name, "domains": [domain]})).await.expect("a client");
    let id = text(&client["id"]);
    let key = json!({"name": "Key", "expires_in_days": 7, "max_devices": 3});
    let created = api.post(&format!("/clients/{id}/enrolment-keys"), key).await.expect("a key");
    Client { id, key: text(&created["secret"]) }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A device that is enrolled, enabled and vouched for.
pub(crate) struct Ready {
    pub(crate) device: Device,
    pub(crate) enrolled: Enrolled,
    pub(crate) person: RequesterId,
    pub(crate) epoch: i64,
}

pub(crate) async fn ready(server: &Running, api: &Api, client: &Client, seed: u8) -> Ready {
    let device = Device::new(&server.http, &server.url, &format!("PC-{seed}"), seed).await.expect("a device");
    let enrolled = device.enrol(&client.key).await.expect("it is enrolled");
    api.put(&format!("/devices/{}/enablement", enrolled.device_id), json!({"enabled": true})).await.expect("enabled");
    let person = json!({"name": "Sam Okafor", "email": format!("sam{seed}@northwind.example")});
    api.post(&format!("/installations/{}/vouch", enrolled.installation_id), person).await.expect("vouched for");
    let answer = device.sync(0, 0, Vec::new()).await.expect("a first sync");
    let person = answer.state.confirmation.expect("a person").requester_id;
    Ready { device, enrolled, person, epoch: answer.epoch }
}

pub(crate) fn ticket(id: u128, author: RequesterId, attachments: Vec<NewAttachment>) -> NewTicket {
    let plain = deskbell_tests::ticket::plain(Uuid::from_u128(id), author, format!("Ticket {id}"));
    NewTicket { description: "It does not print.".into(), attachments, ..plain }
}

pub(crate) fn item(ticket: NewTicket) -> OutboxItem {
    OutboxItem::Ticket(ticket)
}

pub(crate) fn file(id: u128, name: &str, content: &[u8]) -> NewAttachment {
    NewAttachment {
        id: AttachmentId(Uuid::from_u128(id)),
        role: AttachmentRole::File,
        name: name.into(),
        content_type: "text/plain".into(),
        size: content.len() as u64,
        sha256: deskbell_tests::hash::sha256(content),
    }
}
