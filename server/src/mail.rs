//! Mails: what each says, and how it leaves.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use askama::Template;
use deskbell_protocol::{
    id::{InstallationId, TicketId},
    ticket::Language,
};
use lettre::{
    AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header},
    transport::smtp::{
        AsyncSmtpTransport,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::{
    config::{Config, Smtp, SmtpTls},
    folders, secrets,
    texts::text,
};

/// How long the mail server may take for one answer: a job's lease holds several of them.
const SMTP_STEP: Duration = Duration::from_secs(20);

/// A mail as its job row keeps it. A token is not among it: it is derived again when the mail is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mail {
    pub to: String,
    pub to_name: String,
    pub language: Language,
    pub organization: String,
    #[serde(flatten)]
    pub kind: MailKind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MailKind {
    Token { challenge: Uuid, installation: InstallationId, device: String },
    TicketReceived { ticket: TicketId, number: i64, subject: String },
    TicketReply { ticket: TicketId, number: i64, subject: String, author: String, text: String, awaiting_reply: bool },
    TicketResolved { ticket: TicketId, number: i64, subject: String },
}

impl MailKind {
    /// The name of the job, and of the mail's texts: `mail.<name>.…`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::TicketReceived { .. } => "ticket_received",
            Self::TicketReply { .. } => "ticket_reply",
            Self::TicketResolved { .. } => "ticket_resolved",
        }
    }

    const fn ticket(&self) -> Option<TicketId> {
        match self {
            Self::Token { .. } => None,
            Self::TicketReceived { ticket, .. }
            | Self::TicketReply { ticket, .. }
            | Self::TicketResolved { ticket, .. } => Some(*ticket),
        }
    }
}

/// A token is a function of its challenge's id and the server's secret: 34 bits that no row holds.
#[must_use]
pub fn token(secret: &str, challenge: Uuid) -> String {
    use deskbell_protocol::secret::{TOKEN_ALPHABET, TOKEN_LENGTH, token_from};
    let below = TOKEN_ALPHABET.len();
    let fair = 256 - 256 % below;
    let mut indices = [0; TOKEN_LENGTH];
    let mut found = 0;
    for round in 0.. {
        let bytes = secrets::hmac(secret, &["token", &challenge.to_string(), &format!("{round}")]);
        for pair in bytes.as_bytes().chunks_exact(2) {
            let byte = usize::from_str_radix(std::str::from_utf8(pair).unwrap_or("0"), 16).unwrap_or(0);
            if byte < fair {
                indices[found] = u8::try_from(byte % below).unwrap_or(0);
                found += 1;
            }
            if found == TOKEN_LENGTH {
                return token_from(indices);
            }
        }
    }
    unreachable!("some round has enough bytes")
}

#[derive(Template)]
#[template(path = "layout.html")]
struct Html<'a> {
    language: &'a str,
    subject: &'a str,
    paragraphs: &'a [String],
    token: Option<&'a str>,
    quote: Option<&'a str>,
    footer: &'a str,
}

#[derive(Template)]
#[template(path = "layout.txt", escape = "none")]
struct Plain<'a> {
    paragraphs: &'a [String],
    token: Option<&'a str>,
    quote: Option<&'a str>,
    footer: &'a str,
}

#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("the mail cannot be written: {0}")]
    Compose(String),
    #[error("the mail cannot be sent: {0}")]
    Send(String),
    #[error("the mail cannot be kept: {0}")]
    Keep(#[from] std::io::Error),
}

impl MailError {
    /// What went wrong, for the log: a mail server's own words may name people.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Compose(_) => "compose",
            Self::Send(_) => "send",
            Self::Keep(_) => "keep",
        }
    }
}

