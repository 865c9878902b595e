//! A helpdesk in which there is one of everything: three people, of whom two share a computer and one
//! belongs to another client; every state that a device, a page or a technician can be in.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use anyhow::{Context, Result, ensure};
use deskbell_protocol::{
    device::{Enrolled, Hello},
    id::ServerId,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ask::new_id,
    database::Database,
    signer::{Asked, key_id, seconds, signed},
    verdicts::{PAGES, TECHNICIANS, Thing, Who},
};
use crate::{api::Api, hash::sha256};

/// Whose something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    Sam,
    Kim,
    /// Of another client.
    Far,
    /// Of a third client, for technicians to change.
    Spare,
}

const FILE: &[u8] = b"x";

pub(super) struct World {
    pub(super) http: reqwest::Client,
    /// The servers; requests take turns.
    bases: Vec<String>,
    turn: Cell<usize>,
    pub(super) server: ServerId,
    pub(super) database: Database,
    pub(super) code: String,
    things: HashMap<(Thing, Whose), String>,
    epoch: Cell<i64>,
    /// When each key's last request was signed.
    seconds: RefCell<HashMap<u8, i64>>,
}

/// Devices by the seeds of their keys, and the computers that they are.
const DEVICES: [(Who, u8, &str); 8] = [
    (Who::Revoked, 11, "one"),
    (Who::Pending, 12, "one"),
    (Who::Quarantined, 13, "two"),
    (Who::Off, 14, "three"),
    (Who::On, 15, "four"),
    (Who::Sam, 16, "five"),
    (Who::Kim, 17, "five"),
    (Who::Unknown, 18, "six"),
];

/// The key that a principal holds; everything that is wrong is wrong with a request of Sam's.
pub(super) fn seed(who: Who) -> u8 {
    DEVICES.iter().find(|device| device.0 == who).map_or(16, |device| device.1)
}

impl World {
    pub(super) async fn hello(
        http: &reqwest::Client,
        bases: Vec<String>,
        database: Database,
        code: String,
    ) -> Result<Self> {
        let hello: Hello = http.get(format!("{}/api/agent/v1/hello", bases[0])).send().await?.json().await?;
        let (http, server) = (http.clone(), hello.server_id);
        let (turn, epoch) = (Cell::new(0), Cell::new(1));
        Ok(Self {
            http,
            bases,
            turn,
            server,
            database,
            code,
            things: HashMap::new(),
            epoch,
            seconds: RefCell::default(),
        })
    }

    /// The next server.
    pub(super) fn base(&self) -> &str {
        self.turn.set(self.turn.get() + 1);
        &self.bases[self.turn.get() % self.bases.len()]
    }

    /// An epoch that is ahead of every one before: as after a restore, it is taken.
    pub(super) fn epoch(&self) -> i64 {
        self.epoch.set(self.epoch.get() + 1);
        self.epoch.get() << 40
    }

    /// The second at which a key signs next. With an epoch that is not the last one, a sync has to be younger
    /// than the one before; whatever is wrong about a request of Sam's leaves Sam's own alone.
    pub(super) fn second(&self, seed: u8, who: Who) -> Result<i64> {
        let now = seconds()?;
        if !matches!(who, Who::Off | Who::On | Who::Sam | Who::Kim) {
            return Ok(now);
        }
        let mut seconds = self.seconds.borrow_mut();
        let last = seconds.entry(seed).or_default();
        // Never further ahead than the server allows.
        *last = (*last + 1).max(now + 1).min(now + 100);
        Ok(*last)
    }

    pub(super) fn thing(&self, thing: Thing, whose: Whose) -> Option<&str> {
        self.things.get(&(thing, whose)).map(String::as_str)
    }

