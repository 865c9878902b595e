//! Many requests at the same time, and what each of them was answered.

use anyhow::{Context, Result};
use reqwest::Request;
use serde_json::Value;
use tokio::task::JoinSet;

/// An answer as its receiver sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// All but the time of day.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(super) fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends all of them before it reads any of the answers, which come in the order of the requests.
pub(super) async fn volley(http: &reqwest::Client, requests: Vec<Request>) -> Result<Vec<Answer>> {
    let mut flying = JoinSet::new();
    for (place, request) in requests.into_iter().enumerate() {
        let http = http.clone();
        flying.spawn(async move { one(&http, request).await.map(|answer| (place, answer)) });
    }
    let mut answers = Vec::new();
    while let Some(answer) = flying.join_next().await {
        answers.push(answer.context("a request fell over")??);
    }
    answers.sort_by_key(|(place, _)| *place);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

pub(super) async fn one(http: &reqwest::Client, request: Request) -> Result<Answer> {
    let answer = http.execute(request).await?;
    let status = answer.status().as_u16();
    let headers = answer.headers().iter().filter(|(name, _)| *name != "date");
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let body = answer.bytes().await?;
    Ok(Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// How many there are of each answer, in words.
pub(super) fn tally(answers: &[Answer]) -> String {
    let mut counts = std::collections::BTreeMap::<(u16, &str), usize>::new();
    for answer in answers {
        *counts.entry((answer.status, answer.code())).or_default() += 1;
    }
    counts.iter().map(|((status, code), count)| format!("{count} × {status} {code}")).collect::<Vec<_>>().join(", ")
}
