//! Whether somebody is known cannot be told: the answers are the same to the last header, and so are the
//! queries behind them, one by one, as PostgreSQL wrote them down. A time is not measured: what does the
//! same things takes the same time, and a stop watch on a busy machine says nothing.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    super::Found,
    judge,
    place::{OWNER, Place},
    volley::{Answer, one},
};
use crate::{
    postgres::Postgres,
    wait::{SOON, until},
};

const MARK: &str = "@@";

/// Asking for a token and typing a wrong one, for people who are known, unknown, known to another client,
/// and whose access has ended. All names have the same length, as the answers' lengths are compared.
pub(super) async fn addresses(place: &Place<'_>, found: &mut Found) -> Result<()> {
    let [known, ended, elsewhere, unknown] =
        ["known", "ended", "other", "never"].map(|name| format!("{name}@northwind.example"));
    acquaint(place, &known, &ended, &elsewhere).await?;
    let from = listen(place).await?;
    let mut seen = Vec::new();
    for email in [&known, &ended, &elsewhere, &unknown] {
        let device = place.device().await?;
        let asked = place.ask(&device, 0, email).await?;
        let wrong = place.signed(&device, 0, "/confirmation", &json!({"token": "BCDF-GHJK"}))?;
        let tried = one(&place.http, wrong).await?;
        ensure!(asked.succeeded() && tried.code() == "token_wrong", "{email}: {asked:?}, {tried:?}");
        seen.push((email, [asked, tried].map(without_time), statements(place, from, email, 2).await?));
    }
    let (_, answers, queries) = seen.pop().context("nobody")?;
    for (email, told, made) in &seen {
        judge(found, place.name(), *told == answers, || {
            format!("{email} is told from a stranger: {told:?}, {answers:?}")
        });
        if let (Some(made), Some(queries)) = (made, &queries) {
            judge(found, place.name(), made == queries, || {
                format!("other queries for {email}: {made:#?}, {queries:#?}")
            });
        }
    }
    withheld(place, found, &ended, &[&known, &elsewhere, &unknown]).await
}

/// Wrong passwords for an address that somebody has, and for one that nobody has.
pub(super) async fn technicians(place: &Place<'_>, found: &mut Found) -> Result<()> {
    let from = listen(place).await?;
    let mut seen = Vec::new();
    for email in [OWNER, "eve@harbour.example"] {
        let url = format!("{}/api/console/v1/session", place.base(0));
        let wrong = json!({"email": email, "password": "wrong horse battery"});
        let told = one(&place.http, place.http.post(url).json(&wrong).build()?).await?;
        ensure!(told.status == 401, "a wrong password: {told:?}");
        seen.push((told, statements(place, from, &format!("sign-in {email}"), 1).await?));
    }
    judge(found, place.name(), seen[0] == seen[1], || format!("a technician is told from a stranger: {seen:#?}"));
    place.sql("delete from attempts").await.map(drop)
}

/// Lets two people in, ends the access of one, and makes the third known to another client.
async fn acquaint(place: &Place<'_>, known: &str, ended: &str, elsewhere: &str) -> Result<()> {
    for email in [known, ended] {
        let device = place.device().await?;
        let answer = place.ask(&device, 0, email).await?;
        ensure!(answer.succeeded(), "{email}: {answer:?}");
        let token = place.token(email).await?;
        let confirm = place.signed(&device, 0, "/confirmation", &json!({"token": token}))?;
        ensure!(one(&place.http, confirm).await?.succeeded(), "{email} is not confirmed");
    }
    let people = format!("/clients/{}/people", place.client);
    let people = place.api.get(&people).await?;
    let id = people.as_array().context("no people")?.iter().find(|person| person["email"] == ended);
    let id = id.and_then(|person| person["id"].as_str()).context("nobody to end")?;
    place.api.post(&format!("/people/{id}/deactivate"), Value::Null).await?;
    let other = place.api.post("/clients", json!({"name": "Contoso", "domains": []})).await?;
    let other = other["id"].as_str().context("a client without id")?;
    let name = "insert into requesters (id, client_id, email, name, name_key, language, created_at) values";
    let row = format!("{name} ('01900000-0000-7000-8000-000000000001', '{other}', '{elsewhere}', 'C', 'c', 'en', 1)");
    place.sql(&row).await?;
    place.sql("delete from attempts").await.map(drop)
}

