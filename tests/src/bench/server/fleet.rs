//! Many devices at once: enrolled, accepted and confirmed by rows in the database, since a thousand mails and
//! tokens would measure the harness. From then on each signs its requests as an agent does.

use std::{
    cell::Cell,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, ensure};
use deskbell_protocol::{
    PROTOCOL_VERSION, SERVER_ID_HEADER,
    device::{DeviceFacts, Hello, HotkeyState},
    id::{RequesterId, ServerId},
    signature::{self, Body, Request},
    sync::{OutboxItem, SyncRequest},
    ticket::{CanWork, Language, NewTicket},
};
use ed25519_dalek::SigningKey;
use serde::Deserialize;
use uuid::Uuid;

use crate::ticket;

const SYNC: &str = "/api/agent/v1/sync";
const LIVE: &str = "/api/agent/v1/live";

/// Devices of one client, at one server.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) devices: Vec<Member>,
    server: ServerId,
}

/// One of them, with what it remembers of the last answer.
#[derive(Debug)]
pub(crate) struct Member {
    key: SigningKey,
    requester: RequesterId,
    name: String,
    epoch: Cell<i64>,
    cursor: Cell<i64>,
    revision: Cell<i64>,
}

/// What matters of an answer to a sync.
#[derive(Deserialize)]
struct Answer {
    epoch: i64,
    cursor: i64,
    receipts: Vec<Receipt>,
    state: State,
}

#[derive(Deserialize)]
struct Receipt {
    outcome: String,
}

#[derive(Deserialize)]
struct State {
    revision: i64,
    enabled: bool,
}

impl Fleet {
    /// So many devices, and the SQL that makes them known to a server that has one client.
    pub(crate) async fn new(http: &reqwest::Client, server: &str, count: usize) -> Result<(Self, String)> {
        let hello: Hello = http.get(format!("{server}/api/agent/v1/hello")).send().await?.json().await?;
        let now = milliseconds()?;
        let (mut devices, mut sql) = (Vec::with_capacity(count), String::new());
        for number in 0..count {
            let mut seed = [7; 32];
            seed[..8].copy_from_slice(&u64::try_from(number)?.to_le_bytes());
            let key = SigningKey::from_bytes(&seed);
            let [device, requester, installation] = [random_id(), random_id(), random_id()];
            let (key_id, name) = (signature::key_id(&key.verifying_key()), format!("desk-{number}"));
            sql += &format!(
                "insert into devices (id, client_id, name, machine_hint, os, platform, created_at)
                 select '{device}', id, '{name}', '{name}', 'Debian GNU/Linux 12', 'linux', {now} from clients;
                 insert into requesters (id, client_id, email, name, name_key, language, created_at)
                 select '{requester}', id, '{name}@northwind.example', 'Sam {number}', 'sam {number}', 'en', {now} from clients;
                 insert into installations (id, device_id, client_id, public_key, algorithm, os_user, registration,
                 agent_version, language, hotkey, revision, applied_revision, last_seen_at, created_at, requester_id, confirmed_at)
                 select '{installation}', '{device}', id, '{key_id}', 'ed25519', 'sam', 'accepted', '0.1.0', 'en',
                 'registered', 1, 1, {now}, {now}, '{requester}', {now} from clients;\n"
            );
            let (epoch, cursor, revision) = (Cell::new(0), Cell::new(0), Cell::new(1));
            devices.push(Member { key, requester: RequesterId(requester), name, epoch, cursor, revision });
        }
        Ok((Self { devices, server: hello.server_id }, sql))
    }

    /// A signed sync of one device, as it goes over the wire, with so many new tickets.
    pub(crate) fn sync(&self, device: usize, tickets: usize) -> Result<Vec<u8>> {
        let member = &self.devices[device];
        let now = milliseconds()?;
        let items = (0..tickets).map(|_| OutboxItem::Ticket(ticket(member.requester, now))).collect();
        let request = SyncRequest {
            protocol: PROTOCOL_VERSION,
            agent_version: "0.1.0".into(),
            language: Language::En,
            facts: DeviceFacts {
                name: member.name.clone(),
                os: "Debian GNU/Linux 12".into(),
                platform: "linux".into(),
                os_user: "sam".into(),
                ..Default::default()
            },
            hotkey: HotkeyState::Registered,
            epoch: member.epoch.get(),
            applied_revision: member.revision.get(),
            cursor: member.cursor.get(),
            items,
        };
        self.signed(member, "POST", SYNC, Some(serde_json::to_vec(&request)?))
    }

    /// The signed request for a device's live connection.
    pub(crate) fn live(&self, device: usize) -> Result<Vec<u8>> {
        self.signed(&self.devices[device], "GET", LIVE, None)
    }

    /// Remembers what the server answered, and says whether the agent is enabled there. Each of so many items
    /// has to be accepted.
    pub(crate) fn answered(&self, device: usize, answer: &(u16, Vec<u8>), items: usize) -> Result<bool> {
        let (status, body) = answer;
        ensure!(*status == 200, "{status}: {}", String::from_utf8_lossy(body));
        let answer: Answer = serde_json::from_slice(body)?;
        let accepted = answer.receipts.iter().filter(|receipt| receipt.outcome == "accepted").count();
        ensure!(accepted == items, "{accepted} of {items} are accepted: {}", String::from_utf8_lossy(body));
        let member = &self.devices[device];
        member.epoch.set(answer.epoch);
        member.cursor.set(answer.cursor);
        member.revision.set(answer.state.revision);
        Ok(answer.state.enabled)
    }

    fn signed(&self, member: &Member, method: &str, path: &str, body: Option<Vec<u8>>) -> Result<Vec<u8>> {
        let digest = body.as_deref().map(signature::content_digest).unwrap_or_default();
        let content = body.as_ref().map(|_| Body { content_digest: &digest, content_type: "application/json" });
        let request = Request { method, path, query: "", server: self.server, body: content };
        let nonce = signature::nonce(rand::random());
        let headers = signature::sign(&member.key, &request, milliseconds()? / 1000, nonce);
        let mut bytes = format!(
            "{method} {path} HTTP/1.1\r\nhost: deskbell\r\n{SERVER_ID_HEADER}: {}\r\nsignature-input: {}\r\nsignature: {}\r\n",
            self.server, headers.signature_input, headers.signature
        );
        if let Some(body) = &body {
            bytes += &format!(
                "content-type: application/json\r\ncontent-digest: {digest}\r\ncontent-length: {}\r\n",
                body.len()
            );
        }
        bytes += "\r\n";
        let mut bytes = bytes.into_bytes();
        bytes.extend(body.unwrap_or_default());
        Ok(bytes)
    }
}

/// A ticket as people write them: a few lines.
pub(crate) fn ticket(author: RequesterId, now: i64) -> NewTicket {
    NewTicket {
        description: DESCRIPTION.into(),
        can_work: Some(CanWork::WithDifficulty),
        written_at: now,
        ..ticket::plain(id_at(now), author, SUBJECT)
    }
}

fn random_id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

/// As an agent and a server make them: in the order of time.
pub(crate) fn id_at(now: i64) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now.cast_unsigned(), &rand::random()).into_uuid()
}

pub(crate) const SUBJECT: &str = "The printer on the second floor does not print";
pub(crate) const DESCRIPTION: &str = "Since this morning it takes the paper in, makes its noise, and then says that \
    there is a jam. There is none: I opened every lid that I could find. Three of us wait for invoices to go out today.";

#[expect(clippy::disallowed_methods, reason = "a signature bears the present time")]
pub(crate) fn milliseconds() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}
