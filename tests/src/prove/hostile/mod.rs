//! Texts that want to be programs: written through agent and API wherever somebody can write, and opened in
//! the real console in Chromium, which has no way out but a recorder.

mod agent;
mod browser;
mod corpus;
mod mails;
mod plant;
mod recorder;
mod tap;

use anyhow::{Context, Result};

use super::{Found, Kind, Order};
use crate::{desktop::Desktop, helpdesk::Helpdesk, mail::MailServer, server::Server};
use browser::Watched;
use corpus::corpus;
use recorder::Recorder;
use tap::Tap;

pub(super) async fn run(order: Order) -> Result<Found> {
    let mut found = Found::default();
    let folder = tempfile::tempdir()?;
    let texts = corpus()?;
    let recorder = Recorder::start().await?;
    let desktop = Desktop::start(folder.path()).await?;
    let mail = MailServer::start(&folder.path().join("mailbox"), &folder.path().join("smtp.log")).await?;
    let (listener, public) = Tap::bind().await?;
    let server = Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?.with_mail(mail.port());
    let server = server.with("PUBLIC_URL", public);
    let helpdesk = Helpdesk::with(server).await?;
    let clients = helpdesk.api.get("/clients").await?;
    let client = clients[0]["id"].as_str().context("a client")?.to_owned();
    let key = serde_json::json!({"name": "Many", "expires_in_days": 7, "max_devices": 250});
    let key = helpdesk.api.post(&format!("/clients/{client}/enrolment-keys"), key).await?;
    let helpdesk = Helpdesk { enrolment_key: key["secret"].as_str().context("a key")?.to_owned(), ..helpdesk };
    let mut planted = plant::everything(&helpdesk, &texts, &client).await?;
    found.notes.push(format!("{} texts, {} written, {} refused", texts.len(), planted.written, planted.refused));

    if !order.quick {
        agent::run(&helpdesk, &texts, folder.path(), &mut planted, &mut found).await?;
    }
    let tap = Tap::to(listener, helpdesk.server.port())?;
    let browser = Watched::open(&desktop, "browser", &tap.url(), &recorder).await?;
    tap::control(&browser, &tap, &recorder, &mut found).await?;
    browser.sign_in("ada@harbour.example", "correct horse battery").await?;
    let calm = |lines: Vec<String>| lines.into_iter().filter(|line| !line.starts_with("error: ResizeObserver"));
    for file in planted.files.drain(..).take(if order.quick { 3 } else { 16 }) {
        for way in ["", "?inline=1"] {
            let path = format!("/api/console/v1/attachments/{file}{way}");
            look_at_file(&helpdesk, &browser, &tap, &path, &mut found).await?;
            out(&recorder, &tap, &path, &mut found);
        }
        if order.quick && !found.violations.is_empty() {
            return Ok(found);
        }
    }
    if order.quick {
        planted.pages.truncate(4);
    }
    for page in &planted.pages {
        found.runs += 1;
        match browser.legible(&page.path, &page.texts).await {
            Ok(missing) if missing.is_empty() => {}
            Ok(missing) => {
                let some: Vec<&String> = missing.iter().take(5).collect();
                found.violation(Kind::Wrong, format!("{} does not show {} texts: {some:?}", page.path, missing.len()));
            }
            Err(error) => found.violation(Kind::Wrong, format!("{} is not shown: {error:#}", page.path)),
        }
        for line in calm(browser.ran().await?) {
            found.violation(Kind::Leaked, format!("{}: {line}", page.path));
        }
        out(&recorder, &tap, &page.path, &mut found);
    }
    if !order.quick {
        mails::read(&mail, &texts, &mut found).await?;
    }
    Ok(found)
}

/// A request that left the browser: outward, or to what of the server's only a text names.
fn out(recorder: &Recorder, tap: &Tap, from: &str, found: &mut Found) {
    for line in recorder.take().into_iter().chain(tap.take()) {
        found.violation(Kind::Leaked, format!("{from} asked for {line}"));
    }
}

/// A file is saved, or is a picture; it never is a page of ours.
async fn look_at_file(helpdesk: &Helpdesk, browser: &Watched, tap: &Tap, path: &str, found: &mut Found) -> Result<()> {
    found.runs += 1;
    let before = browser.address().await?;
    browser.go(&format!("{}{path}", tap.url())).await?;
    let (after, ran) = (browser.address().await?, browser.ran().await?);
    if after != before || !ran.is_empty() {
        found.violation(Kind::Leaked, format!("{path} was opened by the browser, at {after}: {ran:?}"));
    }
    let short = path.trim_start_matches("/api/console/v1");
    let answer = helpdesk.api.send(reqwest::Method::GET, short, None).await?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let saved = header("content-disposition").starts_with("attachment;");
    let still = header("content-security-policy").contains("sandbox") && header("x-content-type-options") == "nosniff";
    if !saved || !still || header("content-type") != "application/octet-stream" {
        found.violation(Kind::Leaked, format!("{path} is served as {:?}", answer.headers()));
    }
    Ok(())
}
