//! The ticket form in a real browser, against the real server: what a person meets who has no window.

#![cfg(target_os = "linux")]

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use deskbell_protocol::{
    device::Enrolled,
    handover::{AskHandover, Handover, HandoverPage},
};
use deskbell_tests::{
    api::Api, desktop::Desktop, device::Device, mail::MailServer, picture, server::Server, wait::SOON,
    webdriver::Session,
};
use serde_json::json;

const PERSON: &str = "camille@northwind.example";

struct There {
    server: Server,
    api: Api,
    device: Device,
    enrolled: Enrolled,
    mail: MailServer,
    browser: Session,
    desktop: Desktop,
    _folder: tempfile::TempDir,
}

impl There {
    async fn begin(language: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let desktop = Desktop::start(folder.path()).await?;
        let mail = MailServer::start(&folder.path().join("mailbox"), &desktop.log("smtp")).await?;
        let data = folder.path().join("server");
        let mut server = Server::new(&data, &desktop.log("server"))?.with_mail(mail.port());
        server.start().await?;
        let code = server.setup_code().await?;
        let answers = json!({"code": code, "organization": "Harbour IT", "name": "Ada", "email": "ada@harbour.example",
            "password": "correct horse battery", "language": "en"});
        let api = Api::set_up(server.http(), &server.url(), answers).await?;
        let client = api.post("/clients", json!({"name": "Northwind", "domains": ["northwind.example"]})).await?;
        let keys = format!("/clients/{}/enrolment-keys", client["id"].as_str().context("a client")?);
        let key = api.post(&keys, json!({"name": "Key", "expires_in_days": 7, "max_devices": 3})).await?;
        let device = Device::new(server.http(), &server.url(), "NW-LT-0142", 1).await?;
        let enrolled = device.enrol(key["secret"].as_str().context("a key")?).await?;
        api.put(&format!("/devices/{}/enablement", enrolled.device_id), json!({"enabled": true})).await?;
        let browser = Session::chromium(&desktop, "browser", language).await?;
        Ok(Self { server, api, device, enrolled, mail, browser, desktop, _folder: folder })
    }

    async fn vouch(&self) -> Result<()> {
        let person = json!({"name": "Camille Martin", "email": PERSON});
        self.api.post(&format!("/installations/{}/vouch", self.enrolled.installation_id), person).await.map(drop)
    }

    async fn link(&self) -> Result<String> {
        let ask = AskHandover { page: HandoverPage::NewTicket };
        Ok(self.device.post::<Handover>("/handover", &ask).await?.url)
    }

    /// How many tickets the server holds, and the last one's id.
    async fn tickets(&self) -> Result<(i64, Option<String>)> {
        let found = self.api.get("/tickets?view=all").await?;
        let id = found["tickets"][0]["id"].as_str().map(str::to_owned);
        Ok((found["total"].as_i64().context("a total")?, id))
    }

    fn file(&self, name: &str, content: &[u8]) -> Result<std::path::PathBuf> {
        let path = self.desktop.folder().join(name);
        std::fs::write(&path, content)?;
        Ok(path)
    }

