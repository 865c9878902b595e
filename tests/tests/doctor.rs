//! `deskbell doctor`, run against what goes wrong: each fault is named, and nothing else is blamed for it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::rc::Rc;

use deskbell_tests::{
    agent::Agent,
    desktop::Desktop,
    headless::Headless,
    helpdesk::Helpdesk,
    process,
    proxy::{Proxy, Tls},
    server::program,
    tls::{Authority, Front, Valid},
    tray_host::TrayHost,
    wait::{SOON, until},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::Command,
};

const NAME: &str = "helpdesk.example";

/// What a doctor said: its exit code and its report.
struct Report {
    exit: Option<i32>,
    said: Value,
}

impl Report {
    fn of((exit, printed): (Option<i32>, String)) -> Self {
        Self { exit, said: serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}")) }
    }

    fn code(&self, check: &str) -> &str {
        let found = self.said["checks"].as_array().unwrap().iter().find(|found| found["check"] == check);
        found.unwrap_or_else(|| panic!("{check} was looked at"))["code"].as_str().unwrap()
    }

    /// Everything that is said to have failed.
    fn failed(&self) -> Vec<&str> {
        let checks = self.said["checks"].as_array().unwrap().iter();
        checks.filter(|found| found["verdict"] == "failed").map(|found| found["code"].as_str().unwrap()).collect()
    }

    /// Just this failed, and something can be done about it.
    fn assert_failed(&self, code: &str) {
        assert_eq!(self.failed(), [code], "{:#}", self.said);
        assert_eq!((self.exit, &self.said["well"]), (Some(1), &Value::Bool(false)));
        let checks = self.said["checks"].as_array().unwrap();
        let advice = checks.iter().find(|found| found["code"] == code).unwrap()["advice"].as_str().unwrap();
        assert!(!advice.is_empty() && !advice.contains('{'), "{advice}");
    }

    fn assert_well(&self) {
        assert_eq!(self.failed(), Vec::<&str>::new(), "{:#}", self.said);
        assert_eq!((self.exit, &self.said["well"]), (Some(0), &Value::Bool(true)));
    }
}

async fn doctor(agent: &Headless) -> Report {
    Report::of(agent.run(&["doctor", "--json"]).await.unwrap())
}

/// The program, started by another one that changes the world for it.
async fn doctor_in(agent: &Headless, wrapping: &[&str]) -> Report {
    let mut command = Command::new(wrapping[0]);
    command.args(&wrapping[1..]).arg(program("deskbell").unwrap());
    Report::of(agent.run_as(command, &["doctor", "--json"]).await.unwrap())
}

/// A device whose person may write tickets, with its agent stopped.
async fn well(folder: &TempDir) -> (Helpdesk, Headless) {
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let mut agent = Headless::new(&folder.path().join("agent"), &helpdesk.server.url(), &helpdesk.enrolment_key);
    agent.start().unwrap();
    helpdesk.welcome().await.unwrap();
    agent.welcomed().await.unwrap();
    (helpdesk, agent)
}

#[tokio::test]
async fn beside_an_agent_that_runs_and_works_all_is_well() {
    let folder = tempfile::tempdir().unwrap();
    let (helpdesk, mut agent) = well(&folder).await;
    let report = doctor(&agent).await;
    report.assert_well();
    for (check, code) in [
        ("name", "name_is_address"),
        ("route", "route_open"),
        ("proxy", "proxy_unused"),
        ("tls", "tls_local"),
        ("server", "server_answers"),
        ("clock", "clock_right"),
        ("signature", "signature_accepted"),
        ("enablement", "enabled"),
        ("confirmation", "confirmed"),
        ("key_store", "key_in_file"),
        ("queue", "queue_fine"),
        ("web_view", "web_view_there"),
        ("tray", "no_desktop"),
        ("hotkey", "no_desktop"),
    ] {
        assert_eq!(report.code(check), code, "{:#}", report.said);
    }
    // Looking has changed nothing: the agent goes on, and no second machine is suspected.
    agent.submit("The printer").await.unwrap();
    agent.delivered("The printer").await.unwrap();
    assert_eq!(helpdesk.tickets().unwrap(), 1);
    agent.stop().await.unwrap();
    let report = doctor(&agent).await;
    report.assert_well();
    assert_eq!(report.code("agent"), "agent_ended");
    assert_eq!(report.code("signature"), "signature_accepted", "it needs no agent that runs");
}

