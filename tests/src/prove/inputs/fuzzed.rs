//! Signed requests whose bodies and signatures were altered by chance, at the real server: what nobody
//! would write by hand. The fuzzers in `fuzz/` work on the same readers without a server, for longer.

use anyhow::{Context, Result};
use deskbell_protocol::sync::OutboxItem;
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::{Found, Kind, Order};
use crate::{
    device::{Device, Forged},
    helpdesk::Helpdesk,
};

const LEAST: u64 = 400;

pub(super) async fn run(order: Order, found: &mut Found) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let helpdesk = Helpdesk::open(folder.path()).await?;
    let server = &helpdesk.server;
    let device = Device::new(server.http(), &server.url(), "PC-1", 1).await?;
    let enrolled = device.enrol(&helpdesk.enrolment_key).await?;
    helpdesk.enable(&enrolled.device_id.to_string()).await?;
    helpdesk.vouch(&enrolled.installation_id.to_string()).await?;
    let state = device.sync(0, 0, Vec::new()).await?;
    let author = state.state.confirmation.context("nobody is confirmed")?.requester_id;
    let mut chance = StdRng::seed_from_u64(order.seed);
    let (mut done, mut accepted, mut epoch) = (0, 0, state.epoch);
    while order.more(done, LEAST) {
        done += 1;
        let mut batch = serde_json::to_value(device.exchange(epoch, 0, vec![item(&mut chance, &author.to_string())?]))?;
        for _ in 0..chance.random_range(0..3) {
            alter(&mut batch, &mut chance);
        }
        // The chain of answers is not what is tried here.
        if let Value::Object(fields) = &mut batch {
            fields.insert("epoch".into(), epoch.into());
        }
        let mut body = serde_json::to_vec(&batch)?;
        if chance.random_ratio(1, 8) {
            let place = chance.random_range(0..body.len());
            body[place] = chance.random();
        }
        let sent = device.send(Method::POST, "/sync", "application/json", Some(body.clone()), Forged::default());
        let said = sent.await.with_context(|| format!("no answer to {}", String::from_utf8_lossy(&body)))?;
        let (status, answer) = (said.status().as_u16(), said.bytes().await?);
        if status >= 500 {
            found.violation(
                Kind::Crashed,
                format!("seed {}, {done}: {status} for {}", order.seed, String::from_utf8_lossy(&body)),
            );
        }
        if let (200, Ok(answer)) = (status, serde_json::from_slice::<Value>(&answer)) {
            accepted += 1;
            epoch = answer["epoch"].as_i64().context("an answer without epoch")?;
        }
    }
    found.runs += done;
    if accepted == 0 || accepted == done {
        found.violation(Kind::Wrong, format!("{accepted} of {done} altered batches were read: nothing is tried"));
    }
    found.notes.push(format!("{done} altered sync batches, {accepted} of them read, seed {}", order.seed));
    super::described::ended_well(&folder.path().join("server.log"), "altered batches", found)
}

/// An honest item, to be altered.
fn item(chance: &mut StdRng, author: &str) -> Result<OutboxItem> {
    let id = |chance: &mut StdRng| uuid::Uuid::from_u128(chance.random()).to_string();
    let file = json!({"id": id(chance), "role": "file", "name": "a.txt", "content_type": "text/plain", "size": 3,
        "sha256": "0".repeat(64)});
    let context = json!({"device": "PC", "uptime": 5, "disk": {"free": 1, "total": 2},
        "battery": {"percent": 5, "charging": true}, "network": {"ip": "::1", "interface": "lo"}});
    let ticket = json!({"kind": "ticket", "id": id(chance), "author": author, "type": "incident", "subject": "It",
        "description": "is", "can_work": "no", "affected": "me", "attachments": [file], "context": context,
        "language": "en", "written_at": 5});
    Ok(serde_json::from_value(ticket)?)
}

/// Alters one value, somewhere.
fn alter(value: &mut Value, chance: &mut StdRng) {
    match value {
        Value::Object(fields) if !fields.is_empty() && chance.random_ratio(7, 8) => {
            let place = chance.random_range(0..fields.len());
            if let Some((_, inner)) = fields.iter_mut().nth(place) {
                alter(inner, chance);
            }
        }
        Value::Array(all) if !all.is_empty() && chance.random_ratio(7, 8) => {
            let place = chance.random_range(0..all.len());
            if chance.random_ratio(1, 6) {
                let copy = all[place].clone();
                all.push(copy);
            } else {
                alter(&mut all[place], chance);
            }
        }
        Value::String(text) if chance.random_ratio(2, 3) => *text = words(text, chance),
        other => *other = extreme(chance),
    }
}

fn words(text: &str, chance: &mut StdRng) -> String {
    match chance.random_range(0..6) {
        0 => String::new(),
        1 => text.repeat(20_001),
        2 => format!("{text}\u{0}"),
        3 => format!("..\\../\u{202e}{text}\r\n"),
        4 => std::iter::repeat_with(|| chance.random::<char>()).take(40).collect(),
        _ => text.chars().rev().collect(),
    }
}

fn extreme(chance: &mut StdRng) -> Value {
    let all = [
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(-1),
        json!(0),
        json!(1e308),
        Value::Null,
        json!([]),
        json!({}),
        json!(true),
        json!("\u{fffe}"),
    ];
    all[chance.random_range(0..all.len())].clone()
}