/// Writes a mail. Its `Message-ID` is a function of the job, so that a repeat is recognized as one.
///
/// # Errors
/// Where an address is none.
pub fn compose(mail: &Mail, job: Uuid, secret: &str, from: &str, public_url: &Url) -> Result<Message, MailError> {
    let wrong = |error: &dyn std::fmt::Display| MailError::Compose(error.to_string());
    let content = content(mail, secret);
    let host = public_url.host_str().unwrap_or("deskbell");
    let to = Mailbox::new(Some(mail.to_name.clone()), mail.to.parse().map_err(|error| wrong(&error))?);
    let mut builder = Message::builder()
        .from(from.parse().map_err(|error| wrong(&error))?)
        .to(to)
        .subject(&content.subject)
        .message_id(Some(format!("<{job}@{host}>")))
        .raw_header(auto_submitted());
    if let Some(ticket) = mail.kind.ticket() {
        // No mail has this id; all mails of a ticket refer to it, and so stand together.
        let thread = format!("<ticket-{ticket}@{host}>");
        builder = builder.in_reply_to(thread.clone()).references(thread);
    }
    let html = Html {
        language: mail.language.as_str(),
        subject: &content.subject,
        paragraphs: &content.paragraphs,
        token: content.token.as_deref(),
        quote: content.quote.as_deref(),
        footer: &content.footer,
    };
    let plain = Plain {
        paragraphs: &content.paragraphs,
        token: content.token.as_deref(),
        quote: content.quote.as_deref(),
        footer: &content.footer,
    };
    let html = html.render().map_err(|error| wrong(&error))?;
    let plain = plain.render().map_err(|error| wrong(&error))?;
    builder.multipart(MultiPart::alternative_plain_html(plain, html)).map_err(|error| wrong(&error))
}

