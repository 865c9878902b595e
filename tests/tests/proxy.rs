//! The real agent, the real server, and what companies put between them: proxies and certificates. Each
//! ticket arrives, or the agent says what is in its way and keeps it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use deskbell_tests::{
    headless::Headless,
    helpdesk::Helpdesk,
    proxy::{Proxy, Tls},
    tls::{Authority, Front, Valid},
    wait::{SOON, until},
};
use serde_json::json;
use tempfile::TempDir;

/// Only the proxy knows where this is.
const NAME: &str = "helpdesk.example";
const SECRET: &str = "tr0ub4dor";
const PERSON: &str = "sam:tr0ub4dor";

fn port(url: &str) -> &str {
    url.rsplit(':').next().unwrap()
}

fn agent(folder: &TempDir, helpdesk: &Helpdesk, url: &str) -> Headless {
    Headless::new(&folder.path().join("agent"), url, &helpdesk.enrolment_key)
}

/// Introduces the device, lets somebody in, and has one ticket delivered.
async fn works(agent: &mut Headless, helpdesk: &Helpdesk) {
    agent.start().unwrap();
    delivers(agent, helpdesk).await;
}

async fn delivers(agent: &mut Headless, helpdesk: &Helpdesk) {
    helpdesk.welcome().await.unwrap();
    agent.welcomed().await.unwrap();
    agent.submit("The printer").await.unwrap();
    agent.delivered("The printer").await.unwrap();
    assert_eq!(helpdesk.tickets().unwrap(), 1);
}

/// What is kept goes out once nothing is in the way any more.
async fn lost_nothing(agent: &mut Headless, helpdesk: &Helpdesk, setting: (&str, &str)) {
    assert_eq!(helpdesk.tickets().unwrap(), 1, "nothing went where it should not");
    agent.stop().await.unwrap();
    agent.set(setting.0, setting.1);
    agent.start().unwrap();
    agent.delivered("Kept").await.unwrap();
    assert_eq!(helpdesk.tickets().unwrap(), 2);
}

fn keeps_the_secret(agent: &Headless) {
    let said = std::fs::read_to_string(agent.log()).unwrap();
    assert!(said.contains("TRACE"), "it says all that it can");
    assert!(!said.contains(SECRET) && !said.contains("c2FtOnRyMHVi"), "the password is in what it says:\n{said}");
}

#[tokio::test]
async fn a_ticket_goes_through_a_proxy_that_the_environment_names() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let proxy = Proxy::start(folder.path(), Tls::Pass, None).await.unwrap();
    let url = format!("http://{NAME}:{}", port(&helpdesk.server.url()));
    let mut agent = agent(&folder, &helpdesk, &url);
    agent.set("HTTP_PROXY", &proxy.url(""));
    works(&mut agent, &helpdesk).await;
}

#[tokio::test]
async fn a_proxy_that_asks_who_one_is_gets_the_right_answer_or_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let proxy = Proxy::start(folder.path(), Tls::Pass, Some(PERSON)).await.unwrap();
    let authority = Authority::new("Harbour Root").unwrap();
    let front = Front::start(&authority, NAME, Valid::Now, &helpdesk.server.url()).await.unwrap();
    let mut agent = agent(&folder, &helpdesk, &format!("https://{NAME}:{}", front.port()));
    agent.set("DESKBELL_CA_FILE", authority.write(folder.path()).unwrap().to_str().unwrap());
    agent.set("DESKBELL_PROXY", &proxy.url(PERSON));
    agent.set("RUST_LOG", "trace");
    works(&mut agent, &helpdesk).await;
    assert!(proxy.log().contains(NAME), "it went that way: {}", proxy.log());
    agent.stop().await.unwrap();

    agent.set("DESKBELL_PROXY", &proxy.url("sam:wrong"));
    agent.start().unwrap();
    assert_eq!(agent.problem("proxy_authentication").await.unwrap(), proxy.address());
    agent.submit("Kept").await.unwrap();
    lost_nothing(&mut agent, &helpdesk, ("DESKBELL_PROXY", &proxy.url(PERSON))).await;
    keeps_the_secret(&agent);
}

#[tokio::test]
async fn without_encryption_the_proxy_asks_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let proxy = Proxy::start(folder.path(), Tls::Pass, Some(PERSON)).await.unwrap();
    let mut agent = agent(&folder, &helpdesk, &format!("http://{NAME}:{}", port(&helpdesk.server.url())));
    agent.set("RUST_LOG", "trace");
    agent.set("DESKBELL_PROXY", &proxy.url(""));
    agent.start().unwrap();
    assert_eq!(agent.problem("proxy_authentication").await.unwrap(), proxy.address());
    agent.stop().await.unwrap();
    agent.set("DESKBELL_PROXY", &proxy.url(PERSON));
    works(&mut agent, &helpdesk).await;
    keeps_the_secret(&agent);
}