    /// For whoever wants to look, beside the logs of a failed test.
    async fn picture(&self, name: &str) -> Result<()> {
        let folder = std::env::var("DESKBELL_TEST_PICTURES").unwrap_or_default();
        let png = self.browser.picture().await?;
        picture::decode(&png)?;
        if !folder.is_empty() {
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), png)?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_ticket_is_written_and_arrives_with_its_files() {
    let there = There::begin("en").await.unwrap();
    there.vouch().await.unwrap();
    let browser = &there.browser;
    browser.go(&there.link().await.unwrap()).await.unwrap();
    browser.wait("#subject", SOON).await.unwrap();
    let address = browser.script("return location.href", json!([])).await.unwrap();
    assert!(!address.as_str().unwrap().contains('#'), "the secret is out of the address bar: {address}");
    assert_eq!(browser.text("#device").await.unwrap(), "From NW-LT-0142");
    browser.click("#send").await.unwrap();
    browser.wait("#subject-error", SOON).await.unwrap();
    browser.fill("#subject", "The printer eats paper").await.unwrap();
    browser.set("#description", "Since Monday.\nEvery second page.").await.unwrap();
    // More than one piece.
    let content = vec![7_u8; 2 * 1024 * 1024 + 3];
    browser.upload("#chooser", &there.file("trace.bin", &content).unwrap()).await.unwrap();
    browser.wait(".fileline", SOON).await.unwrap();
    there.picture("portal-form").await.unwrap();
    browser.click("#send").await.unwrap();
    browser.wait("#result[data-state=sent]", SOON).await.unwrap();
    there.picture("portal-sent").await.unwrap();
    assert_eq!(browser.attribute("#result", "data-number").await.unwrap(), "1");
    let (total, id) = there.tickets().await.unwrap();
    let ticket = there.api.get(&format!("/tickets/{}", id.unwrap())).await.unwrap();
    assert_eq!((total, &ticket["source"], &ticket["files_pending"]), (1, &json!("browser"), &json!(0)));
    assert_eq!(ticket["requester_email"], json!(PERSON));
    assert_eq!(ticket["context"]["device"], json!("NW-LT-0142"));
    assert_eq!(ticket["messages"][0]["text"], json!("Since Monday.\nEvery second page."));
    browser.click("#another").await.unwrap();
    browser.wait_value("#subject", "").await.unwrap();
}

#[tokio::test]
async fn what_is_written_survives_a_reload_and_an_absent_server() {
    let mut there = There::begin("fr").await.unwrap();
    there.vouch().await.unwrap();
    there.browser.go(&there.link().await.unwrap()).await.unwrap();
    there.browser.fill("#subject", "Le serveur de fichiers").await.unwrap();
    there.browser.upload("#chooser", &there.file("note.txt", b"hello").unwrap()).await.unwrap();
    there.browser.wait(".fileline", SOON).await.unwrap();
    wait_kept(&there.browser, "Le serveur de fichiers").await.unwrap();
    there.browser.reload().await.unwrap();
    there.browser.wait_value("#subject", "Le serveur de fichiers").await.unwrap();
    there.browser.wait(".fileline", SOON).await.unwrap();
    there.server.stop().await.unwrap();
    there.browser.click("#send").await.unwrap();
    there.browser.wait("#result[data-state=waiting]", SOON).await.unwrap();
    there.picture("portal-waiting").await.unwrap();
    there.server.start().await.unwrap();
    // As if it had been closed: what was on its way goes first, and as it was.
    there.browser.reload().await.unwrap();
    there.browser.wait("#result[data-state=sent]", SOON).await.unwrap();
    assert_eq!(there.tickets().await.unwrap().0, 1, "it is one ticket");
    there.browser.reload().await.unwrap();
    there.browser.wait_value("#subject", "").await.unwrap();
}

/// Typing rests for a moment before the browser keeps it.
async fn wait_kept(browser: &Session, subject: &str) -> Result<()> {
    let script = "const done = arguments[1]; const request = indexedDB.open('deskbell-portal', 1);
        request.onsuccess = () => { const all = request.result.transaction('tickets').objectStore('tickets').getAll();
            all.onsuccess = () => { request.result.close();
                done(all.result.some((kept) => kept.draft.subject === arguments[0] && kept.files.size === 1)); } }";
    deskbell_tests::wait::until("the browser keeps it", SOON, async || {
        Ok((browser.script_later(script, json!([subject])).await? == true).then_some(()))
    })
    .await
}

#[tokio::test]
async fn whoever_is_not_confirmed_confirms_and_then_writes() {
    let there = There::begin("en").await.unwrap();
    let browser = &there.browser;
    browser.go(&there.link().await.unwrap()).await.unwrap();
    browser.fill("#full-name", "Camille Martin").await.unwrap();
    browser.fill("#email", PERSON).await.unwrap();
    there.picture("portal-confirm").await.unwrap();
    browser.click("#send-token").await.unwrap();
    let mail = there.mail.wait(PERSON, "the token", Duration::from_secs(20), |_| true).await.unwrap();
    browser.fill("#token", &deskbell_tests::mail::token(&mail.text).unwrap()).await.unwrap();
    browser.click("#save").await.unwrap();
    browser.fill("#subject", "Now I can ask").await.unwrap();
    browser.click("#send").await.unwrap();
    browser.wait("#result[data-state=sent]", SOON).await.unwrap();
    assert_eq!(there.tickets().await.unwrap().0, 1);
}

#[tokio::test]
async fn a_page_that_cannot_open_says_why_and_what_to_do() {
    let there = There::begin("fr").await.unwrap();
    there.vouch().await.unwrap();
    let closed = async |code: &str| {
        there.browser.wait(&format!("#closed[data-code={code}]"), SOON).await.unwrap();
        there.browser.text("#closed").await.unwrap()
    };
    let page = format!("{}/portal/new", there.server.url());
    there.browser.go(&page).await.unwrap();
    assert!(closed("not_signed_in").await.contains("Créer un nouveau ticket"), "it says how to open it");
    let link = there.link().await.unwrap();
    let secret = link.split_once('#').unwrap().1;
    let trade = format!("{}/api/portal/v1/session", there.server.url());
    let elsewhere = there.server.http().post(trade).json(&json!({"secret": secret})).send().await.unwrap();
    assert!(elsewhere.status().is_success(), "somebody else was faster");
    there.browser.go(&link).await.unwrap();
    assert!(closed("handover_used").await.contains("Ce lien a déjà servi"));
    there.browser.dark().await.unwrap();
    there.picture("portal-closed").await.unwrap();
    there.browser.go(&format!("{page}#{}", "A".repeat(43))).await.unwrap();
    assert!(closed("handover_expired").await.contains("minute"));
    let link = there.link().await.unwrap();
    there
        .api
        .put(&format!("/devices/{}/enablement", there.enrolled.device_id), json!({"enabled": false}))
        .await
        .unwrap();
    there.browser.go(&link).await.unwrap();
    closed("not_enabled").await;
}
