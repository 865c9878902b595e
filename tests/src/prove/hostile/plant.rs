//! Writes the texts wherever a person, a device or a technician can write, and says where each is shown.

use anyhow::{Context, Result};
use deskbell_protocol::{
    device::DeviceFacts,
    id::{AttachmentId, MessageId, RequesterId, TicketId},
    sync::{OutboxItem, Outcome, SyncResponse},
    ticket::{AttachmentRole, NewAttachment, NewReply, NewTicket},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::corpus::Text;
use crate::{api::Api, device::Device, hash::sha256, helpdesk::Helpdesk, ticket};

/// A page of the console, and what has to be legible on it.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) path: String,
    pub(super) texts: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Planted {
    pub(super) pages: Vec<Page>,
    /// Stored files, by their ids.
    pub(super) files: Vec<String>,
    /// How many texts were written, and how many of them the server refused.
    pub(super) written: u64,
    pub(super) refused: u64,
}

/// So many tickets and devices are opened one by one; the others are seen in lists.
const OPENED: usize = 6;
const FILES: usize = 10;

fn page(path: impl Into<String>, texts: &[&str]) -> Page {
    Page { path: path.into(), texts: texts.iter().map(|text| (*text).to_owned()).collect() }
}

pub(super) async fn everything(helpdesk: &Helpdesk, texts: &[Text], client: &str) -> Result<Planted> {
    let mut planted = Planted::default();
    let (device, person, epoch) = tickets(helpdesk, texts, &mut planted).await?;
    replies(&device, epoch, person, texts, &mut planted).await?;
    technician(&helpdesk.api, texts, &mut planted).await?;
    devices(helpdesk, texts, client, &mut planted).await?;
    clients(&helpdesk.api, texts, client, &mut planted).await?;
    Ok(planted)
}

/// A device whose person is confirmed under a name of the corpus, and a ticket for each text.
async fn tickets(helpdesk: &Helpdesk, texts: &[Text], planted: &mut Planted) -> Result<(Device, RequesterId, i64)> {
    let server = &helpdesk.server;
    let device = Device::new(server.http(), &server.url(), "PC-1", 1).await?;
    let enrolled = device.enrol(&helpdesk.enrolment_key).await?;
    helpdesk.enable(&enrolled.device_id.to_string()).await?;
    let name = &texts[5].text;
    let person = json!({"name": name, "email": "camille@northwind.example"});
    helpdesk.api.post(&format!("/installations/{}/vouch", enrolled.installation_id), person).await?;
    let mut answer = device.sync(0, 0, Vec::new()).await?;
    let person = answer.state.confirmation.context("nobody is confirmed")?.requester_id;
    for (batch, some) in texts.chunks(40).enumerate() {
        let items = some.iter().enumerate().map(|(place, text)| ticket(person, texts, batch * 40 + place, text));
        let items: Vec<NewTicket> = items.collect();
        let sent = items.iter().cloned().map(OutboxItem::Ticket).collect();
        answer = device.sync(answer.epoch, 0, sent).await?;
        count(&answer, planted);
        for (ticket, receipt) in items.iter().zip(&answer.receipts) {
            let stored = matches!(receipt.outcome, Outcome::Accepted { .. });
            let listed = planted.pages.len() < OPENED;
            if stored && listed {
                upload(&device, ticket, planted).await?;
                planted.pages.push(ticket_page(ticket, name));
            }
        }
    }
    let subjects: Vec<&str> = texts.iter().rev().take(20).map(|text| text.text.as_str()).collect();
    planted.pages.push(page("/tickets?view=all", &subjects));
    Ok((device, person, answer.epoch))
}

/// Its texts are all of one payload, but for the files, whose names are others of the corpus.
fn ticket(author: RequesterId, texts: &[Text], number: usize, text: &Text) -> NewTicket {
    let names = texts.iter().cycle().skip(number * FILES).filter(|name| acceptable(&name.text));
    let attachments = names.take(FILES).enumerate().map(|(place, name)| NewAttachment {
        id: AttachmentId(id(2, number * FILES + place)),
        role: AttachmentRole::File,
        name: name.text.clone(),
        content_type: "text/html".into(),
        size: body(&name.text).len() as u64,
        sha256: sha256(&body(&name.text)),
    });
    let context = json!({"device": text.text, "system": text.text, "user": text.text, "uptime": u64::MAX,
        "network": {"ip": text.text, "interface": text.text}, "disk": {"free": u64::MAX, "total": 0},
        "memory": {"free": 0, "total": u64::MAX}, "battery": {"percent": 255, "charging": true}});
    NewTicket {
        description: format!("{}\n{}", text.text, texts.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join("\n")),
        attachments: attachments.collect(),
        context: serde_json::from_value(context).unwrap_or_default(),
        written_at: [0, i64::MAX, i64::MIN, 1_700_000_000_000][number % 4],
        ..ticket::plain(id(1, number), author, &text.text)
    }
}

/// What the server takes as the name of a file: the others need not be shown.
fn acceptable(name: &str) -> bool {
    name.chars().count() <= 255 && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
}

/// A file that would run, if it were opened where it came from.
pub(super) fn body(name: &str) -> Vec<u8> {
    let page = "<!doctype html><svg xmlns='http://www.w3.org/2000/svg' onload=\"window.deskbellCanary&&deskbellCanary('file')\">";
    let asks = "<script>fetch('/canary-of-a-file');location='https://file.canary.example/'</script></svg>";
    format!("{page}{asks}<!-- {name} -->").into_bytes()
}

async fn upload(device: &Device, ticket: &NewTicket, planted: &mut Planted) -> Result<()> {
    for file in &ticket.attachments {
        let path = format!("/attachments/{}?offset=0", file.id);
        let answer = device.put(&path, &body(&file.name)).await?;
        anyhow::ensure!(answer.status().is_success(), "a file: {}", answer.text().await?);
        planted.files.push(file.id.to_string());
    }
    Ok(())
}

fn ticket_page(ticket: &NewTicket, person: &str) -> Page {
    let mut texts = vec![person, &ticket.subject];
    texts.extend(ticket.description.lines());
    texts.extend(ticket.attachments.iter().map(|file| file.name.as_str()));
    page(format!("/tickets/{}", ticket.id), &texts)
}

fn count(answer: &SyncResponse, planted: &mut Planted) {
    planted.written += answer.receipts.len() as u64;
    let refused = |receipt: &&deskbell_protocol::sync::Receipt| matches!(receipt.outcome, Outcome::Refused { .. });
    planted.refused += answer.receipts.iter().filter(refused).count() as u64;
}

/// The employee's replies to the first ticket.
async fn replies(
    device: &Device,
    epoch: i64,
    author: RequesterId,
    texts: &[Text],
    planted: &mut Planted,
) -> Result<()> {
    let items = texts.iter().take(40).enumerate().map(|(number, text)| {
        OutboxItem::Reply(NewReply {
            id: MessageId(id(3, number)),
            author,
            ticket: TicketId(id(1, 0)),
            sequence: u32::try_from(number + 1).unwrap_or(1),
            text: text.text.clone(),
            attachments: Vec::new(),
            written_at: 0,
        })
    });
    let answer = device.sync(epoch, 0, items.collect()).await?;
    count(&answer, planted);
    planted.pages[0].texts.extend(texts.iter().take(40).map(|text| text.text.clone()));
    Ok(())
}

/// What a technician writes is shown to other technicians.
async fn technician(api: &Api, texts: &[Text], planted: &mut Planted) -> Result<()> {
    let kinds = ["reply", "note"];
    for (number, text) in texts.iter().enumerate().skip(30).take(20) {
        let message = json!({"id": id(4, number), "text": text.text, "kind": kinds[number % 2]});
        let path = format!("/tickets/{}/messages", id(1, 1));
        if attempt(api, &path, message, planted).await? {
            planted.pages[1].texts.push(text.text.clone());
        }
    }
    Ok(())
}

/// A device for each text, which says it in every fact.
async fn devices(helpdesk: &Helpdesk, texts: &[Text], client: &str, planted: &mut Planted) -> Result<()> {
    let mut listed = Vec::new();
    let mut opened = 0;
    for (number, text) in texts.iter().enumerate() {
        let server = &helpdesk.server;
        let seed = u8::try_from(number + 10)?;
        let device = Device::new(server.http(), &server.url(), &format!("machine {number}"), seed).await?;
        let fact = || Some(text.text.clone());
        let mut introduction = device.introduction(&helpdesk.enrolment_key);
        introduction.agent_version.clone_from(&text.text);
        introduction.facts = DeviceFacts {
            name: text.text.clone(),
            os: text.text.clone(),
            platform: text.text.clone(),
            model: fact(),
            serial: fact(),
            os_user: text.text.clone(),
            ip: fact(),
        };
        planted.written += 1;
        let Ok(enrolled) = device.post::<deskbell_protocol::device::Enrolled>("/enrol", &introduction).await else {
            planted.refused += 1;
            continue;
        };
        listed.push(text.text.as_str());
        if opened < OPENED {
            opened += 1;
            let path = format!("/devices/{}", enrolled.device_id);
            planted.pages.push(page(path.clone(), &[&text.text]));
            planted.pages.push(page(format!("{path}/history"), &[&text.text]));
        }
    }
    // The first page of the list, whichever devices are on it.
    let answer = helpdesk.api.get("/devices").await?;
    let items = answer["devices"].as_array().context("a list of devices")?;
    let names: Vec<&str> = items.iter().filter_map(|item| item["name"].as_str()).collect();
    let hostile: Vec<&str> = names.into_iter().filter(|name| listed.contains(name)).collect();
    anyhow::ensure!(hostile.len() > 20, "only {} devices are listed", hostile.len());
    planted.pages.push(page("/devices", &hostile));
    planted.pages.push(page(format!("/clients/{client}/devices"), &hostile));
    Ok(())
}

/// Names of clients, of their keys and of their people.
async fn clients(api: &Api, texts: &[Text], client: &str, planted: &mut Planted) -> Result<()> {
    let (mut names, mut keys) = (Vec::new(), Vec::new());
    for text in texts {
        if attempt(api, "/clients", json!({"name": text.text, "domains": []}), planted).await? {
            names.push(text.text.as_str());
        }
        let key = json!({"name": text.text, "expires_in_days": 7, "max_devices": 1});
        if attempt(api, &format!("/clients/{client}/enrolment-keys"), key, planted).await? {
            keys.push(text.text.as_str());
        }
    }
    planted.pages.push(page("/clients", &names));
    for tab in ["", "/settings"] {
        planted.pages.push(page(format!("/clients/{client}{tab}"), &["Northwind"]));
    }
    let people = [texts[5].text.as_str(), "camille@northwind.example"];
    planted.pages.push(page(format!("/clients/{client}/people"), &people));
    planted.pages.push(page(format!("/clients/{client}/keys"), &keys));
    planted.pages.push(page("/mail", &["camille@northwind.example"]));
    planted.pages.push(page("/more", &["Harbour IT"]));
    Ok(())
}

/// Whether the server took it. What it does not take it has to refuse.
async fn attempt(api: &Api, path: &str, body: Value, planted: &mut Planted) -> Result<bool> {
    planted.written += 1;
    let answer = api.send(reqwest::Method::POST, path, Some(serde_json::to_vec(&body)?)).await?;
    let status = answer.status();
    anyhow::ensure!(status.as_u16() < 500, "{path}: {status} for {body}");
    planted.refused += u64::from(!status.is_success());
    Ok(status.is_success())
}

fn id(kind: u16, number: usize) -> Uuid {
    Uuid::from_fields(0x0190_0000, kind, 0x7000, &(0x8000_0000_0000_0000 | number as u64).to_be_bytes())
}