#[tokio::test]
async fn each_obstacle_on_the_way_is_named_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (helpdesk, mut agent) = well(&folder).await;
    agent.stop().await.unwrap();
    let authority = Authority::new("Harbour Root").unwrap();
    let trusted = authority.write(folder.path()).unwrap();
    let front = Front::start(&authority, "localhost", Valid::Now, &helpdesk.server.url()).await.unwrap();
    let old = Front::start(&authority, "localhost", Valid::Before, &helpdesk.server.url()).await.unwrap();
    let wrong = Front::start(&authority, NAME, Valid::Now, &helpdesk.server.url()).await.unwrap();
    let closed = process::free_port().unwrap();
    let (https, file) = (format!("https://localhost:{}", front.port()), trusted.to_str().unwrap());
    for (url, ca_file, code) in [
        ("http://nobody.invalid", "", "name_unknown"),
        (&format!("http://127.0.0.1:{closed}"), "", "route_refused"),
        (&https, "", "certificate_untrusted"),
        (&format!("https://localhost:{}", old.port()), file, "certificate_expired"),
        (&format!("https://localhost:{}", wrong.port()), file, "certificate_wrong_name"),
        (&helpdesk.server.url().replace("http:", "https:"), "", "tls_failed"),
        (&format!("{}/elsewhere", helpdesk.server.url()), "", "server_unintelligible"),
    ] {
        agent.set("DESKBELL_SERVER_URL", url);
        agent.set("DESKBELL_CA_FILE", ca_file);
        doctor(&agent).await.assert_failed(code);
    }
    agent.set("DESKBELL_SERVER_URL", &https);
    agent.set("DESKBELL_CA_FILE", file);
    let report = doctor(&agent).await;
    report.assert_well();
    assert_eq!(report.code("tls"), "tls_trusted");
}

/// Answers every request alike, as the gate of a guest network does.
async fn gate(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut visitor, _)) = listener.accept().await {
            let _ = visitor.read(&mut [0; 4096]).await;
            let _ = visitor.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_gate_in_the_network_is_told_from_a_wrong_address() {
    let folder = tempfile::tempdir().unwrap();
    let (_helpdesk, mut agent) = well(&folder).await;
    agent.stop().await.unwrap();
    for (answer, code) in [
        ("HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nContent-Length: 0\r\n\r\n", "sign_in_page"),
        ("HTTP/1.1 511 Network Authentication Required\r\nContent-Length: 0\r\n\r\n", "sign_in_page"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<html></html>\r\n", "server_unintelligible"),
        ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "server_unavailable"),
        ("this is no HTTP at all\r\n\r\n", "server_unavailable"),
    ] {
        agent.set("DESKBELL_SERVER_URL", &gate(answer).await);
        doctor(&agent).await.assert_failed(code);
    }
}

/// It is well there: anything else is an error of its own.
async fn look(agent: &Agent) -> Report {
    Report::of((Some(0), agent.run(&["doctor", "--json"]).await.unwrap()))
}

#[tokio::test]
async fn on_a_desktop_the_bell_the_key_and_the_key_store_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let desktop = Rc::new(Desktop::start(folder.path()).await.unwrap());
    let mut agent = Agent::new(&desktop, &helpdesk.server.url(), &helpdesk.enrolment_key).unwrap();
    agent.start().await.unwrap();
    helpdesk.welcome().await.unwrap();
    until("the agent holds its key", SOON, async || {
        let status: Value = serde_json::from_str(&agent.run(&["status", "--json"]).await?)?;
        Ok((status["status"]["hotkey"]["state"] == "registered").then_some(()))
    })
    .await
    .unwrap();
    let report = look(&agent).await;
    for (check, code) in [("tray", "tray_missing"), ("hotkey", "hotkey_held"), ("key_store", "key_kept")] {
        assert_eq!(report.code(check), code, "{:#}", report.said);
    }
    let _tray = TrayHost::start(&desktop).await.unwrap();
    assert_eq!(look(&agent).await.code("tray"), "tray_there");
    agent.stop().await.unwrap();
    let report = look(&agent).await;
    assert_eq!((report.code("agent"), report.code("hotkey")), ("agent_ended", "hotkey_free"));
}

