//! Settings that are sent to agents: who is told what, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use common::{Running, client, ready, text};
use deskbell_protocol::{error::ErrorCode, settings::SentSetting};
use deskbell_server::clock;
use deskbell_tests::device::refusal;
use reqwest::Method;
use serde_json::{Value, json};

fn sent(name: &str, value: &str, locked: bool) -> SentSetting {
    SentSetting { name: name.into(), value: value.into(), locked }
}

#[tokio::test]
async fn agents_are_told_what_their_client_and_the_organization_say() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let (one, other) = (client(&api, "Northwind", "northwind.example").await, client(&api, "Kestrel", "").await);
    let (here, there) = (ready(&server, &api, &one, 1).await, ready(&server, &api, &other, 2).await);
    let revision = here.device.sync(here.epoch, 0, Vec::new()).await.unwrap();
    assert_eq!(revision.state.settings, []);

    let settings = "/organization/agent-settings";
    api.put(settings, json!({"name": "hotkey", "value": "Ctrl+F9", "locked": true})).await.unwrap();
    api.put(settings, json!({"name": "theme", "value": "dark"})).await.unwrap();
    let own = format!("/clients/{}/agent-settings", one.id);
    let shown = api.put(&own, json!({"name": "hotkey", "value": "Ctrl+F8", "locked": false})).await.unwrap();
    assert_eq!(shown[0]["name"], "hotkey");
    assert_eq!(
        (text(&shown[0]["own"]["value"]), text(&shown[0]["inherited"]["value"])),
        ("Ctrl+F8".into(), "Ctrl+F9".into())
    );
    assert_eq!(text(&shown[0]["own"]["by"]), "Ada");

    let told = here.device.sync(revision.epoch, revision.state.revision, Vec::new()).await.unwrap();
    assert_eq!(told.state.settings, [sent("hotkey", "Ctrl+F8", false), sent("theme", "dark", false)]);
    assert!(told.state.revision > revision.state.revision, "it counts as not applied until the agent says so");
    let elsewhere = there.device.sync(there.epoch, 0, Vec::new()).await.unwrap();
    assert_eq!(elsewhere.state.settings, [sent("hotkey", "Ctrl+F9", true), sent("theme", "dark", false)]);

    api.put(&own, json!({"name": "hotkey", "value": null})).await.unwrap();
    let told = here.device.sync(told.epoch, told.state.revision, Vec::new()).await.unwrap();
    assert_eq!(told.state.settings[0], sent("hotkey", "Ctrl+F9", true));
    let history = api.get(&format!("/clients/{}/history", one.id)).await.unwrap();
    let changes: Vec<&Value> =
        history.as_array().unwrap().iter().filter(|entry| entry["action"] == "agent_settings.changed").collect();
    assert_eq!(changes.len(), 2, "{history}");
    assert_eq!((&changes[0]["detail"]["to"], text(&changes[1]["detail"]["to"])), (&Value::Null, "Ctrl+F8".into()));
}

#[tokio::test]
async fn what_no_server_may_send_and_what_no_value_is_are_refused() {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let one = client(&api, "Northwind", "northwind.example").await;
    let own = format!("/clients/{}/agent-settings", one.id);
    for (name, value, code) in [
        ("server_url", "https://elsewhere.example", ErrorCode::Malformed),
        ("enrolment_key", "DB-0000", ErrorCode::Malformed),
        ("theme", "blue", ErrorCode::SettingInvalid),
        ("hotkey", "", ErrorCode::SettingInvalid),
    ] {
        for path in [own.as_str(), "/organization/agent-settings"] {
            let body = serde_json::to_vec(&json!({"name": name, "value": value})).unwrap();
            let (status, refused) = refusal(api.send(Method::PUT, path, Some(body)).await.unwrap()).await.unwrap();
            assert_eq!((status, refused.code), (422, code), "{path} {name}");
        }
    }
    assert_eq!(api.get(&own).await.unwrap()[0]["own"], Value::Null);
}
