//! The server: enrolment, confirmation, tickets, pieces of files, mails and answers, one at a time, so that
//! what was answered stands in one order with what was asked of the disk.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use deskbell_protocol::{
    device::{AskToken, Confirm, Confirmation, TokenSent},
    id::{AttachmentId, MessageId, RequesterId, TicketId},
    sync::{OutboxItem, SyncResponse, UploadProgress},
    ticket::{AttachmentRole, Language, NewAttachment, NewReply, NewTicket},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{
    cuts::{Recording, scratch},
    witness::{Event, Witness},
};
use crate::{
    device::Device,
    hash::sha256,
    helpdesk::Helpdesk,
    mail,
    server::{Server, files},
    ticket,
    wait::{SOON, until},
};

/// What the server answered: one line of the recording.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    SetUp,
    Enrolled {
        installation: String,
    },
    Enabled {
        device: String,
    },
    /// A mail of this kind is on its way.
    Mail {
        kind: String,
    },
    Confirmed {
        installation: String,
    },
    Ticket {
        id: String,
        subject: String,
        text: String,
    },
    Message {
        id: String,
        text: String,
    },
    Received {
        id: String,
        bytes: u64,
        complete: bool,
    },
}

/// Everything that it answered so far, and what each file should hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Answered {
    pub(super) answers: Vec<Answer>,
    pub(super) contents: Arc<BTreeMap<String, Vec<u8>>>,
}

struct Work {
    helpdesk: Helpdesk,
    device: Device,
    witness: Witness,
    seen: SyncResponse,
    contents: BTreeMap<String, Vec<u8>>,
}

/// Works, and gives what the witness saw.
pub(super) async fn record(quick: bool) -> Result<Recording<Answered>> {
    let folder = scratch()?;
    let root = folder.path().join("disk");
    fs::create_dir(&root)?;
    let witness = Witness::of(&root, &folder.path().join("events"))?;
    let mut server = Server::new(&witness.root.join("data"), &folder.path().join("server.log"))?;
    for (name, value) in witness.settings()? {
        server = server.with_variable(name, &value);
    }
    let helpdesk = Helpdesk::with(server).await?;
    witness.mark(&serde_json::to_string(&Answer::SetUp)?)?;
    let device = Device::new(helpdesk.server.http(), &helpdesk.server.url(), "PC-1", 1).await?;
    let enrolled = device.enrol(&helpdesk.enrolment_key).await?;
    witness.mark(&serde_json::to_string(&Answer::Enrolled { installation: enrolled.installation_id.to_string() })?)?;
    helpdesk.enable(&enrolled.device_id.to_string()).await?;
    witness.mark(&serde_json::to_string(&Answer::Enabled { device: enrolled.device_id.to_string() })?)?;
    let seen = device.sync(0, 0, Vec::new()).await?;
    let mut work = Work { helpdesk, device, witness, seen, contents: BTreeMap::new() };
    let person = work.confirm(&enrolled.installation_id.to_string()).await?;
    let first = work.ticket(1, person, &[(11, 3_000), (12, 40_000)]).await?;
    if !quick {
        work.reply(1, person, first).await?;
        work.answer(first).await?;
        // Nobody asks whether the program wants to end.
        work.helpdesk.server.kill_by_witness().await?;
        work.helpdesk.server.start().await?;
        work.ticket(2, person, &[(21, 9_000)]).await?;
        work.reply(2, person, first).await?;
    }
    work.mails_are_out().await?;
    work.helpdesk.server.stop().await?;
    let events = work.witness.read()?;
    let promised = promises(&events, Arc::new(work.contents))?;
    let recording = Recording { name: "server", root: work.witness.root.clone(), events, promised };
    recording.is_whole(work.helpdesk.server.folder())?;
    Ok(recording)
}

fn promises(events: &[(u32, Event)], contents: Arc<BTreeMap<String, Vec<u8>>>) -> Result<Vec<Arc<Answered>>> {
    let mut now = Arc::new(Answered { answers: Vec::new(), contents });
    let mut promised = Vec::with_capacity(events.len());
    for (_, event) in events {
        if let Event::Marked(line) = event {
            Arc::make_mut(&mut now).answers.push(serde_json::from_str(line)?);
        }
        promised.push(Arc::clone(&now));
    }
    Ok(promised)
}

impl Work {
    fn answered(&self, answer: &Answer) -> Result<()> {
        self.witness.mark(&serde_json::to_string(answer)?)
    }

    /// The folder in which a server without SMTP puts its mails.
    fn mails(&self) -> std::path::PathBuf {
        self.helpdesk.server.folder().join("mail")
    }