/// The one whose access has ended is sent nothing, and everybody else is.
async fn withheld(place: &Place<'_>, found: &mut Found, ended: &str, others: &[&str]) -> Result<()> {
    until("all mails have left", SOON, async || {
        let waiting = place.sql("select count(*) from jobs where done_at is null and failed_at is null").await?;
        Ok((waiting == "0").then_some(()))
    })
    .await?;
    let sent = |email: &str| place.mail.mails().map(|all| all.iter().filter(|mail| mail.to == [email]).count());
    // One token was theirs before their access ended.
    let (to_ended, unsent) = (sent(ended)?, others.iter().find(|email| sent(email).is_ok_and(|count| count == 0)));
    judge(found, place.name(), to_ended == 1 && unsent.is_none(), || {
        format!("{to_ended} mails to {ended}, whose access has ended; none to {unsent:?}")
    });
    Ok(())
}

/// What differs between two answers a minute apart.
fn without_time(mut answer: Answer) -> Answer {
    if let Some(time) = answer.body.get_mut("expires_at") {
        *time = Value::Null;
    }
    answer
}

/// From now on PostgreSQL writes every statement down; where in its log that begins.
async fn listen(place: &Place<'_>) -> Result<usize> {
    let Some((postgres, _)) = &place.postgres else { return Ok(0) };
    let from = std::fs::read(postgres.log())?.len();
    if postgres.sql("show log_statement").await? == "all" {
        return Ok(from);
    }
    for setting in ["log_statement = 'all'", &format!("log_line_prefix = '{MARK}%p '")] {
        postgres.sql(&format!("alter system set {setting}")).await?;
    }
    postgres.sql("select pg_reload_conf()").await?;
    // Its processes hear of it all at once, but after this answer.
    until("PostgreSQL writes down what it does", SOON, async || {
        let device = place.device().await?;
        let probe = "probe@northwind.example";
        place.ask(&device, 0, probe).await?;
        place.sql("delete from attempts").await?;
        let written = transactions_with(&log(postgres, from)?, probe);
        Ok((!written.is_empty()).then_some(()))
    })
    .await?;
    Ok(from)
}

/// The statements of the transactions in which a text was an argument, in their order; nothing to compare on
/// SQLite, where nobody writes them down. It waits for so many transactions.
async fn statements(
    place: &Place<'_>,
    from: usize,
    argument: &str,
    transactions: usize,
) -> Result<Option<Vec<Vec<String>>>> {
    let Some((postgres, _)) = &place.postgres else { return Ok(None) };
    until("PostgreSQL has written them down", SOON, async || {
        let made = transactions_with(&log(postgres, from)?, argument);
        Ok((made.len() >= transactions).then_some(made))
    })
    .await
    .map(Some)
}

fn log(postgres: &Postgres, from: usize) -> Result<String> {
    let all = std::fs::read(postgres.log())?;
    Ok(String::from_utf8_lossy(all.get(from..).unwrap_or_default()).into_owned())
}

fn transactions_with(log: &str, argument: &str) -> Vec<Vec<String>> {
    let mut open = std::collections::HashMap::<&str, (Vec<String>, bool)>::new();
    let mut closed = Vec::new();
    for (pid, entry) in log.split(MARK).filter_map(|entry| entry.split_once(' ')) {
        let (statements, concerned) = open.entry(pid).or_default();
        if let Some(detail) = entry.strip_prefix("DETAIL:") {
            *concerned |= detail.contains(argument);
            continue;
        }
        let Some((_, statement)) = entry.strip_prefix("LOG:").and_then(|rest| rest.split_once(": ")) else { continue };
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        if statement.starts_with("BEGIN") {
            (*statements, *concerned) = (Vec::new(), false);
        }
        let ends = statement == "COMMIT" || statement == "ROLLBACK";
        statements.push(statement);
        if ends && let Some((statements, true)) = open.remove(pid) {
            closed.push(statements);
        }
    }
    closed
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_transaction_is_found_by_its_argument() {
        let log = "@@7 LOG:  statement: BEGIN\n@@8 LOG:  statement: BEGIN\n@@7 LOG:  execute sqlx_s_3: select\n\t 1\n\
            @@7 DETAIL:  Parameters: $1 = 'sam@x.example'\n@@8 LOG:  execute sqlx_s_9: select 2\n\
            @@8 LOG:  statement: COMMIT\n@@7 LOG:  statement: COMMIT\n";
        assert_eq!(super::transactions_with(log, "sam@"), [["BEGIN", "select 1", "COMMIT"]]);
    }
}
