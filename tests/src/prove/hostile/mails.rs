//! What was mailed: no text has become a header, a recipient, or a tag.

use anyhow::Result;

use super::{
    super::{Found, Kind},
    corpus::Text,
};
use crate::mail::MailServer;

pub(super) async fn read(mail: &MailServer, texts: &[Text], found: &mut Found) -> Result<()> {
    let least = texts.len();
    let mails = crate::wait::until("the mails have arrived", crate::wait::SOON, async || {
        let mails = mail.mails()?;
        Ok((mails.len() >= least).then_some(mails))
    })
    .await?;
    for mail in mails {
        found.runs += 1;
        let raw = std::fs::read(&mail.file)?;
        let raw = String::from_utf8_lossy(&raw);
        let head = raw.split_once("\n\n").map_or(&*raw, |(head, _)| head);
        let forged = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default().to_lowercase();
            matches!(name.as_str(), "bcc" | "cc" | "x-canary") || line.matches("Subject:").count() > 1
        };
        for line in head.lines().filter(forged) {
            found.violation(Kind::Leaked, format!("a text made a header of a mail: {line:?}"));
        }
        if mail.to.len() != 1 || !mail.to[0].ends_with("@northwind.example") {
            found.violation(Kind::Leaked, format!("a text made a recipient: {:?}", mail.to));
        }
        let html = mail.html.to_lowercase();
        for tag in
            ["<script", "<img", "<iframe", "<svg", "<meta http-equiv=refresh", "<base", "<link", "<form", "<object"]
        {
            if html.contains(tag) {
                found.violation(Kind::Leaked, format!("a text made {tag} of a mail about {:?}", mail.subject));
            }
        }
    }
    Ok(())
}
