//! A ticket's way in, and what keeps it from being lost, doubled or read by others.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use common::{Client, Ready, Running, client, file, item, ready, ticket};
use deskbell_protocol::{
    device::AgentState,
    error::ErrorCode,
    id::{MessageId, RequesterId},
    limits::{FILES, SYNC_ITEMS},
    sync::{OutboxItem, Outcome, SyncResponse, UploadProgress},
    ticket::{NewReply, NewStatus, Status},
};
use deskbell_server::clock;
use deskbell_tests::{
    api::Api,
    device::{Forged, refusal},
};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

async fn begin() -> (Running, Api, Client, Ready) {
    let server = Running::start(clock::now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    let there = ready(&server, &api, &northwind, 1).await;
    (server, api, northwind, there)
}

impl Ready {
    async fn send(&mut self, items: Vec<OutboxItem>) -> SyncResponse {
        let answer = self.device.sync(self.epoch, 0, items).await.unwrap();
        self.epoch = answer.epoch;
        answer
    }

    /// A sync with some epoch, signed by a clock that is so many seconds ahead.
    async fn later(&self, epoch: i64, ahead: i64) -> reqwest::Response {
        let body = serde_json::to_vec(&self.device.exchange(epoch, 0, Vec::new())).unwrap();
        let forged = Forged { ahead, ..Forged::default() };
        self.device.send(Method::POST, "/sync", "application/json", Some(body), forged).await.unwrap()
    }

    fn reply(&self, id: u128, ticket: u128, sequence: u32, text: &str) -> OutboxItem {
        OutboxItem::Reply(NewReply {
            id: MessageId(Uuid::from_u128(id)),
            author: self.person,
            ticket: deskbell_protocol::id::TicketId(Uuid::from_u128(ticket)),
            sequence,
            text: text.into(),
            attachments: Vec::new(),
            written_at: 1,
        })
    }
}

fn refused(answer: &SyncResponse) -> ErrorCode {
    match &answer.receipts[0].outcome {
        Outcome::Refused { code, .. } | Outcome::Deferred { code, .. } => *code,
        Outcome::Accepted { .. } => panic!("it was accepted"),
    }
}

#[tokio::test]
async fn what_is_sent_twice_is_stored_once_and_another_content_is_refused() {
    let (_server, api, _, mut there) = begin().await;
    let first = there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    let again = there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    assert_eq!(first.receipts, again.receipts);
    let mut other = ticket(1, there.person, Vec::new());
    other.subject = "Something else".into();
    assert_eq!(refused(&there.send(vec![item(other)]).await), ErrorCode::ContentConflict);
    let tickets = api.get("/tickets?view=all").await.unwrap();
    assert_eq!((&tickets["total"], &tickets["tickets"][0]["subject"]), (&json!(1), &json!("Ticket 1")));
}

#[tokio::test]
async fn one_bad_item_does_not_keep_the_others_from_being_stored() {
    let (_server, api, _, mut there) = begin().await;
    let mut empty = ticket(1, there.person, Vec::new());
    empty.subject = "  ".into();
    let mut long = ticket(2, there.person, Vec::new());
    long.subject = "x".repeat(201);
    let many = (0..=FILES as u128).map(|n| file(100 + n, "a.txt", b"a")).collect();
    let answer = there
        .send(vec![
            item(empty),
            item(long),
            item(ticket(3, there.person, many)),
            item(ticket(4, there.person, vec![file(200, "../escape.txt", b"a")])),
            item(ticket(5, RequesterId(Uuid::from_u128(99)), Vec::new())),
            item(ticket(6, there.person, Vec::new())),
        ])
        .await;
    let codes: Vec<_> = answer
        .receipts
        .iter()
        .map(|receipt| match &receipt.outcome {
            Outcome::Refused { code, .. } => Some(*code),
            _ => None,
        })
        .collect();
    use ErrorCode::{AuthorChanged, FileTypeRefused, SubjectMissing, SubjectTooLong, TooManyFiles};
    let expected = [SubjectMissing, SubjectTooLong, TooManyFiles, FileTypeRefused, AuthorChanged].map(Some);
    assert_eq!(codes[..5], expected);
    assert_eq!(codes[5], None);
    assert_eq!(api.get("/tickets?view=all").await.unwrap()["total"], 1);
    let items = (0..=SYNC_ITEMS as u128).map(|n| item(ticket(1000 + n, there.person, Vec::new()))).collect();
    let (status, body) = there.device.refused("/sync", &there.device.exchange(there.epoch, 0, items)).await.unwrap();
    assert_eq!((status, body.details.limit), (422, Some(SYNC_ITEMS as u64)));
}

#[tokio::test]
async fn a_file_id_that_is_one_s_already_is_refused_and_keeps_nothing_else() {
    let (_server, api, _, mut there) = begin().await;
    let person = there.person;
    let mine = item(ticket(1, person, vec![file(100, "a.txt", b"a")]));
    there.send(vec![mine.clone()]).await;
    let copied = item(ticket(2, person, vec![file(100, "a.txt", b"a")]));
    let doubled = item(ticket(3, person, vec![file(101, "b.txt", b"b"), file(101, "b.txt", b"b")]));
    let answer = there.send(vec![copied, doubled, mine, item(ticket(4, person, Vec::new()))]).await;
    let outcomes: Vec<_> = answer
        .receipts
        .iter()
        .map(|receipt| match &receipt.outcome {
            Outcome::Refused { code, .. } | Outcome::Deferred { code, .. } => Some(*code),
            Outcome::Accepted { .. } => None,
        })
        .collect();
    let conflict = Some(ErrorCode::ContentConflict);
    assert_eq!(outcomes, [conflict, conflict, None, None], "a copied folder, one file twice, and two that fit");
    assert_eq!(api.get("/tickets?view=all").await.unwrap()["total"], 2);
}

#[tokio::test]
async fn a_ticket_with_the_id_of_a_message_is_refused_and_no_fault_of_ours() {
    let (_server, _api, _, mut there) = begin().await;
    there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    there.send(vec![there.reply(77, 1, 1, "and another thing")]).await;
    let request = there.device.exchange(there.epoch, 0, vec![item(ticket(77, there.person, Vec::new()))]);
    let (status, body) = there.device.refused("/sync", &request).await.unwrap();
    assert_eq!((status, body.code), (409, ErrorCode::ContentConflict));
}

#[tokio::test]
async fn facts_of_a_length_that_nobody_means_are_refused() {
    let (_server, _api, _, there) = begin().await;
    let mut request = there.device.exchange(there.epoch, 0, Vec::new());
    request.facts.name = "x".repeat(256);
    let (status, body) = there.device.refused("/sync", &request).await.unwrap();
    assert_eq!((status, body.details.limit), (422, Some(255)));
    request.facts.name = "x".repeat(255);
    request.agent_version = "a\0b".into();
    assert_eq!(there.device.refused("/sync", &request).await.unwrap().0, 400, "U+0000 in the version");
}

#[tokio::test]
async fn nothing_is_taken_from_a_device_that_is_off_or_from_nobody() {
    let (_server, api, _, mut there) = begin().await;
    let path = format!("/devices/{}/enablement", there.enrolled.device_id);
    api.put(&path, json!({"enabled": false})).await.unwrap();
    let answer = there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    assert_eq!(refused(&answer), ErrorCode::NotEnabled);
    assert!(!answer.state.enabled, "the state is told");
    api.put(&path, json!({"enabled": true})).await.unwrap();
    let path = "/confirmation".to_owned();
    let forgotten = there.device.send(reqwest::Method::DELETE, &path, "", None, Default::default()).await.unwrap();
    assert_eq!(forgotten.status(), 204);
    let answer = there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    assert_eq!(refused(&answer), ErrorCode::NotConfirmed);
    assert_eq!(api.get("/tickets?view=all").await.unwrap()["total"], 0);
}

#[tokio::test]
async fn a_file_arrives_in_pieces_and_a_changed_one_does_not() {
    let (_server, api, _, mut there) = begin().await;
    let attachments = vec![file(50, "log.txt", b"hello, world"), file(51, "other.txt", b"as announced")];
    there.send(vec![item(ticket(1, there.person, attachments))]).await;
    let path = |id: u128, offset: u64| format!("/attachments/{}?offset={offset}", Uuid::from_u128(id));
    let progress: UploadProgress = there.device.put(&path(50, 0), b"hello, ").await.unwrap().json().await.unwrap();
    assert_eq!((progress.received, progress.complete), (7, false));
    let (status, body) = refusal(there.device.put(&path(50, 3), b"lo, world").await.unwrap()).await.unwrap();
    assert_eq!((status, body.code, body.details.received), (409, ErrorCode::FileOffsetWrong, Some(7)));
    let (_, body) = refusal(there.device.put(&path(50, 7), b"world and too much").await.unwrap()).await.unwrap();
    assert_eq!(body.code, ErrorCode::FileOffsetWrong);
    let progress: UploadProgress = there.device.put(&path(50, 7), b"world").await.unwrap().json().await.unwrap();
    assert!(progress.complete);
    let (_, body) = refusal(there.device.put(&path(51, 0), b"NOT ANNOUNCED").await.unwrap()).await.unwrap();
    assert_eq!(body.code, ErrorCode::FileOffsetWrong, "it is longer than announced");
    let (_, body) = refusal(there.device.put(&path(51, 0), b"NOT ANNOUNCE").await.unwrap()).await.unwrap();
    assert_eq!((body.code, body.details.received), (ErrorCode::FileHashMismatch, Some(0)));
    let shown = api.get("/tickets/1").await.unwrap();
    assert_eq!(shown["files_pending"], 1, "the other one is still missing");

    let answer = api.send(reqwest::Method::GET, &format!("/attachments/{}", Uuid::from_u128(50)), None).await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/octet-stream", "what is no picture is never shown");
    assert!(header("content-disposition").starts_with("attachment"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").contains("sandbox"));
    assert_eq!(answer.bytes().await.unwrap(), "hello, world");
}

#[tokio::test]
async fn nobody_reads_or_writes_what_is_another_persons() {
    let (server, api, _, mut there) = begin().await;
    let other_client = client(&api, "Kestrel", "kestrel.example").await;
    let device = deskbell_tests::device::Device::new(&server.http, &server.url, "PC-7", 7).await.unwrap();
    let enrolled = device.enrol(&other_client.key).await.unwrap();
    api.put(&format!("/devices/{}/enablement", enrolled.device_id), json!({"enabled": true})).await.unwrap();
    let person = json!({"name": "Eve", "email": "eve@kestrel.example"});
    api.post(&format!("/installations/{}/vouch", enrolled.installation_id), person).await.unwrap();
    let state = device.sync(0, 0, Vec::new()).await.unwrap();

    there.send(vec![item(ticket(1, there.person, vec![file(50, "log.txt", b"secret")]))]).await;
    let id = Uuid::from_u128(1);
    for path in [format!("/tickets/{id}"), format!("/attachments/{}", Uuid::from_u128(50))] {
        assert_eq!(device.get(&path).await.unwrap().status(), 404, "{path}");
    }
    let put = device.put(&format!("/attachments/{}?offset=0", Uuid::from_u128(50)), b"secret").await.unwrap();
    assert_eq!(put.status(), 404);
    let stolen = item(ticket(9, there.person, Vec::new()));
    let answer = device.sync(state.epoch, 0, vec![stolen, there.reply(10, 1, 1, "from elsewhere")]).await.unwrap();
    for receipt in &answer.receipts {
        assert!(matches!(receipt.outcome, Outcome::Refused { .. }), "{receipt:?}");
    }
    let foreign = json!({"name": "Eve", "email": "eve@elsewhere.example"}).to_string().into_bytes();
    let path = format!("/installations/{}/vouch", enrolled.installation_id);
    let (_, body) = refusal(api.send(reqwest::Method::POST, &path, Some(foreign)).await.unwrap()).await.unwrap();
    assert_eq!(body.code, ErrorCode::DomainForeign);
}

#[tokio::test]
async fn replies_keep_their_order_and_reopen() {
    let (_server, api, _, mut there) = begin().await;
    there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    let early = there.send(vec![there.reply(12, 1, 2, "second")]).await;
    assert_eq!(refused(&early), ErrorCode::Conflict, "the first one has not arrived");
    there.send(vec![there.reply(11, 1, 1, "first"), there.reply(12, 1, 2, "second")]).await;
    let id = Uuid::from_u128(1);
    api.patch(&format!("/tickets/{id}"), json!({"status": "resolved"})).await.unwrap();
    there.send(vec![there.reply(13, 1, 3, "it is back")]).await;
    let shown = api.get("/tickets/1").await.unwrap();
    assert_eq!(shown["status"], "open");
    let texts: Vec<_> = shown["messages"].as_array().unwrap().iter().filter_map(|m| m["text"].as_str()).collect();
    assert_eq!(texts, ["It does not print.", "first", "second", "it is back"]);

    let ticket = deskbell_protocol::id::TicketId(id);
    let hold = |id: u128, sequence, status| {
        OutboxItem::Status(NewStatus {
            id: MessageId(Uuid::from_u128(id)),
            author: there.person,
            ticket,
            sequence,
            status,
            written_at: 1,
        })
    };
    let (on_hold, resolved) = (hold(14, 4, Status::OnHold), hold(15, 4, Status::Resolved));
    assert_eq!(refused(&there.send(vec![on_hold]).await), ErrorCode::NotAllowed);
    there.send(vec![resolved]).await;
    assert_eq!(api.get("/tickets/1").await.unwrap()["status"], "resolved");
    api.patch(&format!("/tickets/{id}"), json!({"status": "closed"})).await.unwrap();
    assert_eq!(refused(&there.send(vec![there.reply(16, 1, 5, "again")]).await), ErrorCode::TicketClosed);
}

#[tokio::test]
async fn a_note_stays_among_technicians_and_a_reply_is_added_once() {
    let (_server, api, _, mut there) = begin().await;
    there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    let path = format!("/tickets/{}/messages", Uuid::from_u128(1));
    let note = json!({"id": Uuid::from_u128(21), "kind": "note", "text": "He is always like that."});
    api.post(&path, note).await.unwrap();
    let reply =
        json!({"id": Uuid::from_u128(22), "kind": "reply", "text": "Which printer?", "status": "awaiting_reply"});
    api.post(&path, reply.clone()).await.unwrap();
    let shown = api.post(&path, reply).await.unwrap();
    let replies = shown["messages"].as_array().unwrap().iter().filter(|m| m["text"] == "Which printer?").count();
    assert_eq!((replies, &shown["status"]), (1, &json!("awaiting_reply")));
    let conversation = there.device.get(&format!("/tickets/{}", Uuid::from_u128(1))).await.unwrap();
    let text = conversation.text().await.unwrap();
    assert!(text.contains("Which printer?") && !text.contains("always like that"), "{text}");
}

#[tokio::test]
async fn a_copied_key_is_found_out_and_both_are_shut_out() {
    let (_server, api, _, mut there) = begin().await;
    let copied = there.epoch;
    there.send(Vec::new()).await;
    let (status, body) = refusal(there.later(copied, -5).await).await.unwrap();
    assert_eq!((status, body.code), (409, ErrorCode::Conflict), "it may be the first one's own, overtaken on its way");
    assert_eq!(there.later(copied, 1).await.status(), 200, "the copy takes its turn, as if an answer had been lost");
    let (status, body) = refusal(there.later(there.epoch, 2).await).await.unwrap();
    assert_eq!((status, body.code), (403, ErrorCode::DeviceQuarantined));
    let (_, body) = there.device.refused("/sync", &there.device.exchange(there.epoch, 0, Vec::new())).await.unwrap();
    assert_eq!(body.code, ErrorCode::DeviceQuarantined);
    let path = format!("/installations/{}/registration", there.enrolled.installation_id);
    let installation = api.put(&path, json!({"registration": "accepted"})).await.unwrap();
    assert_eq!(installation["registration"], "accepted");
    assert_eq!(there.later(there.epoch, 3).await.status(), 200, "whichever machine comes first is let in again");
}

#[tokio::test]
async fn a_device_asks_how_it_stands_and_changes_nothing_by_that() {
    let (_server, api, _, mut there) = begin().await;
    let state: AgentState = there.device.get("/state").await.unwrap().json().await.unwrap();
    assert!(state.usable());
    assert_eq!(state.confirmation.map(|person| person.requester_id), Some(there.person));
    there.send(Vec::new()).await;
    let path = format!("/installations/{}/registration", there.enrolled.installation_id);
    api.put(&path, json!({"registration": "revoked"})).await.unwrap();
    let (_, body) = refusal(there.device.get("/state").await.unwrap()).await.unwrap();
    assert_eq!(body.code, ErrorCode::DeviceRevoked);
}

#[tokio::test]
async fn a_server_restored_from_a_backup_shuts_nobody_out() {
    let (_server, _api, _, there) = begin().await;
    let answer: SyncResponse = there.later(there.epoch + (5 << 20), 1).await.json().await.unwrap();
    assert!(answer.epoch > there.epoch + (5 << 20));
}

#[tokio::test]
async fn a_device_with_a_new_key_goes_on_where_the_old_one_stopped() {
    let (server, api, northwind, mut there) = begin().await;
    there.send(vec![item(ticket(1, there.person, vec![file(50, "log.txt", b"hello, world")]))]).await;
    there.send(vec![there.reply(11, 1, 1, "first")]).await;
    let path = format!("/attachments/{}?offset=0", Uuid::from_u128(50));
    there.device.put(&path, b"hello, ").await.unwrap();

    let path = format!("/installations/{}/registration", there.enrolled.installation_id);
    api.put(&path, json!({"registration": "revoked"})).await.unwrap();
    let again = deskbell_tests::device::Device::new(&server.http, &server.url, "PC-1", 2).await.unwrap();
    let (_, waits) = again.refused("/enrol", &again.introduction(&northwind.key)).await.unwrap();
    assert_eq!(waits.code, ErrorCode::DeviceUnapproved, "a technician decides whether it is the same computer");
    let device = api.get(&format!("/devices/{}", there.enrolled.device_id)).await.unwrap();
    let installed = device["installations"].as_array().unwrap();
    let new = installed.iter().find(|one| one["registration"] == "unapproved").unwrap();
    let path = format!("/installations/{}", common::text(&new["id"]));
    api.put(&format!("{path}/registration"), json!({"registration": "accepted"})).await.unwrap();
    api.post(&format!("{path}/vouch"), json!({"name": "Sam", "email": "sam1@northwind.example"})).await.unwrap();

    there.device = again;
    there.epoch = 0;
    let answer = there.send(vec![there.reply(11, 1, 1, "first"), there.reply(12, 1, 1, "second")]).await;
    for receipt in &answer.receipts {
        assert!(matches!(receipt.outcome, Outcome::Accepted { .. }), "{receipt:?}");
    }
    let path = format!("/attachments/{}?offset=7", Uuid::from_u128(50));
    let progress: UploadProgress = there.device.put(&path, b"world").await.unwrap().json().await.unwrap();
    assert!(progress.complete);
    assert_eq!(api.get("/tickets/1").await.unwrap()["files_pending"], 0);
}

#[tokio::test]
async fn an_item_that_cannot_be_stored_is_refused_alone() {
    let (_server, _api, _, mut there) = begin().await;
    let mut poisoned = ticket(1, there.person, Vec::new());
    poisoned.description = "a\0b".into();
    let answer = there.send(vec![item(poisoned), item(ticket(2, there.person, Vec::new()))]).await;
    assert_eq!(refused(&answer), ErrorCode::Malformed);
    assert!(matches!(answer.receipts[1].outcome, Outcome::Accepted { .. }));
}

#[tokio::test]
async fn whose_access_has_ended_writes_nothing_until_it_is_given_back() {
    let (_server, api, _, mut there) = begin().await;
    let ended = api.post(&format!("/people/{}/deactivate", there.person), json!({})).await.unwrap();
    assert!(ended["deactivated_at"].is_i64() && ended["devices"] == 0, "{ended}");
    let answer = there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    assert_eq!((refused(&answer), answer.state.confirmation), (ErrorCode::RequesterDeactivated, None));
    let back = api.post(&format!("/people/{}/reactivate", there.person), json!({})).await.unwrap();
    assert!(back["deactivated_at"].is_null(), "{back}");
    let answer = there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    assert_eq!(refused(&answer), ErrorCode::NotConfirmed, "they confirm their address again");
}

#[tokio::test]
async fn a_revoked_installation_and_a_moved_device_lose_what_they_had() {
    let (_server, api, _, mut there) = begin().await;
    let kestrel = client(&api, "Kestrel", "kestrel.example").await;
    there.send(vec![item(ticket(1, there.person, Vec::new()))]).await;
    let device = there.enrolled.device_id;
    api.post(&format!("/devices/{device}/move"), json!({"client": kestrel.id})).await.unwrap();
    api.put(&format!("/devices/{device}/enablement"), json!({"enabled": true})).await.unwrap();
    let answer = there.send(vec![item(ticket(2, there.person, Vec::new()))]).await;
    assert_eq!(answer.state.confirmation, None, "they are another client's person now");
    assert_eq!(refused(&answer), ErrorCode::ClientChanged);
    assert_eq!(api.get("/tickets/1").await.unwrap()["client"]["name"], "Northwind", "the ticket stays");
    api.delete(&format!("/devices/{device}")).await.unwrap();
    let (status, body) =
        there.device.refused("/sync", &there.device.exchange(there.epoch, 0, Vec::new())).await.unwrap();
    assert_eq!((status, body.code), (403, ErrorCode::DeviceRevoked));
    assert_eq!(there.device.get("/live").await.unwrap().status(), 403);
}
