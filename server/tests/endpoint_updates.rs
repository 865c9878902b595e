//! Updates: what the folder's administrator put there, to whom it is given, and who is behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use common::{Running, client, ready};
use deskbell_protocol::{error::ErrorCode, update::UpdateOffer};
use deskbell_server::clock;
use deskbell_tests::device::{Device, refusal};
use serde_json::json;

const KEY: &str = "0000000000000007";
const PLATFORM: &str = "linux-x86_64";

/// A file with a signature in minisign's form: what the server looks at of it.
fn publish(server: &Path, ring: &str, version: &str, content: &[u8]) {
    let place = server.join("updates").join(ring).join(version).join(PLATFORM);
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("deskbell"), content).unwrap();
    let signature = STANDARD.encode([b"ED".as_slice(), &7_u64.to_le_bytes(), &[0; 64]].concat());
    let text = format!("untrusted comment: x\n{signature}\ntrusted comment: version:{version}\nx\n");
    fs::write(place.join("deskbell.minisig"), text).unwrap();
}

fn question(current: &str, ring: &str, keys: &str) -> String {
    format!("/updates/{PLATFORM}?current={current}&ring={ring}&keys={keys}")
}

#[tokio::test]
async fn a_known_device_gets_what_is_newer_and_its_file() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    for (ring, version) in [("stable", "0.0.9"), ("stable", "0.2.0"), ("early", "0.3.0")] {
        publish(server.folder(), ring, version, version.as_bytes());
    }
    let there = ready(&server, &api, &northwind, 1).await;
    for (current, ring, keys, offered) in [
        ("0.1.0", "stable", KEY, Some("0.2.0")),
        ("0.1.0", "early", KEY, Some("0.3.0")),
        ("0.2.0", "stable", KEY, None),
        ("0.1.0", "stable", "0000000000000008", None),
        ("0.1.0", "stable", "", None),
    ] {
        let answer = there.device.get(&question(current, ring, keys)).await.unwrap();
        let found = match answer.status().as_u16() {
            204 => None,
            200 => Some(answer.json::<UpdateOffer>().await.unwrap()),
            other => panic!("{current} {ring} {keys}: {other}"),
        };
        assert_eq!(found.as_ref().map(|offer| offer.version.as_str()), offered, "{current} {ring} {keys}");
        let Some(offer) = found else { continue };
        assert!(offer.signature.contains(&format!("version:{}", offer.version)), "{}", offer.signature);
        let file = there.device.get(&format!("/updates/{PLATFORM}/{}/{}", offer.ring, offer.version)).await.unwrap();
        assert_eq!(file.headers()["content-length"], offer.size.to_string().as_str());
        assert_eq!(file.bytes().await.unwrap(), offer.version.as_bytes());
    }
}

#[tokio::test]
async fn a_path_is_looked_up_and_never_followed() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    publish(server.folder(), "stable", "0.2.0", b"the program");
    let there = ready(&server, &api, &northwind, 1).await;
    for (path, status) in [
        ("/updates/linux-x86_64/stable/0.2.1", 404),
        ("/updates/linux-x86_64/early/0.2.0", 404),
        ("/updates/windows-x86_64/stable/0.2.0", 404),
        ("/updates/linux-x86_64/stable/..%2F..%2F..%2F..%2Flock", 404),
        ("/updates/..%2F..%2Fdeskbell.db/stable/0.2.0", 404),
        ("/updates/linux-x86_64/..%2Fstable/0.2.0", 404),
        ("/updates/linux-x86_64?current=newest&ring=stable&keys=x", 422),
        ("/updates/linux-x86_64?current=0.1.0&ring=nightly&keys=x", 422),
    ] {
        let (found, _) = refusal(there.device.get(path).await.unwrap()).await.unwrap();
        assert_eq!(found, status, "{path}");
    }
}

#[tokio::test]
async fn who_is_not_accepted_gets_nothing() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    publish(server.folder(), "stable", "0.2.0", b"the program");
    let there = ready(&server, &api, &northwind, 1).await;
    let registration = format!("/installations/{}/registration", there.enrolled.installation_id);
    api.put(&registration, json!({"registration": "revoked"})).await.unwrap();
    let stranger = Device::new(&server.http, &server.url, "PC-9", 9).await.unwrap();
    for (device, code) in [(&there.device, ErrorCode::DeviceRevoked), (&stranger, ErrorCode::DeviceUnknown)] {
        for path in [question("0.1.0", "stable", KEY), format!("/updates/{PLATFORM}/stable/0.2.0")] {
            let (_, body) = refusal(device.get(&path).await.unwrap()).await.unwrap();
            assert_eq!(body.code, code, "{path}");
        }
    }
}

#[tokio::test]
async fn so_many_get_a_file_at_a_time_and_the_others_are_told_when_to_ask() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    // More than what lies on the way between the two.
    publish(server.folder(), "stable", "0.2.0", &vec![7; 48 * 1024 * 1024]);
    let there = ready(&server, &api, &northwind, 1).await;
    let file = format!("/updates/{PLATFORM}/stable/0.2.0");
    let mut begun = Vec::new();
    for _ in 0..server.app.config.update_downloads {
        begun.push(there.device.get(&file).await.unwrap());
    }
    assert!(begun.iter().all(|answer| answer.status().is_success()));
    let (status, body) = refusal(there.device.get(&file).await.unwrap()).await.unwrap();
    assert_eq!((status, body.code), (429, ErrorCode::TooManyRequests));
    assert!((30..60).contains(&body.details.retry_after.unwrap()), "{body:?}");
    let question = there.device.get(&question("0.1.0", "stable", KEY)).await.unwrap();
    assert_eq!(question.status(), 200, "asking is always possible");
    begun.clear();
    let again = deskbell_tests::wait::until("a place is free", deskbell_tests::wait::SOON, async || {
        Ok(there.device.get(&file).await?.status().is_success().then_some(()))
    });
    again.await.unwrap();
}

#[tokio::test]
async fn the_console_shows_who_is_behind() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    let there = ready(&server, &api, &northwind, 1).await;
    let devices = api.get("/devices").await.unwrap();
    assert_eq!((&devices["behind"], &devices["devices"][0]["newer"]), (&json!(0), &json!(null)), "all run the same");
    publish(server.folder(), "stable", "0.2.0", b"the program");
    let shown = deskbell_tests::wait::until("the folder is read again", deskbell_tests::wait::SOON, async || {
        let devices = api.get("/devices?behind=true").await?;
        Ok((devices["behind"] == 1).then_some(devices))
    });
    let devices = shown.await.unwrap();
    let row = &devices["devices"][0];
    assert_eq!((&row["agent_version"], &row["newer"]), (&json!("0.1.0"), &json!("0.2.0")));
    let device = api.get(&format!("/devices/{}", there.enrolled.device_id)).await.unwrap();
    assert_eq!(device["newer"], "0.2.0");
    assert_eq!(api.get("/devices?behind=true&q=nobody").await.unwrap()["behind"], 0, "of those that are searched for");
}