#[tokio::test]
async fn a_proxy_is_examined_and_its_password_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (helpdesk, mut agent) = well(&folder).await;
    agent.stop().await.unwrap();
    let proxy = Proxy::start(folder.path(), Tls::Pass, Some("sam:tr0ub4dor")).await.unwrap();
    let port = helpdesk.server.url().rsplit(':').next().unwrap().to_owned();
    agent.set("DESKBELL_SERVER_URL", &format!("http://{NAME}:{port}"));
    agent.set("DESKBELL_PROXY", &proxy.url("sam:tr0ub4dor"));
    let report = doctor(&agent).await;
    report.assert_well();
    assert_eq!((report.code("proxy"), report.code("name")), ("proxy_passes", "through_proxy"));
    assert!(!report.said.to_string().contains("tr0ub4dor"), "{:#}", report.said);

    agent.set("DESKBELL_PROXY", &proxy.url("sam:wr0ng"));
    let report = doctor(&agent).await;
    report.assert_failed("proxy_authentication");
    assert!(!report.said.to_string().contains("wr0ng"), "{:#}", report.said);
    let closed = process::free_port().unwrap();
    agent.set("DESKBELL_PROXY", &format!("http://127.0.0.1:{closed}"));
    doctor(&agent).await.assert_failed("proxy_unreachable");
    agent.set("DESKBELL_PROXY", &proxy.url("sam:tr0ub4dor"));
    agent.set("DESKBELL_SERVER_URL", &format!("http://{NAME}:{closed}"));
    doctor(&agent).await.assert_failed("proxy_refused");
}

#[tokio::test]
async fn what_the_server_thinks_of_the_device_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let helpdesk = Helpdesk::open(folder.path()).await.unwrap();
    let mut agent = Headless::new(&folder.path().join("agent"), &helpdesk.server.url(), &helpdesk.enrolment_key);
    doctor(&agent).await.assert_failed("not_enrolled");
    assert!(!agent.data().exists(), "looking made nothing");
    agent.start().unwrap();
    let (device, installation) = helpdesk.introduced().await.unwrap();
    agent.said("that it is introduced", |line| line["status"]["state"].as_object().map(drop)).await.unwrap();
    doctor(&agent).await.assert_failed("not_enabled");
    helpdesk.enable(&device).await.unwrap();
    let report = doctor(&agent).await;
    report.assert_well();
    assert_eq!(report.code("confirmation"), "not_confirmed");
    helpdesk.revoke(&installation).await.unwrap();
    doctor(&agent).await.assert_failed("device_revoked");
}

#[tokio::test]
async fn a_clock_that_is_off_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (_helpdesk, mut agent) = well(&folder).await;
    agent.stop().await.unwrap();
    let report = doctor_in(&agent, &["faketime", "-f", "+1h"]).await;
    report.assert_well();
    assert_eq!(report.code("clock"), "clock_off");
    assert_eq!(report.code("signature"), "signature_accepted", "the agent signs by the server's time");
    let clock = report.said["checks"].as_array().unwrap().iter().find(|found| found["check"] == "clock").unwrap();
    assert!(clock["found"].as_str().unwrap().contains("60 minutes"), "{clock}");
}

#[tokio::test]
async fn a_disk_that_keeps_nothing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (_helpdesk, mut agent) = well(&folder).await;
    agent.stop().await.unwrap();
    let data = agent.data();
    let script = |mount: &str| format!("{mount} && shift 1 && exec \"$@\"");
    let read_only = script("mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\"");
    let full = script("mount -t tmpfs -o size=32k tmpfs \"$1\"");
    for (change, code, queue) in [(&read_only, "disk_read_only", "queue_fine"), (&full, "disk_full", "queue_not_made")]
    {
        // A world of its own, in which the data folder is another one.
        let wrapping =
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", change, "sh", data.to_str().unwrap()];
        let report = doctor_in(&agent, &wrapping).await;
        assert!(report.failed().contains(&code), "{:#}", report.said);
        assert_eq!(report.code("queue"), queue, "{:#}", report.said);
        assert_eq!(report.exit, Some(1));
    }
    doctor(&agent).await.assert_well();
}

#[tokio::test]
async fn people_read_it_in_their_language() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Headless::new(folder.path(), "http://nobody.invalid", "");
    let (exit, english) = agent.run(&["doctor"]).await.unwrap();
    assert_eq!(exit, Some(1));
    assert!(english.contains("FAILED") && english.contains("nobody.invalid"), "{english}");
    agent.set("LANG", "fr_FR.UTF-8");
    let (_, french) = agent.run(&["doctor"]).await.unwrap();
    assert!(french.contains("ÉCHEC") && french.contains("Nom du serveur"), "{french}");
}