    /// Fills the helpdesk.
    pub(super) async fn fill(&mut self) -> Result<()> {
        let answers = json!({"code": self.code, "organization": "Harbour IT", "name": "Ada", "email": "ada@harbour.example",
            "password": "correct horse battery", "language": "en"});
        let owner = Api::set_up(&self.http, &self.bases[0], answers).await?;
        let (north, key) = client(&owner, "Northwind").await?;
        let (_, far_key) = client(&owner, "Southwind").await?;
        let (spare, spare_key) = client(&owner, "Spare").await?;
        self.things.insert((Thing::Client, Whose::Spare), spare);
        self.things.insert((Thing::Client, Whose::Far), north);
        let mut installations = HashMap::new();
        for (who, seed, computer) in DEVICES.into_iter().filter(|device| device.0 != Who::Unknown) {
            let answer = self.enrol(seed, computer, &key).await?;
            if who == Who::Pending {
                ensure!(answer.is_none(), "a new key where another is kept out has to wait");
                continue;
            }
            let enrolled = answer.with_context(|| format!("{who:?} is not let in"))?;
            installations.insert(who, enrolled.installation_id.to_string());
            if who == Who::Off {
                let path = format!("/devices/{}/enablement", enrolled.device_id);
                owner.put(&path, json!({"enabled": false})).await?;
            }
            if who == Who::Revoked || who == Who::Quarantined {
                self.register(&enrolled, if who == Who::Revoked { "revoked" } else { "quarantined" }).await?;
            }
        }
        for (who, whose, seed) in [(Who::Sam, Whose::Sam, 16), (Who::Kim, Whose::Kim, 17)] {
            self.belongings(&owner, whose, seed, &installations[&who]).await?;
        }
        for (whose, seed, computer, key) in
            [(Whose::Far, 20, "seven", far_key), (Whose::Spare, 21, "eight", spare_key.clone())]
        {
            let enrolled = self.enrol(seed, computer, &key).await?.context("it is not let in")?;
            self.belongings(&owner, whose, seed, &enrolled.installation_id.to_string()).await?;
            self.things.insert((Thing::Device, whose), enrolled.device_id.to_string());
            self.things.insert((Thing::Installation, whose), enrolled.installation_id.to_string());
        }
        self.spare_key(&owner).await?;
        self.pages(&installations).await?;
        self.technicians().await
    }

    async fn register(&self, enrolled: &Enrolled, registration: &str) -> Result<()> {
        let id = enrolled.installation_id;
        self.database
            .execute(&format!("update installations set registration = '{registration}' where id = '{id}'"))
            .await
    }

    async fn enrol(&self, seed: u8, computer: &str, key: &str) -> Result<Option<Enrolled>> {
        let body = json!({"enrolment_key": key, "algorithm": "ed25519", "public_key": key_id(seed),
            "machine_hint": sha256(computer.as_bytes()), "facts": {"name": "Desk"}, "agent_version": "0.1.0", "language": "en"});
        let answer = self.signed(seed, Method::POST, "/enrol", "", &body).await?;
        if answer.status() == 403 {
            return Ok(None);
        }
        Ok(Some(answer.error_for_status()?.json().await?))
    }

    async fn signed(
        &self,
        seed: u8,
        method: Method,
        path: &str,
        query: &str,
        body: &Value,
    ) -> Result<reqwest::Response> {
        let (path, query) = (format!("/api/agent/v1{path}"), query.to_owned());
        let (content_type, body) = match body.as_str() {
            Some(text) => ("application/octet-stream", text.as_bytes().to_vec()),
            None => ("application/json", serde_json::to_vec(body)?),
        };
        let asked = Asked { method, path, query, content_type, body: Some(body) };
        Ok(signed(&self.http, self.base(), self.server, seed, Who::Sam, seconds()?, &asked)?.send().await?)
    }

    /// A person, a ticket and a file of theirs; the file of another client has not arrived yet.
    async fn belongings(&mut self, owner: &Api, whose: Whose, seed: u8, installation: &str) -> Result<()> {
        let name = format!("{whose:?}").to_lowercase();
        let person = json!({"name": name, "email": format!("{name}@{name}.example")});
        let vouched = owner.post(&format!("/installations/{installation}/vouch"), person).await?;
        let person =
            find(&vouched, "person").and_then(|person| person["id"].as_str()).context("nobody is confirmed")?;
        let (ticket, file) = (new_id().to_string(), new_id().to_string());
        let sync = json!({"protocol": 1, "agent_version": "0.1.0", "language": "en", "facts": {"name": "Desk"}, "hotkey": "registered",
            "epoch": 0, "applied_revision": 0, "cursor": 0, "items": [{"kind": "ticket", "id": ticket, "author": person,
            "type": "incident", "subject": format!("Printer of {name}"), "description": "", "affected": "me", "language": "en",
            "written_at": 1, "attachments": [{"id": file, "role": "file", "name": "a.txt", "content_type": "text/plain",
            "size": FILE.len(), "sha256": sha256(FILE)}]}]});
        let answer: Value =
            self.signed(seed, Method::POST, "/sync", "", &sync).await?.error_for_status()?.json().await?;
        ensure!(answer["receipts"][0]["outcome"] == "accepted", "{answer}");
        if whose != Whose::Far {
            let path = format!("/attachments/{file}");
            self.signed(seed, Method::PUT, &path, "?offset=0", &json!("x")).await?.error_for_status()?;
        }
        for (thing, id) in [
            (Thing::Author, person.to_owned()),
            (Thing::Person, person.to_owned()),
            (Thing::Ticket, ticket),
            (Thing::File, file),
        ] {
            self.things.insert((thing, whose), id);
        }
        Ok(())
    }

