//! The e-mailed token: what is wrong with it says what to do. This program has a clock of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use std::sync::atomic::{AtomicI64, Ordering};

use common::{Running, client};
use deskbell_protocol::{
    Millis,
    device::{AskToken, Confirm, Confirmation, TokenSent},
    error::{ErrorBody, ErrorCode},
    limits::TOKEN_LIFETIME,
    ticket::Language,
};
use deskbell_server::{clock, mail};
use deskbell_tests::device::{Device, Forged, refusal};
use reqwest::Method;
use serde_json::json;

/// How far this program's clock is ahead, for one test after the other: they share it.
static AHEAD: AtomicI64 = AtomicI64::new(0);
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn now() -> Millis {
    clock::now() + AHEAD.load(Ordering::Relaxed)
}

struct There {
    server: Running,
    device: Device,
}

async fn begin() -> There {
    AHEAD.store(0, Ordering::Relaxed);
    let server = Running::start(now).await;
    let api = server.owner().await;
    let northwind = client(&api, "Northwind", "northwind.example").await;
    let device = Device::new(&server.http, &server.url, "PC-1", 1).await.unwrap();
    let enrolled = device.enrol(&northwind.key).await.unwrap();
    api.put(&format!("/devices/{}/enablement", enrolled.device_id), json!({"enabled": true})).await.unwrap();
    There { server, device }
}

impl There {
    fn ask(&self, email: &str) -> AskToken {
        AskToken { name: "Camille Martin".into(), email: email.into(), language: Language::Fr }
    }

    async fn sent(&self, email: &str) -> String {
        let sent: TokenSent = self.device.post("/confirmation/token", &self.ask(email)).await.unwrap();
        assert_eq!(sent.tries_left, 5);
        self.server.mailed(email).await
    }

    async fn typed(&self, token: &str) -> Result<Confirmation, ErrorBody> {
        let confirm = Confirm { token: token.into() };
        match self.device.refused("/confirmation", &confirm).await {
            Ok((_, body)) => Err(body),
            Err(_) => Ok(self.confirmed().await),
        }
    }

    async fn confirmed(&self) -> Confirmation {
        let answer = self.device.sync(0, 0, Vec::new()).await.unwrap();
        answer.state.confirmation.expect("a confirmed person")
    }
}

#[tokio::test]
async fn a_token_confirms_once() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let token = there.sent("camille@northwind.example").await;
    let confirmation = there.typed(&token.to_lowercase().replace('-', " ")).await.unwrap();
    assert_eq!((confirmation.email.as_str(), confirmation.vouched), ("camille@northwind.example", false));
    assert_eq!(there.typed(&token).await.unwrap_err().code, ErrorCode::TokenMissing, "it is spent");
}

#[tokio::test]
async fn a_wrong_token_says_how_many_tries_are_left_and_ends_with_the_last() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let token = there.sent("camille@northwind.example").await;
    let wrong = if token.starts_with('B') { "CCCC-CCCC" } else { "BBBB-BBBB" };
    for left in [4, 3, 2, 1, 0] {
        let error = there.typed(wrong).await.unwrap_err();
        assert_eq!((error.code, error.details.tries_left), (ErrorCode::TokenWrong, Some(left)));
    }
    assert_eq!(there.typed(&token).await.unwrap_err().code, ErrorCode::TokenMissing, "the right one is too late");
}

#[tokio::test]
async fn a_token_expires() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let token = there.sent("camille@northwind.example").await;
    AHEAD.store(TOKEN_LIFETIME, Ordering::Relaxed);
    let body = serde_json::to_vec(&Confirm { token }).unwrap();
    let later = Forged { ahead: TOKEN_LIFETIME / 1000, ..Forged::default() };
    let answer = there.device.send(Method::POST, "/confirmation", "application/json", Some(body), later).await.unwrap();
    assert_eq!(refusal(answer).await.unwrap().1.code, ErrorCode::TokenExpired);
}

#[tokio::test]
async fn a_newer_token_replaces_the_one_before() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let first = there.sent("camille@northwind.example").await;
    let _: TokenSent = there.device.post("/confirmation/token", &there.ask("camille@northwind.example")).await.unwrap();
    assert_eq!(there.typed(&first).await.unwrap_err().code, ErrorCode::TokenWrong);
}

#[tokio::test]
async fn addresses_of_others_and_too_many_requests_are_refused() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let there = begin().await;
    let (_, foreign) = there.device.refused("/confirmation/token", &there.ask("eve@elsewhere.example")).await.unwrap();
    assert_eq!((foreign.code, foreign.details.domains), (ErrorCode::DomainForeign, vec!["northwind.example".into()]));
    let (_, none) = there.device.refused("/confirmation/token", &there.ask("no address")).await.unwrap();
    assert_eq!(none.code, ErrorCode::EmailInvalid);
    for _ in 0..3 {
        let _: TokenSent =
            there.device.post("/confirmation/token", &there.ask("camille@northwind.example")).await.unwrap();
    }
    let (status, body) =
        there.device.refused("/confirmation/token", &there.ask("camille@northwind.example")).await.unwrap();
    assert_eq!((status, body.code), (429, ErrorCode::TooManyRequests));
    assert!(body.details.retry_after.is_some_and(|seconds| seconds > 0), "it says when");
}

#[test]
fn a_token_is_no_row_of_the_database() {
    let id = uuid::Uuid::from_u128(1);
    assert_ne!(mail::token("one secret", id), mail::token("another", id));
}