#[tokio::test]
async fn a_proxy_that_opens_tls_is_trusted_by_a_file_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let proxy = Proxy::start(folder.path(), Tls::Open, None).await.unwrap();
    let authority = Authority::new("Harbour Root").unwrap();
    let front = Front::start(&authority, NAME, Valid::Now, &helpdesk.server.url()).await.unwrap();
    let mut agent = agent(&folder, &helpdesk, &format!("https://{NAME}:{}", front.port()));
    agent.set("DESKBELL_PROXY", &proxy.url(""));
    agent.set("DESKBELL_CA_FILE", proxy.authority().to_str().unwrap());
    works(&mut agent, &helpdesk).await;
    assert!(proxy.log().contains("passed on POST /api/agent/v1/sync"), "it was open: {}", proxy.log());
    agent.stop().await.unwrap();

    let opened = proxy.log();
    agent.set("DESKBELL_CA_FILE", authority.write(folder.path()).unwrap().to_str().unwrap());
    agent.start().unwrap();
    let issuer = agent.problem("certificate_untrusted").await.unwrap();
    assert_eq!(issuer, "mitmproxy", "whose certificate it was is said");
    agent.submit("Kept").await.unwrap();
    assert_eq!(proxy.log().matches("passed on").count(), opened.matches("passed on").count(), "it saw nothing");
    lost_nothing(&mut agent, &helpdesk, ("DESKBELL_CA_FILE", proxy.authority().to_str().unwrap())).await;
}

#[tokio::test]
async fn the_system_s_certificates_count() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let authority = Authority::new("Harbour Root").unwrap();
    let front = Front::start(&authority, "localhost", Valid::Now, &helpdesk.server.url()).await.unwrap();
    let store = folder.path().join("store.pem");
    let other = Authority::new("Somebody Else").unwrap().write(folder.path()).unwrap();
    std::fs::copy(&other, &store).unwrap();
    let mut agent = agent(&folder, &helpdesk, &format!("https://localhost:{}", front.port()));
    // What the system trusts, on a Linux whose certificates lie elsewhere.
    agent.set("SSL_CERT_FILE", store.to_str().unwrap());
    agent.start().unwrap();
    assert_eq!(agent.problem("certificate_untrusted").await.unwrap(), "Harbour Root");
    // The administrator installs the authority; nobody starts the agent again.
    std::fs::copy(authority.write(folder.path()).unwrap(), &store).unwrap();
    until("the agent looks at the system's certificates again", SOON, async || {
        agent.order(json!({"retry_now": {}})).await?;
        Ok(helpdesk.server.database()?.pairs("select device_id, id from installations", [])?.pop())
    })
    .await
    .unwrap();
    delivers(&mut agent, &helpdesk).await;
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let authority = Authority::new("Harbour Root").unwrap();
    let trusted = authority.write(folder.path()).unwrap();
    for (name, valid, code) in [
        ("localhost", Valid::Before, "certificate_expired"),
        ("localhost", Valid::Later, "certificate_expired"),
        ("other.example", Valid::Now, "certificate_wrong_name"),
    ] {
        let front = Front::start(&authority, name, valid, &helpdesk.server.url()).await.unwrap();
        let mut agent = agent(&folder, &helpdesk, &format!("https://localhost:{}", front.port()));
        agent.set("DESKBELL_CA_FILE", trusted.to_str().unwrap());
        agent.start().unwrap();
        assert_eq!(agent.problem(code).await.unwrap(), "Harbour Root", "{name} {valid:?}");
        agent.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let closed = deskbell_tests::process::free_port().unwrap();
    let plain = port(&helpdesk.server.url()).to_owned();
    for (url, proxy, code, subject) in [
        ("http://nobody.invalid".to_owned(), None, "server_name_unknown", "nobody.invalid".to_owned()),
        (format!("http://127.0.0.1:{closed}"), None, "server_refused", "127.0.0.1".to_owned()),
        (format!("https://127.0.0.1:{plain}"), None, "tls_failed", "127.0.0.1".to_owned()),
        (format!("https://{NAME}"), Some(closed), "proxy_unreachable", format!("127.0.0.1:{closed}")),
        (format!("http://{NAME}"), Some(closed), "proxy_unreachable", format!("127.0.0.1:{closed}")),
    ] {
        let mut agent = agent(&folder, &helpdesk, &url);
        if let Some(port) = proxy {
            agent.set("DESKBELL_PROXY", &format!("http://127.0.0.1:{port}"));
        }
        agent.start().unwrap();
        assert_eq!(agent.problem(code).await.unwrap(), subject, "{url}");
        agent.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_reach_the_server_is_told_from_one_that_cannot_be_reached() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let proxy = Proxy::start(folder.path(), Tls::Pass, None).await.unwrap();
    let closed = deskbell_tests::process::free_port().unwrap();
    let mut agent = agent(&folder, &helpdesk, &format!("http://{NAME}:{closed}"));
    agent.set("DESKBELL_PROXY", &proxy.url(""));
    agent.start().unwrap();
    assert_eq!(agent.problem("proxy_refused").await.unwrap(), proxy.address());
}
