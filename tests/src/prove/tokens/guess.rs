//! Guessing at all servers at once: what the limits let through, they let through together.

use std::collections::BTreeSet;

use anyhow::Result;
use deskbell_protocol::{limits, secret};
use rand::{Rng, rngs::StdRng};
use serde_json::json;

use super::{
    super::Found,
    judge,
    page::Page,
    place::{OWNER, PASSWORD, Place, Servers, answers, asking, patient},
    volley::{Answer, one, tally, volley},
};
use crate::postgres::Postgres;

/// Wrong passwords for one address, and wrong set-up codes, within an hour (SECURITY.md).
const TEN: usize = 10;
const TRIES: usize = limits::TOKEN_TRIES as usize;
const CHALLENGES: usize = limits::TOKENS_PER_HOUR as usize;

fn count(answers: &[Answer], what: impl Fn(&Answer) -> bool) -> usize {
    answers.iter().filter(|answer| what(answer)).count()
}

/// Three tokens an hour for an address, whichever devices and pages ask, and for a device, whatever
/// addresses it names.
pub(super) async fn challenges(place: &Place<'_>, found: &mut Found) -> Result<()> {
    let email = "wanted@northwind.example";
    let mut requests = Vec::new();
    for turn in 0..5 {
        let device = place.device().await?;
        for side in 0..2 {
            requests.push(place.signed(&device, turn + side, "/confirmation/token", &asking(email))?);
        }
        if turn == 0 {
            let page = Page::open(place, &device).await?;
            requests.push(page.post(place, 1, "/confirmation/token", &asking(email))?);
        }
    }
    let told = volley(&place.http, requests).await?;
    let (sent, refused) = (count(&told, Answer::succeeded), count(&told, |answer| answer.status == 429));
    judge(found, place.name(), sent == CHALLENGES && sent + refused == told.len(), || {
        format!("an address was sent {sent} tokens within an hour: {}", tally(&told))
    });

    let device = place.device().await?;
    let asks = (0..10).map(|turn| {
        let email = asking(&format!("person{turn}@northwind.example"));
        place.signed(&device, turn, "/confirmation/token", &email)
    });
    let told = volley(&place.http, asks.collect::<Result<_>>()?).await?;
    let sent = count(&told, Answer::succeeded);
    judge(found, place.name(), sent == CHALLENGES, || {
        format!("a device had {sent} tokens sent within an hour: {}", tally(&told))
    });
    Ok(())
}

/// A token that is not the one given.
fn wrong(chance: &mut StdRng, right: &str) -> String {
    loop {
        let letters = std::array::from_fn(|_| chance.random_range(0..20_u8));
        let token = secret::token_from(letters);
        if token != right {
            return token;
        }
    }
}

/// Five tries at one token; the right one is worth nothing after them.
pub(super) async fn tokens(place: &Place<'_>, chance: &mut StdRng, found: &mut Found) -> Result<()> {
    let (device, email) = (place.device().await?, "guessed@northwind.example");
    place.ask(&device, 0, email).await?;
    let right = place.token(email).await?;
    let guesses =
        (0..24).map(|turn| place.signed(&device, turn, "/confirmation", &json!({"token": wrong(chance, &right)})));
    let told = volley(&place.http, guesses.collect::<Result<_>>()?).await?;
    let left: BTreeSet<_> = told.iter().filter_map(|answer| answer.body["details"]["tries_left"].as_u64()).collect();
    let tried = count(&told, |answer| answer.code() == "token_wrong");
    let missing = count(&told, |answer| answer.code() == "token_missing");
    judge(found, place.name(), tried == TRIES && tried + missing == told.len() && left.len() == TRIES, || {
        format!("{tried} tries at one token, with {left:?} left: {}", tally(&told))
    });
    let late = one(&place.http, place.signed(&device, 1, "/confirmation", &json!({"token": right}))?).await?;
    judge(found, place.name(), !late.succeeded(), || "the right token still counts after five tries".into());
    Ok(())
}

/// The device and the page that it opened try at the same token, and share its tries.
pub(super) async fn tokens_at_device_and_page(place: &Place<'_>, chance: &mut StdRng, found: &mut Found) -> Result<()> {
    let (device, email) = (place.device().await?, "shared@northwind.example");
    let page = Page::open(place, &device).await?;
    place.ask(&device, 0, email).await?;
    let right = place.token(email).await?;
    let guesses = (0..16).map(|turn| {
        let guess = json!({"token": wrong(chance, &right)});
        match turn % 4 {
            0 | 1 => place.signed(&device, turn, "/confirmation", &guess),
            _ => page.post(place, turn, "/confirmation", &guess),
        }
    });
    let told = volley(&place.http, guesses.collect::<Result<_>>()?).await?;
    let tried = count(&told, |answer| answer.code() == "token_wrong");
    judge(found, place.name(), tried == TRIES, || {
        format!("{tried} tries at one token, at the device and at its page: {}", tally(&told))
    });
    let late = one(&place.http, page.post(place, 0, "/confirmation", &json!({"token": right}))?).await?;
    judge(found, place.name(), !late.succeeded(), || "the right token still counts at the page".into());
    Ok(())
}

/// Ten wrong passwords an hour for an address that somebody has, and for one that nobody has.
pub(super) async fn passwords(place: &Place<'_>, found: &mut Found) -> Result<()> {
    for email in ["nobody@harbour.example", OWNER] {
        let requests = (0..16).map(|turn| {
            let url = format!("{}/api/console/v1/session", place.base(turn));
            Ok(place
                .http
                .post(url)
                .json(&json!({"email": email, "password": format!("wrong password {turn}")}))
                .build()?)
        });
        let told = volley(&place.http, requests.collect::<Result<_>>()?).await?;
        let tried = count(&told, |answer| answer.code() == "sign_in_failed");
        let refused = count(&told, |answer| answer.status == 429);
        judge(found, place.name(), tried == TEN && tried + refused == told.len(), || {
            format!("{tried} passwords were tried for {email}: {}", tally(&told))
        });
    }
    let url = format!("{}/api/console/v1/session", place.base(1));
    let right = place.http.post(url).json(&json!({"email": OWNER, "password": PASSWORD})).build()?;
    let late = one(&place.http, right).await?;
    judge(found, place.name(), late.status == 429, || format!("the limit is not one for the right password: {late:?}"));
    place.sql("delete from attempts").await.map(drop)
}

/// Ten wrong set-up codes an hour, at a helpdesk that is nobody's yet.
pub(super) async fn set_up(postgres: Option<&Postgres>, found: &mut Found) -> Result<()> {
    let mut begun = Servers::start(postgres).await?;
    let code = begun.code().await?;
    let http = patient()?;
    let name = if postgres.is_some() { "postgresql" } else { "sqlite" };
    let request = |turn: usize, code: &str| {
        let url = format!("{}/api/setup", begun.servers[turn % begun.servers.len()].url());
        Ok(http.post(url).json(&answers(code)).build()?)
    };
    let guesses = (0..24).map(|turn| request(turn, &format!("WRONG-{turn:04}")));
    let told = volley(&http, guesses.collect::<Result<_>>()?).await?;
    let tried = count(&told, |answer| answer.code() == "setup_code_wrong");
    judge(found, name, tried == TEN, || format!("{tried} set-up codes were tried: {}", tally(&told)));
    let late = one(&http, request(1, &code)?).await?;
    judge(found, name, late.status == 429, || format!("the limit is none for the right set-up code: {late:?}"));
    Ok(())
}