    async fn confirm(&mut self, installation: &str) -> Result<RequesterId> {
        let (name, email) = ("Camille Martin".into(), "camille@northwind.example".into());
        let ask = AskToken { name, email, language: Language::En };
        let _: TokenSent = self.device.post("/confirmation/token", &ask).await?;
        self.answered(&Answer::Mail { kind: "token".into() })?;
        let folder = self.mails();
        let token =
            until("the token's mail", SOON, async || Ok(files(&folder)?.iter().find_map(|file| token(file)))).await?;
        let confirmed: Confirmation = self.device.post("/confirmation", &Confirm { token }).await?;
        self.answered(&Answer::Confirmed { installation: installation.to_owned() })?;
        Ok(confirmed.requester_id)
    }

    async fn sync(&mut self, item: OutboxItem) -> Result<()> {
        let items = vec![item];
        self.seen = self.device.sync(self.seen.epoch, self.seen.state.revision, items).await?;
        let receipt = serde_json::to_value(&self.seen.receipts)?;
        ensure!(receipt[0]["outcome"] == "accepted", "no receipt: {receipt}");
        Ok(())
    }

    async fn ticket(&mut self, number: u128, author: RequesterId, sizes: &[(u128, usize)]) -> Result<TicketId> {
        let id = TicketId(Uuid::from_u128(number));
        let (subject, description) = (format!("Ticket {number}"), "It does not print. ".repeat(30));
        let announced = sizes.iter().map(|(file, size)| self.announce(*file, *size)).collect();
        let text = description.clone();
        let plain = ticket::plain(id.0, author, subject.clone());
        self.sync(OutboxItem::Ticket(NewTicket { description, attachments: announced, ..plain })).await?;
        self.answered(&Answer::Ticket { id: id.to_string(), subject, text })?;
        self.answered(&Answer::Mail { kind: "ticket_received".into() })?;
        for (file, _) in sizes {
            self.upload(AttachmentId(Uuid::from_u128(*file))).await?;
        }
        Ok(id)
    }

    fn announce(&mut self, number: u128, size: usize) -> NewAttachment {
        let id = AttachmentId(Uuid::from_u128(number));
        let bytes: Vec<u8> = format!("The file {number}. ").bytes().cycle().take(size).collect();
        let (sha256, size) = (sha256(&bytes), size as u64);
        self.contents.insert(id.to_string(), bytes);
        let (name, content_type) = (format!("{number}.bin"), "application/octet-stream".into());
        NewAttachment { id, role: AttachmentRole::File, name, content_type, size, sha256 }
    }

    /// In three pieces.
    async fn upload(&mut self, id: AttachmentId) -> Result<()> {
        let bytes = self.contents[&id.to_string()].clone();
        let mut offset = 0;
        for piece in bytes.chunks(bytes.len().div_ceil(3)) {
            let answer = self.device.put(&format!("/attachments/{id}?offset={offset}"), piece).await?;
            ensure!(answer.status().is_success(), "a piece: {}", answer.text().await?);
            let stored: UploadProgress = answer.json().await?;
            offset = stored.received;
            self.answered(&Answer::Received { id: id.to_string(), bytes: offset, complete: stored.complete })?;
        }
        ensure!(offset == bytes.len() as u64, "only {offset} bytes of the file arrived");
        Ok(())
    }

    async fn reply(&mut self, sequence: u32, author: RequesterId, ticket: TicketId) -> Result<()> {
        let id = MessageId(Uuid::from_u128(1_000 + u128::from(sequence)));
        let text = format!("Answer {sequence}: it still does not.");
        let (attachments, written_at) = (Vec::new(), 0);
        let reply = NewReply { id, author, ticket, sequence, text: text.clone(), attachments, written_at };
        self.sync(OutboxItem::Reply(reply)).await?;
        self.answered(&Answer::Message { id: id.to_string(), text })
    }

    /// A technician's.
    async fn answer(&mut self, ticket: TicketId) -> Result<()> {
        let (id, text) = (Uuid::from_u128(2_000).to_string(), "Have you tried another one?");
        let body = json!({"id": id, "kind": "reply", "text": text});
        self.helpdesk.api.post(&format!("/tickets/{ticket}/messages"), body).await?;
        self.answered(&Answer::Message { id, text: text.to_owned() })?;
        self.answered(&Answer::Mail { kind: "ticket_reply".into() })
    }

    async fn mails_are_out(&self) -> Result<()> {
        until("the mails are out", 3 * SOON, async || {
            let open = self.helpdesk.server.database()?.count("select count(*) from jobs where done_at is null", [])?;
            Ok((open == 0).then_some(()))
        })
        .await
    }
}

fn token(file: &Path) -> Option<String> {
    let bytes = fs::read(file).ok()?;
    let message = mail_parser::MessageParser::default().parse(&bytes)?;
    mail::token(&message.body_text(0).context("no text").ok()?)
}
