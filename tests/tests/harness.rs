//! The harness itself: a test that leans on it is worth no more than it.

#![cfg(target_os = "linux")]

use std::time::Duration;

use deskbell_tests::{
    desktop::Desktop, mail::MailServer, notifications::Recorder, picture, postgres::Postgres, process,
    tray_host::TrayHost, webdriver::Session,
};

#[tokio::test]
async fn a_desktop_shows_types_and_keeps_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let desktop = Desktop::start(folder.path()).await.unwrap();
    let _tray = TrayHost::start(&desktop).await.unwrap();

    let mut store = desktop.command("secret-tool");
    store.args(["store", "--label=one", "name", "one"]);
    let mut kept =
        process::Process::start_with_input("secret-tool", &mut store, &desktop.log("secret"), Some("hush")).unwrap();
    deskbell_tests::wait::until("the secret is stored", process::START, async || Ok((!kept.running()).then_some(())))
        .await
        .unwrap();
    let mut lookup = desktop.command("secret-tool");
    lookup.args(["lookup", "name", "one"]);
    assert_eq!(process::run(lookup).await.unwrap(), b"hush", "the key ring is open and keeps a secret");

    let screen = picture::screen(&desktop, &folder.path().join("screen.png")).await.unwrap();
    assert_eq!(screen.dimensions(), (deskbell_tests::desktop::WIDTH, deskbell_tests::desktop::HEIGHT));
}

#[tokio::test]
async fn a_notification_is_recorded_and_clicked() {
    let folder = tempfile::tempdir().unwrap();
    let desktop = Desktop::start(folder.path()).await.unwrap();
    let recorder = Recorder::start(&desktop).await.unwrap();
    let (name, path) = ("org.freedesktop.Notifications", "/org/freedesktop/Notifications");
    let hints = std::collections::HashMap::<&str, zbus::zvariant::Value<'_>>::new();
    let arguments = ("program", 0_u32, "", "Title", "Body", ["default", "Open"].as_slice(), hints, -1_i32);
    desktop.bus().await.unwrap().call_method(Some(name), path, Some(name), "Notify", &arguments).await.unwrap();
    let shown = recorder.wait("Title", Duration::from_secs(5), |one| one.title == "Title").await.unwrap();
    assert_eq!((shown.body.as_str(), shown.actions[0].as_str()), ("Body", "default"));
    recorder.click(shown.id, "default").await.unwrap();
    assert!(recorder.wait("absent", Duration::from_millis(200), |one| one.title == "Other").await.is_err());
}

#[tokio::test]
async fn a_browser_fills_in_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let desktop = Desktop::start(folder.path()).await.unwrap();
    let browser = Session::chromium(&desktop, "browser", "fr").await.unwrap();
    let page = "data:text/html,<input id=a oninput=\"b.innerText=value\"><p id=b></p><p id=c></p><script>c.innerText=navigator.language</script>";
    browser.go(page).await.unwrap();
    browser.fill("#a", "hello").await.unwrap();
    browser.wait_text("#b", Duration::from_secs(5), |text| text == "hello").await.unwrap();
    assert!(browser.text("#c").await.unwrap().starts_with("fr"), "the browser speaks the language that was asked for");
    assert!(picture::decode(&browser.picture().await.unwrap()).is_ok());
    assert!(!browser.shows("#absent").await);
}

#[tokio::test]
async fn a_mail_is_delivered_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let box_folder = folder.path().join("mailbox");
    let mut server = MailServer::start(&box_folder, &folder.path().join("smtp.log")).await.unwrap();
    let script = "import smtplib, sys
s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))
s.sendmail('a@example.org', ['b@example.org'], '''Message-ID: <1@example.org>
To: b@example.org
From: a@example.org
Subject: Hi

Your token: BCDF-GHJK''')";
    let mut python = process::command("python3");
    python.args(["-c", script, &server.port().to_string()]);
    process::run(python).await.unwrap();
    let mail = server.wait("b@example.org", "Hi", Duration::from_secs(5), |mail| mail.subject == "Hi").await.unwrap();
    assert_eq!(mail.message_id, "1@example.org");
    assert_eq!(deskbell_tests::mail::token(&mail.text).as_deref(), Some("BCDF-GHJK"));
    assert_eq!(mail.html, "", "a mail without HTML has none");
    server.stop().await.unwrap();
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.is_err(), "a stopped server refuses");
}

#[tokio::test]
async fn a_cluster_answers() {
    let postgres = Postgres::start().await.unwrap();
    let name = postgres.database().await.unwrap();
    assert_eq!(postgres.sql_in(&name, "select 1 + 1").await.unwrap(), "2");
}
