//! A helpdesk with as many servers as its database allows, and devices that speak to all of them.

use std::cell::Cell;

use anyhow::{Context, Result};
use reqwest::{Method, Request};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    super::Found,
    judge,
    volley::{self, Answer, tally, volley},
};
use crate::{
    api::Api,
    device::{Device, Forged},
    mail::MailServer,
    postgres::Postgres,
    server::Server,
};

pub(super) const OWNER: &str = "ada@harbour.example";
pub(super) const PASSWORD: &str = "correct horse battery";

#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) servers: Vec<Server>,
    pub(super) postgres: Option<(&'a Postgres, String)>,
    pub(super) mail: MailServer,
    pub(super) http: reqwest::Client,
    pub(super) api: Api,
    pub(super) client: String,
    /// A key for as many devices as wanted.
    pub(super) key: String,
    made: Cell<u8>,
    _folder: tempfile::TempDir,
}

/// The servers of one helpdesk, started and not set up.
pub(super) struct Servers<'a> {
    pub(super) servers: Vec<Server>,
    pub(super) postgres: Option<(&'a Postgres, String)>,
    pub(super) mail: MailServer,
    pub(super) folder: tempfile::TempDir,
}

impl<'a> Servers<'a> {
    pub(super) async fn start(postgres: Option<&'a Postgres>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let mail = MailServer::start(&path.join("mailbox"), &path.join("smtp.log")).await?;
        let postgres = match postgres {
            Some(postgres) => Some((postgres, postgres.database().await?)),
            None => None,
        };
        let mut servers = Vec::new();
        for name in if postgres.is_some() { &["one", "other"][..] } else { &["one"][..] } {
            let mut server = Server::new(&path.join(name), &path.join(format!("{name}.log")))?.with_mail(mail.port());
            if let Some((postgres, database)) = &postgres {
                server = server.with("DATABASE_URL", postgres.url(database));
            }
            server.start().await?;
            servers.push(server);
        }
        Ok(Self { servers, postgres, mail, folder })
    }

    /// The code that counts: each start prints one, and the last one replaces those before.
    pub(super) async fn code(&mut self) -> Result<String> {
        self.servers.last_mut().context("no server")?.setup_code().await
    }
}

/// A client that waits for passwords to be hashed.
pub(super) fn patient() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().timeout(std::time::Duration::from_secs(60)).build()?)
}

pub(super) fn answers(code: &str) -> Value {
    json!({"code": code, "organization": "Harbour IT", "name": "Ada", "email": OWNER, "password": PASSWORD,
        "language": "en"})
}

impl<'a> Place<'a> {
    /// Sets it up, by several at once who all know the code: it lets one of them in.
    pub(super) async fn open(postgres: Option<&'a Postgres>, found: &mut Found) -> Result<Self> {
        let mut begun = Servers::start(postgres).await?;
        let code = begun.code().await?;
        let http = patient()?;
        let bases: Vec<String> = begun.servers.iter().map(Server::url).collect();
        let all = (0..4).map(|turn| {
            let url = format!("{}/api/setup", bases[turn % bases.len()]);
            Ok(http.post(url).json(&answers(&code)).build()?)
        });
        let told = volley(&http, all.collect::<Result<_>>()?).await?;
        let name = if postgres.is_some() { "postgresql" } else { "sqlite" };
        judge(found, name, told.iter().filter(|answer| answer.succeeded()).count() == 1, || {
            format!("the set-up code let in not one: {}", tally(&told))
        });
        let api = Api::sign_in(&http, &bases[0], OWNER, PASSWORD).await?;
        let client = api.post("/clients", json!({"name": "Northwind", "domains": []})).await?;
        let client = client["id"].as_str().context("a client without id")?.to_owned();
        let choice = json!({"enabled": true, "include_device_choices": false});
        api.put(&format!("/clients/{client}/enablement"), choice).await?;
        let Servers { servers, postgres, mail, folder } = begun;
        let mut place = Self {
            servers,
            postgres,
            mail,
            http,
            api,
            client,
            key: String::new(),
            made: Cell::new(0),
            _folder: folder,
        };
        place.key = place.new_key(250).await?.1;
        Ok(place)
    }

    pub(super) fn name(&self) -> &'static str {
        if self.postgres.is_some() { "postgresql" } else { "sqlite" }
    }

    /// An enrolment key for so many devices: its id and secret.
    pub(super) async fn new_key(&self, devices: i64) -> Result<(String, String)> {
        let wanted = json!({"name": "Key", "expires_in_days": 7, "max_devices": devices});
        let key = self.api.post(&format!("/clients/{}/enrolment-keys", self.client), wanted).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a key without id or secret");
        Ok((text(&key["key"]["id"])?, text(&key["secret"])?))
    }

    /// The address of one server; turns go round.
    pub(super) fn base(&self, turn: usize) -> String {
        self.servers[turn % self.servers.len()].url()
    }

    /// A device that nobody has seen yet.
    pub(super) async fn stranger(&self) -> Result<Device> {
        self.made.set(self.made.get() + 1);
        let seed = self.made.get();
        Device::new(&self.http, &self.base(0), &format!("PC-{seed}"), seed).await
    }

    /// A device that is let in and enabled.
    pub(super) async fn device(&self) -> Result<Device> {
        let device = self.stranger().await?;
        device.enrol(&self.key).await?;
        Ok(device)
    }

    /// A signed request to one of the servers.
    pub(super) fn signed(&self, device: &Device, turn: usize, path: &str, body: &impl Serialize) -> Result<Request> {
        let body = Some(serde_json::to_vec(body)?);
        device.prepare(&self.base(turn), Method::POST, path, "application/json", body, Forged::default())
    }

    pub(super) async fn ask(&self, device: &Device, turn: usize, email: &str) -> Result<Answer> {
        let request = self.signed(device, turn, "/confirmation/token", &asking(email))?;
        volley::one(&self.http, request).await
    }

    /// The token that this person was sent.
    pub(super) async fn token(&self, email: &str) -> Result<String> {
        let mail = self.mail.wait(email, "the token", crate::wait::SOON, |_| true).await?;
        crate::mail::token(&mail.text).context("a mail without token")
    }

    /// The first column of the first row, as text.
    pub(super) async fn sql(&self, sql: &str) -> Result<String> {
        match &self.postgres {
            Some((postgres, database)) => postgres.sql_in(database, sql).await,
            None => {
                let database = rusqlite::Connection::open(self.servers[0].folder().join("deskbell.db"))?;
                database.busy_timeout(crate::wait::SOON)?;
                let mut statement = database.prepare(sql)?;
                let mut rows = statement.query([])?;
                let value = rows.next()?.map(|row| row.get::<_, rusqlite::types::Value>(0)).transpose()?;
                Ok(match value {
                    Some(rusqlite::types::Value::Integer(number)) => number.to_string(),
                    Some(rusqlite::types::Value::Text(text)) => text,
                    _ => String::new(),
                })
            }
        }
    }
}

pub(super) fn asking(email: &str) -> Value {
    json!({"name": "Camille Martin", "email": email, "language": "en"})
}
