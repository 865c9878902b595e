//! The same texts through the real agent, and what it and the server wrote into their logs.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{
    super::{Found, Kind},
    corpus::Text,
};
use crate::{
    headless::Headless,
    helpdesk::Helpdesk,
    wait::{SOON, until},
};

/// Every text as the subject and the description of a ticket: what the agent takes arrives as it was written.
pub(super) async fn run(helpdesk: &Helpdesk, texts: &[Text], folder: &Path, found: &mut Found) -> Result<()> {
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
    let mut sent = 0;
    for text in texts {
        agent.order(json!({"submit": {"subject": text.text, "description": text.text}})).await?;
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
