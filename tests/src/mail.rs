//! A real SMTP server that keeps what it gets, and the mailbox as a person reads it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use mail_parser::MessageParser;

use crate::{
    process::{self, Process, START, free_port},
    wait::until,
};

#[derive(Debug)]
pub struct MailServer {
    process: Option<Process>,
    port: u16,
    folder: PathBuf,
}

/// One mail, decoded.
#[derive(Clone, Debug)]
pub struct Mail {
    pub message_id: String,
    pub to: Vec<String>,
    pub from: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub file: PathBuf,
}

impl MailServer {
    /// aiosmtpd over a Maildir at `folder`.
    pub async fn start(folder: &Path, log: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut command = process::command("aiosmtpd");
        command.args(["-n", "-c", "aiosmtpd.handlers.Mailbox"]).arg(folder).args(["-l", &format!("127.0.0.1:{port}")]);
        let process = Process::start("aiosmtpd", command, log)?;
        until("the SMTP server listens", START, async || {
            Ok(Some(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(drop)?))
        })
        .await?;
        Ok(Self { process: Some(process), port, folder: folder.to_owned() })
    }

    /// Ends it; the port then refuses connections and the mailbox stays.
    pub async fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every mail, in the order of arrival.
    pub fn mails(&self) -> Result<Vec<Mail>> {
        read(&self.folder)
    }

    /// Waits for a mail to `to` that `matches`; the newest of them.
    pub async fn wait(&self, to: &str, what: &str, within: Duration, matches: impl Fn(&Mail) -> bool) -> Result<Mail> {
        until(&format!("a mail to {to}: {what}"), within, async || {
            let mails = self.mails()?;
            let found = mails.iter().rev().find(|mail| mail.to.iter().any(|t| t == to) && matches(mail)).cloned();
            match found {
                Some(mail) => Ok(Some(mail)),
                None => bail!("the mailbox holds {:?}", mails.iter().map(|m| (&m.to, &m.subject)).collect::<Vec<_>>()),
            }
        })
        .await
    }
}

/// Every mail of a Maildir, in the order of arrival.
pub fn read(folder: &Path) -> Result<Vec<Mail>> {
    let mut files = Vec::new();
    for part in ["new", "cur"] {
        let Ok(entries) = std::fs::read_dir(folder.join(part)) else { continue };
        for entry in entries {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    files.sort();
    files.into_iter().map(|(_, file)| parse(file)).collect()
}

fn parse(file: PathBuf) -> Result<Mail> {
    let bytes = std::fs::read(&file)?;
    let mail = MessageParser::default().parse(&bytes).context("a mail that cannot be parsed")?;
    let addresses = |list: Option<&mail_parser::Address<'_>>| -> Vec<String> {
        list.map(|all| all.iter().filter_map(|a| a.address().map(str::to_owned)).collect()).unwrap_or_default()
    };
    Ok(Mail {
        message_id: mail.message_id().unwrap_or_default().to_owned(),
        to: addresses(mail.to()),
        from: addresses(mail.from()).pop().unwrap_or_default(),
        subject: mail.subject().unwrap_or_default().to_owned(),
        text: part(&mail, "plain"),
        html: part(&mail, "html"),
        file,
    })
}

/// The part that was really sent: `mail-parser` would otherwise make up one from the other.
fn part(mail: &mail_parser::Message<'_>, subtype: &str) -> String {
    use mail_parser::MimeHeaders;
    let found = mail.parts.iter().find(|part| {
        part.content_type().map_or(subtype == "plain", |t| t.ctype() == "text" && t.subtype() == Some(subtype))
            && part.text_contents().is_some()
    });
    found.and_then(|part| part.text_contents()).unwrap_or_default().to_owned()
}

/// The first thing in a text that looks like a confirmation token, `XXXX-XXXX`.
#[must_use]
pub fn token(text: &str) -> Option<String> {
    let letter = |c: char| "BCDFGHJKLMNPQRSTVWXZ".contains(c);
    text.split(|c: char| !(letter(c) || c == '-'))
        .find(|word| {
            let parts: Vec<&str> = word.split('-').collect();
            parts.len() == 2 && parts.iter().all(|part| part.len() == 4)
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn a_token_is_found_in_a_mail() {
        assert_eq!(token("Your code: BCDF-GHJK.\n").as_deref(), Some("BCDF-GHJK"));
        assert_eq!(token("DB-1234 and X-FORCE"), None);
    }
}
