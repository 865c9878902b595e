//! The same texts through the real agent, and what it and the server wrote into their logs.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{
    super::{Found, Kind},
    corpus::Text,
    plant::{self, Page, Planted},
};
use crate::{
    headless::Headless,
    helpdesk::Helpdesk,
    wait::{SOON, until},
};

/// Tickets that are opened in the console, each with a file that is named after its text and two others.
const OPENED: usize = 4;
const FILES: usize = 3;

/// Every text as the subject and the description of a ticket: what the agent takes arrives as it was written.
/// Some have files; they are opened by themselves, with their files.
pub(super) async fn run(
    helpdesk: &Helpdesk,
    texts: &[Text],
    folder: &Path,
    planted: &mut Planted,
    found: &mut Found,
) -> Result<()> {
    let mut agent = Headless::new(&folder.join("agent"), &helpdesk.server.url(), &helpdesk.enrolment_key);
    let known = "select id, device_id from installations";
    let before = helpdesk.server.database()?.pairs(known, [])?;
    agent.start()?;
    let (installation, device) = until("the agent is introduced", SOON, async || {
        let now = helpdesk.server.database()?.pairs(known, [])?;
        Ok(now.into_iter().find(|one| !before.contains(one)))
    })
    .await?;
    helpdesk.enable(&device).await?;
    let person = json!({"name": "Sam Miller", "email": "sam@northwind.example"});
    helpdesk.api.post(&format!("/installations/{installation}/vouch"), person).await?;
    agent.welcomed().await?;
    let before = helpdesk.tickets()?;
    let mut names = texts.iter().map(|text| text.text.as_str()).filter(|name| is_a_name(name));
    let mut sent = 0;
    for text in texts {
        let count = if usize::try_from(sent)? < OPENED { FILES } else { 0 };
        let files: Vec<_> = names.by_ref().take(count).map(|name| folder.join("files").join(name)).collect();
        for file in &files {
            std::fs::create_dir_all(folder.join("files"))?;
            std::fs::write(file, plant::body(&file.to_string_lossy()))?;
        }
        let order = json!({"submit": {"subject": text.text, "description": text.text, "files": files}});
        agent.order(order).await?;
        sent += 1;
        found.runs += 1;
    }
    until("every ticket of the agent has arrived", SOON, async || {
        Ok((helpdesk.tickets()? - before >= sent).then_some(()))
    })
    .await?;
    for text in texts {
        let kept = "select count(*) from messages where body = ?1 and ticket_id in (select id from tickets
            where installation_id = ?2)";
        let count = helpdesk.server.database()?.count(kept, [&text.text, &installation])?;
        if count == 0 {
            found.violation(Kind::Lost, format!("{:?} did not arrive as it was written", text.text));
        }
    }
    files(helpdesk, &installation, planted, found).await?;
    agent.stop().await?;
    for log in [agent.log(), folder.join("server.log")] {
        let said = std::fs::read_to_string(&log)?;
        let forged = |line: &&str| line.starts_with("2026-01-01T00:00:00Z ERROR") || line.contains("\u{1b}]0;");
        for line in said.lines().filter(forged) {
            found.violation(Kind::Wrong, format!("{} holds a line that a text made: {line:?}", log.display()));
        }
    }
    Ok(())
}

/// What Linux takes as the name of a file, in a folder, and what people may attach.
fn is_a_name(name: &str) -> bool {
    let ends = !name.starts_with('.') && name.trim() == name && !name.ends_with('.');
    ends && !name.is_empty() && name.len() <= 200 && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
}

/// The tickets with files, once these have arrived: pages to be opened.
async fn files(helpdesk: &Helpdesk, installation: &str, planted: &mut Planted, found: &mut Found) -> Result<()> {
    let of = format!("ticket_id in (select id from tickets where installation_id = '{installation}')");
    let wanted = i64::try_from(OPENED * FILES)?;
    let complete = format!("select count(*) from attachments where completed_at is not null and {of}");
    let there = async || Ok((helpdesk.server.database()?.count(&complete, [])? == wanted).then_some(()));
    if let Err(error) = until("every file of the agent has arrived", SOON, there).await {
        found.violation(Kind::Lost, format!("{error:#}"));
    }
    let database = helpdesk.server.database()?;
    for (ticket, file) in database.pairs(&format!("select ticket_id, id from attachments where {of}"), [])? {
        planted.files.insert(0, file);
        let path = format!("/tickets/{ticket}");
        if planted.pages.iter().any(|page| page.path == path) {
            continue;
        }
        let said =
            "select body, '' from messages where ticket_id = ?1 union select subject, '' from tickets where id = ?1
            union select name, '' from attachments where ticket_id = ?1";
        let texts = database.pairs(said, [&ticket])?.into_iter().map(|(text, _)| text).collect();
        planted.pages.push(Page { path, texts });
    }
    Ok(())
}