    async fn spare_key(&mut self, owner: &Api) -> Result<()> {
        let keys = format!("/clients/{}/enrolment-keys", self.things[&(Thing::Client, Whose::Spare)]);
        let key = owner.post(&keys, json!({"name": "Spare", "expires_in_days": 7, "max_devices": 5})).await?;
        let id = key["key"]["id"].as_str().context("a key without id")?.to_owned();
        self.things.insert((Thing::Key, Whose::Spare), id);
        let job = new_id().to_string();
        // One that can be sent when it is tried again: then it is done with.
        let mail = json!({"to": "sam@north.example", "to_name": "Sam", "language": "en", "organization": "Harbour IT",
            "kind": "ticket_resolved", "ticket": new_id(), "number": 1, "subject": "It"});
        self.database
            .execute(&format!(
                "insert into jobs (id, kind, payload, run_at, attempts, failed_at, created_at)
                 values ('{job}', 'ticket_resolved', '{mail}', 0, 9, 1, 1)"
            ))
            .await?;
        self.things.insert((Thing::Mail, Whose::Spare), job);
        Ok(())
    }

    /// The sessions of pages, as a link would have been traded for them.
    async fn pages(&self, installations: &HashMap<Who, String>) -> Result<()> {
        for (who, _) in PAGES {
            let device = match who {
                Who::PageOn | Who::PageNoProof => Who::On,
                Who::PageOff => Who::Off,
                Who::PageKim => Who::Kim,
                _ => Who::Sam,
            };
            let expires_at: i64 = if *who == Who::PageEnded { 1 } else { 9_000_000_000_000 };
            let (hash, csrf) = (sha256(cookie(*who).as_bytes()), cookie(*who));
            let id = &installations[&device];
            self.database
                .execute(&format!(
                    "insert into portal_sessions (id_hash, installation_id, client_id, requester_id, csrf, created_at, expires_at)
                     select '{hash}', id, client_id, requester_id, '{csrf}', 1, {expires_at} from installations where id = '{id}'"
                ))
                .await?;
        }
        Ok(())
    }

    async fn technicians(&self) -> Result<()> {
        for (who, _) in TECHNICIANS {
            let role = match who {
                Who::ReadOnly => "read_only",
                Who::Worker => "technician",
                Who::Admin => "admin",
                _ => "owner",
            };
            let disabled = if *who == Who::Disabled { "1" } else { "null" };
            let expires_at: i64 = if *who == Who::Expired { 1 } else { 9_000_000_000_000 };
            let (id, hash, csrf) = (new_id(), sha256(cookie(*who).as_bytes()), cookie(*who));
            self.database
                .execute(&format!(
                    "insert into technicians (id, email, name, role, language, password_hash, created_at, disabled_at)
                     values ('{id}', '{who:?}@harbour.example', '{who:?}', '{role}', 'en', 'none', 1, {disabled});
                     insert into sessions (id_hash, technician_id, csrf, created_at, expires_at)
                     values ('{hash}', '{id}', '{csrf}', 1, {expires_at})"
                ))
                .await?;
        }
        Ok(())
    }
}

/// What a principal's browser carries; its proof is the same word.
pub(super) fn cookie(who: Who) -> String {
    format!("cookie-of-{who:?}")
}

async fn client(owner: &Api, name: &str) -> Result<(String, String)> {
    let client = owner.post("/clients", json!({"name": name, "domains": []})).await?;
    let id = client["id"].as_str().context("a client without id")?.to_owned();
    owner.put(&format!("/clients/{id}/enablement"), json!({"enabled": true, "include_device_choices": false})).await?;
    let key = json!({"name": "Key", "expires_in_days": 7, "max_devices": 50});
    let key = owner.post(&format!("/clients/{id}/enrolment-keys"), key).await?;
    Ok((id, key["secret"].as_str().context("a key without secret")?.to_owned()))
}

/// The first value of this name that is an object, wherever it lies.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields
            .get(name)
            .filter(|found| found.is_object())
            .or_else(|| fields.values().find_map(|inner| find(inner, name))),
        Value::Array(items) => items.iter().find_map(|inner| find(inner, name)),
        _ => None,
    }
}
