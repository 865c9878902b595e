//! A helpdesk that is set up: a server, its owner, one client and a key for its devices.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::{
    api::Api,
    server::Server,
    wait::{SOON, until},
};

#[derive(Debug)]
pub struct Helpdesk {
    pub server: Server,
    pub api: Api,
    pub enrolment_key: String,
}

impl Helpdesk {
    pub async fn open(folder: &Path) -> Result<Self> {
        Self::with(Server::new(&folder.join("server"), &folder.join("server.log"))?).await
    }

    /// Over a server that is prepared and not started.
    pub async fn with(mut server: Server) -> Result<Self> {
        server.start().await?;
        let code = server.setup_code().await?;
        let answers = json!({"code": code, "organization": "Harbour IT", "name": "Ada", "email": "ada@harbour.example",
            "password": "correct horse battery", "language": "en"});
        let api = Api::set_up(server.http(), &server.url(), answers).await?;
        let client = api.post("/clients", json!({"name": "Northwind", "domains": []})).await?;
        let keys = format!("/clients/{}/enrolment-keys", client["id"].as_str().context("no id")?);
        let key = api.post(&keys, json!({"name": "Key", "expires_in_days": 7, "max_devices": 50})).await?;
        let enrolment_key = key["secret"].as_str().context("no key")?.to_owned();
        Ok(Self { server, api, enrolment_key })
    }

    /// The ids of the only device and of its only installation, as soon as it has introduced itself.
    pub async fn introduced(&self) -> Result<(String, String)> {
        until("the device is introduced", SOON, async || {
            let rows = self.server.database()?.pairs("select device_id, id from installations", [])?;
            Ok(rows.into_iter().next())
        })
        .await
    }

    pub async fn enable(&self, device: &str) -> Result<()> {
        self.api.put(&format!("/devices/{device}/enablement"), json!({"enabled": true})).await.map(drop)
    }

    /// A technician vouches for somebody, so that no mail is needed.
    pub async fn vouch(&self, installation: &str) -> Result<()> {
        let person = json!({"name": "Camille Martin", "email": "camille@northwind.example"});
        self.api.post(&format!("/installations/{installation}/vouch"), person).await.map(drop)
    }

    /// Lets the person who sits at the only device write tickets.
    pub async fn welcome(&self) -> Result<()> {
        let (device, installation) = self.introduced().await?;
        self.enable(&device).await?;
        self.vouch(&installation).await
    }

    pub async fn revoke(&self, installation: &str) -> Result<()> {
        let path = format!("/installations/{installation}/registration");
        self.api.put(&path, json!({"registration": "revoked"})).await.map(drop)
    }

    pub fn tickets(&self) -> Result<i64> {
        self.server.database()?.count("select count(*) from tickets", [])
    }
}
