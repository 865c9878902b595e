//! What counts once: a request, a token, a link, the last place of an enrolment key.

use anyhow::{Context, Result};
use deskbell_protocol::handover::{AskHandover, HandoverPage};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::Found,
    judge,
    page::{secret, trade},
    place::{Place, asking},
    volley::{Answer, tally, volley},
};
use crate::device::Forged;

/// How many come at the same time.
const MANY: usize = 8;

/// The very same request, at every server at once: where it changes something, it is heard once.
pub(super) async fn requests(place: &Place<'_>, found: &mut Found) -> Result<()> {
    let device = place.device().await?;
    let stranger = place.stranger().await?;
    let exchange = serde_json::to_value(device.exchange(0, 0, Vec::new()))?;
    let introduction = serde_json::to_value(stranger.introduction(&place.key))?;
    let cases: [(&_, Method, &str, Option<Value>); 6] = [
        (&stranger, Method::POST, "/enrol", Some(introduction)),
        (&device, Method::POST, "/sync", Some(exchange)),
        (&device, Method::POST, "/confirmation/token", Some(asking("once@northwind.example"))),
        (&device, Method::POST, "/confirmation", Some(json!({"token": "BCDF-GHJK"}))),
        (&device, Method::DELETE, "/confirmation", None),
        (
            &device,
            Method::POST,
            "/handover",
            Some(serde_json::to_value(AskHandover { page: HandoverPage::NewTicket })?),
        ),
    ];
    for (byte, (device, method, path, body)) in (240..).zip(cases) {
        let body = body.as_ref().map(serde_json::to_vec).transpose()?;
        let nonce = Forged { nonce: Some(byte), ..Forged::default() };
        let copy =
            |turn| device.prepare(&place.base(turn), method.clone(), path, "application/json", body.clone(), nonce);
        let told = volley(&place.http, (0..MANY).map(copy).collect::<Result<_>>()?).await?;
        let heard = told.iter().filter(|answer| answer.code() != "signature_replayed").count();
        judge(found, place.name(), heard == 1, || format!("{method} {path} was heard {heard} times: {}", tally(&told)));
    }
    Ok(())
}

/// The right token by many at once: one of them is confirmed by it.
pub(super) async fn token(place: &Place<'_>, found: &mut Found) -> Result<()> {
    let (device, email) = (place.device().await?, "raced@northwind.example");
    place.ask(&device, 0, email).await?;
    let right = json!({"token": place.token(email).await?});
    let requests = (0..MANY).map(|turn| place.signed(&device, turn, "/confirmation", &right));
    let told = volley(&place.http, requests.collect::<Result<_>>()?).await?;
    let confirmed = told.iter().filter(|answer| answer.succeeded()).count();
    judge(found, place.name(), confirmed == 1, || format!("one token confirmed {confirmed} times: {}", tally(&told)));
    let written = place.sql("select count(*) from history where action = 'person.confirmed'").await?;
    judge(found, place.name(), written == "1", || format!("the history has {written} confirmations"));
    Ok(())
}

/// One link, traded by many at once: one page opens.
pub(super) async fn link(place: &Place<'_>, found: &mut Found) -> Result<()> {
    let secret = secret(&place.device().await?).await?;
    let requests = (0..MANY).map(|turn| trade(place, turn, &secret));
    let told = volley(&place.http, requests.collect::<Result<_>>()?).await?;
    let opened = told.iter().filter(|answer| answer.succeeded()).count();
    judge(found, place.name(), opened == 1, || format!("one link opened {opened} pages: {}", tally(&told)));
    Ok(())
}

/// A key lets in as many devices as it may, until it is revoked or its time is over, and not one more.
pub(super) async fn enrolment_key(place: &Place<'_>, found: &mut Found) -> Result<()> {
    let (_, key) = place.new_key(3).await?;
    let told = introduce(place, &key, MANY).await?;
    let enrolled = told.iter().filter(|answer| answer.succeeded()).count();
    let used_up = told.iter().filter(|answer| answer.code() == "enrolment_key_used_up").count();
    judge(found, place.name(), enrolled == 3 && used_up == MANY - 3, || {
        format!("a key for three let {enrolled} devices in: {}", tally(&told))
    });

    // One device that asks often is one device.
    let (id, key) = place.new_key(1).await?;
    let device = place.stranger().await?;
    let introduction = device.introduction(&key);
    let requests = (0..MANY).map(|turn| place.signed(&device, turn, "/enrol", &introduction));
    let told = volley(&place.http, requests.collect::<Result<_>>()?).await?;
    let devices = place.sql(&format!("select count(*) from devices where enrolment_key_id = '{id}'")).await?;
    judge(found, place.name(), devices == "1" && told.iter().all(Answer::succeeded), || {
        format!("a device that introduced itself {MANY} times at once is {devices}: {}", tally(&told))
    });

    let (id, key) = place.new_key(200).await?;
    place.api.delete(&format!("/enrolment-keys/{id}")).await.context("revoking")?;
    let told = introduce(place, &key, 2).await?;
    judge(found, place.name(), told.iter().all(|answer| answer.code() == "enrolment_key_revoked"), || {
        format!("a revoked key: {}", tally(&told))
    });
    let (id, key) = place.new_key(200).await?;
    place.sql(&format!("update enrolment_keys set expires_at = 1 where id = '{id}'")).await?;
    let told = introduce(place, &key, 2).await?;
    judge(found, place.name(), told.iter().all(|answer| answer.code() == "enrolment_key_expired"), || {
        format!("a key whose time is over: {}", tally(&told))
    });
    Ok(())
}

/// So many devices that nobody knows introduce themselves at once.
async fn introduce(place: &Place<'_>, key: &str, devices: usize) -> Result<Vec<Answer>> {
    let mut requests = Vec::new();
    for turn in 0..devices {
        let device = place.stranger().await?;
        requests.push(place.signed(&device, turn, "/enrol", &device.introduction(key))?);
    }
    volley(&place.http, requests).await
}