/// RFC 3834: no vacation notice answers this.
fn auto_submitted() -> header::HeaderValue {
    header::HeaderValue::new(header::HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

struct Content {
    subject: String,
    paragraphs: Vec<String>,
    token: Option<String>,
    quote: Option<String>,
    footer: String,
}

fn content(mail: &Mail, secret: &str) -> Content {
    let name = mail.kind.name();
    let say = |key: &str, values: &[(&str, &str)]| text(mail.language, &format!("mail.{name}.{key}"), values);
    let organization = ("organization", mail.organization.as_str());
    let mut content = Content {
        subject: String::new(),
        paragraphs: Vec::new(),
        token: None,
        quote: None,
        footer: text(mail.language, "mail.footer", &[organization]),
    };
    match &mail.kind {
        MailKind::Token { challenge, device, .. } => {
            content.subject = say("subject", &[organization]);
            content.paragraphs = vec![say("intro", &[("device", device)]), say("use", &[])];
            content.token = Some(token(secret, *challenge));
        }
        MailKind::TicketReceived { number, subject, .. } | MailKind::TicketResolved { number, subject, .. } => {
            let number = number.to_string();
            let values = [("number", number.as_str()), ("subject", subject.as_str()), organization];
            content.subject = say("subject", &values);
            content.paragraphs = vec![say("intro", &values), say("next", &values)];
        }
        MailKind::TicketReply { number, subject, author, text, awaiting_reply, .. } => {
            let number = number.to_string();
            let values = [("number", number.as_str()), ("subject", subject.as_str()), ("author", author.as_str())];
            content.subject = say("subject", &values);
            content.paragraphs =
                vec![say(if *awaiting_reply { "asks" } else { "intro" }, &values), say("next", &values)];
            content.quote = Some(text.clone());
        }
    }
    content
}

/// How mails leave.
#[derive(Clone, Debug)]
pub enum Mailer {
    Smtp {
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        from: String,
    },
    /// Without SMTP settings: each mail is a file, and the console says so.
    Folder {
        folder: PathBuf,
        from: String,
    },
}

impl Mailer {
    /// # Errors
    /// Where the settings cannot be used, with what to do.
    pub fn open(config: &Config) -> Result<Self, MailError> {
        match &config.smtp {
            Some(smtp) => Ok(Self::Smtp { transport: Box::new(transport(smtp)?), from: smtp.from.clone() }),
            None => {
                let folder = config.data_dir.join("mail");
                folders::make(&folder)?;
                let host = config.public_url().host_str().unwrap_or("localhost").to_owned();
                let domain = if host.parse::<std::net::IpAddr>().is_ok() { "localhost".to_owned() } else { host };
                Ok(Self::Folder { folder, from: format!("Deskbell <deskbell@{domain}>") })
            }
        }
    }

    #[must_use]
    pub fn from(&self) -> &str {
        match self {
            Self::Smtp { from, .. } | Self::Folder { from, .. } => from,
        }
    }

    /// # Errors
    /// Where the other side refuses, or does not answer.
    pub async fn send(&self, message: Message, job: Uuid) -> Result<(), MailError> {
        match self {
            Self::Smtp { transport, .. } => {
                transport.send(message).await.map_err(|error| MailError::Send(error.to_string()))?;
            }
            Self::Folder { folder, .. } => {
                let (file, folder) = (folder.join(format!("{job}.eml")), folder.clone());
                let kept = tokio::task::spawn_blocking(move || keep(&file, &folder, &message.formatted()));
                kept.await.map_err(std::io::Error::other)??;
            }
        }
        Ok(())
    }
}

/// The job is done after this, for good: the mail has to be there for good as well.
fn keep(file: &Path, folder: &Path, mail: &[u8]) -> std::io::Result<()> {
    let mut open = std::fs::File::create(file)?;
    open.write_all(mail)?;
    open.sync_all()?;
    folders::flush(folder)
}

fn transport(smtp: &Smtp) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
    let parameters = || TlsParameters::new(smtp.host.clone()).map_err(|error| MailError::Compose(error.to_string()));
    let tls = match smtp.tls {
        SmtpTls::None => Tls::None,
        SmtpTls::Starttls => Tls::Required(parameters()?),
        SmtpTls::Implicit => Tls::Wrapper(parameters()?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
        .port(smtp.port)
        .tls(tls)
        .timeout(Some(SMTP_STEP));
    let password = match (&smtp.password, &smtp.password_file) {
        (Some(password), _) => Some(password.clone()),
        (None, Some(file)) => Some(std::fs::read_to_string(file)?.trim_end().to_owned()),
        (None, None) => None,
    };
    if let (Some(username), Some(password)) = (&smtp.username, password) {
        builder = builder.credentials(Credentials::new(username.clone(), password));
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(language: Language, kind: MailKind) -> Mail {
        Mail {
            to: "camille@example.org".to_owned(),
            to_name: "Camille Durand".to_owned(),
            language,
            organization: "Halden IT".to_owned(),
            kind,
        }
    }

    fn kinds() -> Vec<MailKind> {
        let ticket = TicketId(Uuid::nil());
        let (number, subject) = (42, "Invoice <export> stops".to_owned());
        vec![
            MailKind::Token {
                challenge: Uuid::nil(),
                installation: InstallationId(Uuid::nil()),
                device: "AM-LT-014".to_owned(),
            },
            MailKind::TicketReceived { ticket, number, subject: subject.clone() },
            MailKind::TicketReply {
                ticket,
                number,
                subject: subject.clone(),
                author: "Jonas Weber".to_owned(),
                text: "Try <b>March</b>.".to_owned(),
                awaiting_reply: true,
            },
            MailKind::TicketResolved { ticket, number, subject },
        ]
    }

    #[test]
    fn every_mail_is_written_in_every_language() {
        let url = Url::parse("https://help.example.org/").unwrap();
        for language in Language::ALL {
            for kind in kinds() {
                let name = kind.name();
                let content = content(&mail(*language, kind.clone()), "secret");
                let all = format!("{} {} {}", content.subject, content.paragraphs.join(" "), content.footer);
                let key = format!("mail.{name}");
                assert!(
                    !all.contains(&key) && !all.contains("mail.footer"),
                    "{name} lacks a text in {language}: {all}"
                );
                assert!(!all.contains('{'), "{name} has an unfilled place in {language}: {all}");
                let message =
                    compose(&mail(*language, kind), Uuid::nil(), "secret", "D <d@example.org>", &url).unwrap();
                let raw = String::from_utf8(message.formatted()).unwrap();
                assert!(raw.contains("Auto-Submitted: auto-generated"), "{raw}");
                assert!(raw.contains("text/plain") && raw.contains("text/html"), "{raw}");
            }
        }
    }

    #[test]
    fn what_people_typed_is_text_in_html() {
        let html = Html {
            language: "en",
            subject: "s",
            paragraphs: &["<script>".to_owned()],
            token: None,
            quote: Some("<b>"),
            footer: "f",
        };
        let html = html.render().unwrap();
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn a_token_is_its_challenges_own() {
        let (a, b) = (token("secret", Uuid::from_u128(1)), token("secret", Uuid::from_u128(2)));
        assert_eq!(a, token("secret", Uuid::from_u128(1)));
        assert_ne!(a, b);
        assert_ne!(a, token("other", Uuid::from_u128(1)));
        assert_eq!(deskbell_protocol::secret::normalize_token(&a).as_deref(), Some(a.as_str()));
    }
}
