//! The page that a device opens in a browser, without the browser.

use anyhow::{Context, Result, ensure};
use deskbell_protocol::handover::{AskHandover, Handover, HandoverPage};
use reqwest::Request;
use serde_json::{Value, json};

use super::{place::Place, volley::one};
use crate::device::Device;

#[derive(Debug)]
pub(super) struct Page {
    cookie: String,
    csrf: String,
}

/// What stands behind a link's `#`.
pub(super) async fn secret(device: &Device) -> Result<String> {
    let link: Handover = device.post("/handover", &AskHandover { page: HandoverPage::NewTicket }).await?;
    Ok(link.url.split_once('#').context("a link without a secret")?.1.to_owned())
}

pub(super) fn trade(place: &Place<'_>, turn: usize, secret: &str) -> Result<Request> {
    let url = format!("{}/api/portal/v1/session", place.base(turn));
    Ok(place.http.post(url).json(&json!({"secret": secret})).build()?)
}

impl Page {
    pub(super) async fn open(place: &Place<'_>, device: &Device) -> Result<Self> {
        let answer = one(&place.http, trade(place, 0, &secret(device).await?)?).await?;
        ensure!(answer.succeeded(), "the link opens no page: {answer:?}");
        let cookie = answer.headers.iter().find(|(name, _)| name == "set-cookie").context("a page without cookie")?;
        let cookie = cookie.1.split(';').next().unwrap_or_default().to_owned();
        let csrf = answer.body["csrf"].as_str().context("a page without proof")?.to_owned();
        Ok(Self { cookie, csrf })
    }

    pub(super) fn post(&self, place: &Place<'_>, turn: usize, path: &str, body: &Value) -> Result<Request> {
        let request = place.http.post(format!("{}/api/portal/v1{path}", place.base(turn)));
        Ok(request.header("cookie", &self.cookie).header("x-csrf-token", &self.csrf).json(body).build()?)
    }
}
