//! Isolation: every route, by every kind of principal in every state, on what is their own, foreign and
//! missing, on SQLite and on two servers over PostgreSQL. [`verdicts`] and [`routes`] are the table.

mod ask;
mod database;
mod routes;
mod signer;
mod verdicts;
mod world;

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::Semaphore;

use self::{
    ask::{About, Answer},
    database::Database,
    routes::{CASES, Case, UNDESCRIBED},
    signer::Asked,
    verdicts::{Who, everybody, stranger, verdict},
    world::World,
};
use super::{Found, Kind, Order, names};
use crate::{postgres::Postgres, process, server::Server};

/// Requests at a time.
const AT_ONCE: usize = 16;
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

pub(super) async fn run(order: Order) -> Result<Found> {
    let mut found = Found::default();
    let mut done = 0;
    while order.more(done, 1) && found.violations.is_empty() {
        found += both(order)?;
        done += 1;
    }
    found.notes.push(format!("{} kinds of principals, {} cases of routes", everybody().len(), CASES.len()));
    Ok(found)
}

/// Each database on a thread of its own, which lives as long as the programs that it started.
fn both(order: Order) -> Result<Found> {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    std::thread::scope(|scope| {
        let sqlite = scope.spawn(move || {
            let mut found = Found::default();
            runtime()?.block_on(on_sqlite(order, &mut found)).context("on SQLite").map(|()| found)
        });
        let postgres = scope.spawn(move || {
            let mut found = Found::default();
            // A mutant is caught on one of the two, or not at all.
            if !order.quick {
                runtime()?.block_on(on_postgres(order, &mut found)).context("on PostgreSQL")?;
            }
            Ok(found)
        });
        let mut found = Found::default();
        for thread in [sqlite, postgres] {
            found += thread.join().map_err(|_| anyhow!("a matrix fell over"))??;
        }
        Ok(found)
    })
}

async fn on_sqlite(order: Order, found: &mut Found) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("server");
    let mut server = Server::new(&data, &folder.path().join("server.log"))?;
    server.start().await?;
    let code = server.setup_code().await?;
    let database = Database::Sqlite(data.join("deskbell.db"));
    let world = World::hello(server.http(), vec![server.url()], database, code).await?;
    matrix(world, order, found).await?;
    if !order.quick {
        second_server(&data, found).await?;
    }
    server.stop().await
}

async fn on_postgres(order: Order, found: &mut Found) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let postgres = Postgres::start().await?;
    let name = postgres.database().await?;
    let data = folder.path().join("server");
    let server = |log: &str| {
        Ok::<_, anyhow::Error>(Server::new(&data, &folder.path().join(log))?.with("DATABASE_URL", postgres.url(&name)))
    };
    let (mut one, mut two) = (server("one.log")?, server("two.log")?);
    one.start().await?;
    let code = one.setup_code().await?;
    two.start().await?;
    let bases = vec![one.url(), two.url()];
    // A second server over the same database prints a code of its own, which replaces the first.
    let code = two.setup_code().await.unwrap_or(code);
    let http = one.http().clone();
    let world = World::hello(&http, bases, Database::Postgres(postgres, name), code).await?;
    matrix(world, order, found).await?;
    two.stop().await?;
    one.stop().await
}

/// A second server over the same folder has to be refused, and at once.
async fn second_server(data: &Path, found: &mut Found) -> Result<()> {
    let mut command = process::command(crate::server::program("deskbell-server")?);
    command.arg("serve").env("DESKBELL_SERVER_LISTEN", format!("127.0.0.1:{}", process::free_port()?));
    command.env("DESKBELL_SERVER_PUBLIC_URL", "http://127.0.0.1").env("DESKBELL_SERVER_DATA_DIR", data);
    found.runs += 1;
    match tokio::time::timeout(Duration::from_secs(20), process::run(command)).await {
        Ok(Err(_)) => {}
        Ok(Ok(_)) | Err(_) => found.violation(Kind::Wrong, "a second server over one SQLite folder is not refused"),
    }
    Ok(())
}

async fn matrix(mut world: World, order: Order, found: &mut Found) -> Result<()> {
    every_route_has_a_verdict(&world, found).await?;
    before_set_up(&world, found).await?;
    world.fill().await.context("the helpdesk cannot be filled")?;
    for case in CASES {
        if order.quick && !found.violations.is_empty() {
            return Ok(());
        }
        refused(&world, case, found).await.with_context(|| case.route.to_owned())?;
        let clear = "delete from attempts";
        world.database.execute(clear).await?;
        let_in(&world, case, found).await.with_context(|| case.route.to_owned())?;
        world.database.execute(clear).await?;
    }
    other_methods(&world, found).await?;
    undescribed(&world, found).await
}

/// The description's routes and those in the list of the server's own source.
async fn every_route_has_a_verdict(world: &World, found: &mut Found) -> Result<()> {
    let description: Value = world.http.get(format!("{}/openapi.json", world.base())).send().await?.json().await?;
    let paths = description["paths"].as_object().context("a description without paths")?;
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().map(|methods| methods.keys().cloned().collect::<Vec<_>>());
            methods.unwrap_or_default().into_iter().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let judged: BTreeSet<String> = CASES.iter().map(|case| case.route.to_owned()).collect();
    for route in described.symmetric_difference(&judged) {
        found.violation(Kind::Wrong, format!("{route}: no verdict, or no such route; see routes.rs of this part"));
    }
    let source = std::fs::read_to_string(names::root().join("server/src/routes.rs"))?;
    let routes = source.split(".route(\"").skip(1).filter_map(|rest| rest.split_once('"'));
    for (path, _) in routes.filter(|(path, _)| !UNDESCRIBED.iter().any(|known| known.0 == *path)) {
        found.violation(Kind::Wrong, format!("{path}: it is served, not described, and has no verdict"));
    }
    Ok(())
}

/// Until the set-up is done, nobody gets in anywhere, and the set-up is open to whoever has the code.
async fn before_set_up(world: &World, found: &mut Found) -> Result<()> {
    for case in CASES {
        let expected = match case.route {
            "GET /api/setup" => "200 true",
            "POST /api/setup" => "422 setup_code_wrong",
            _ => match verdict(case.gate, Who::Nobody, ask::method_of(case) == Method::GET) {
                "yes" => case.own,
                said => said,
            },
        };
        for about in About::all(world, case, Who::Nobody) {
            let request = if case.route == "POST /api/setup" {
                world.http.post(format!("{}/api/setup", world.base())).json(&serde_json::json!({"code": "AAAA-AAAA",
                    "organization": "Other", "name": "Eve", "email": "eve@other.example", "password": "correct horse battery",
                    "language": "en"}))
            } else {
                ask::request(world, case, Who::Nobody, &about)?
            };
            let answer = Answer::to(request).await?;
            judge(found, case, Who::Nobody, &about, &answer, expected);
        }
    }
    Ok(())
}

fn judge(found: &mut Found, case: &Case, who: Who, about: &About, answer: &Answer, expected: &str) {
    found.runs += 1;
    if answer.is(expected) {
        return;
    }
    // Whoever is answered otherwise than by the gate that keeps them out has got past it.
    let kept_out = expected.starts_with("401") || expected.starts_with("403");
    let kind = match answer.status {
        500.. => Kind::Crashed,
        _ if kept_out => Kind::Leaked,
        200..300 if !expected.starts_with('2') => Kind::Leaked,
        _ => Kind::Wrong,
    };
    let said: String = answer.body.chars().take(300).collect();
    found.violation(kind, format!("{} by {who:?} on {about:?}: {} {said}, not {expected}", case.route, answer.status));
}

/// Many questions at a time, with their answers in order.
async fn answers(world: &World, case: &Case, asked: &[(Who, About)]) -> Result<Vec<Answer>> {
    // What overtakes another sync of the same device looks like a second machine.
    let places = Arc::new(Semaphore::new(if case.route.ends_with("/sync") { 1 } else { AT_ONCE }));
    let mut running = Vec::with_capacity(asked.len());
    for (who, about) in asked {
        let place = places.clone().acquire_owned().await?;
        let request = ask::request(world, case, *who, about)?;
        running.push(tokio::spawn(async move {
            let answer = Answer::to(request).await;
            drop(place);
            answer
        }));
    }
    let mut answers = Vec::with_capacity(asked.len());
    for answer in running {
        answers.push(answer.await??);
    }
    Ok(answers)
}

/// Everybody who may not, and everybody on what is not theirs: refused, and nothing has changed.
async fn refused(world: &World, case: &Case, found: &mut Found) -> Result<()> {
    let reads = ask::method_of(case) == Method::GET;
    let mut asked = Vec::new();
    for who in everybody() {
        let lets_in = verdict(case.gate, who, reads) == "yes";
        let about = About::all(world, case, who).into_iter();
        let about = about.filter(|about| !lets_in || matches!(about, About::Foreign(..) | About::Missing(_)));
        // Who shows nothing that this gate knows is asked nothing else about any of them.
        let strange = who != Who::Nobody && verdict(case.gate, who, reads) == stranger(case.gate);
        asked.extend(about.take(if strange { 1 } else { usize::MAX }).map(|about| (who, about)));
    }
    world.database.settled().await?;
    let before = world.database.rows().await?;
    let answers = answers(world, case, &asked).await?;
    let after = world.database.rows().await?;
    for ((who, about), answer) in asked.iter().zip(&answers) {
        let verdict = verdict(case.gate, *who, reads);
        judge(found, case, *who, about, answer, if verdict == "yes" { case.else_ } else { verdict });
        if let (About::Foreign(..), true) = (about, verdict == "yes" || *who == Who::Nobody) {
            let missing = asked.iter().position(|(other, about)| other == who && matches!(about, About::Missing(_)));
            let missing = &answers[missing.context("nothing is missing")?];
            if answer.comparable() != missing.comparable() {
                let (foreign, missing) = (answer.comparable(), missing.comparable());
                found.violation(
                    Kind::Leaked,
                    format!(
                        "{} by {who:?}: {about:?} is told from what is missing: {foreign:?}, {missing:?}",
                        case.route
                    ),
                );
            }
        }
    }
    let changed = before.iter().filter(|(table, hash)| after.get(*table) != Some(hash));
    // With whatever it asks for, a device tells of itself, and consoles hear of that.
    let tells = |table: &str| case.route == "POST /api/agent/v1/sync" && table == "live_events";
    for (table, _) in changed.filter(|(table, _)| !tells(table)) {
        found.violation(Kind::Leaked, format!("{}: those who may not have changed {table}", case.route));
    }
    ensure!(before.len() > 10 && before.len() == after.len(), "too few tables were compared");
    Ok(())
}

/// Everybody who may, on what is their own.
async fn let_in(world: &World, case: &Case, found: &mut Found) -> Result<()> {
    let reads = ask::method_of(case) == Method::GET;
    for who in everybody().into_iter().filter(|who| verdict(case.gate, *who, reads) == "yes") {
        let own =
            About::all(world, case, who).into_iter().find(|about| matches!(about, About::Own(_) | About::Nothing));
        let Some(own) = own else { continue };
        let answer = Answer::to(ask::request(world, case, who, &own)?).await?;
        judge(found, case, who, &own, &answer, case.own);
        if case.once {
            break;
        }
    }
    Ok(())
}

/// A method that is not described is no way in.
async fn other_methods(world: &World, found: &mut Found) -> Result<()> {
    let paths: BTreeSet<&str> = CASES.iter().map(|case| ask::path_of(case.route)).collect();
    for path in paths {
        let taken = |method: &str| {
            let method = if method == "HEAD" { "GET" } else { method };
            CASES.iter().any(|case| case.route == format!("{method} {path}"))
        };
        for method in METHODS.into_iter().filter(|method| !taken(method)) {
            for who in [Who::Nobody, Who::Owner] {
                let method = Method::from_bytes(method.as_bytes())?;
                let path = ask::filled(path, &ask::new_id().to_string());
                let asked = Asked {
                    method: method.clone(),
                    path: path.clone(),
                    query: String::new(),
                    content_type: "",
                    body: None,
                };
                let answer = Answer::to(ask::by(world, who, &asked)?).await?;
                found.runs += 1;
                if answer.status != 405 {
                    found.violation(Kind::Wrong, format!("{method} {path} by {who:?}: {}, not 405", answer.status));
                }
            }
        }
    }
    Ok(())
}

async fn undescribed(world: &World, found: &mut Found) -> Result<()> {
    for (path, expected) in UNDESCRIBED {
        for who in everybody() {
            let path = ask::filled(path, "");
            let asked = Asked { method: Method::GET, path, query: String::new(), content_type: "", body: None };
            let answer = Answer::to(ask::by(world, who, &asked)?).await?;
            found.runs += 1;
            if !answer.is(expected) {
                found.violation(Kind::Wrong, format!("{} by {who:?}: {}, not {expected}", asked.path, answer.status));
            }
        }
    }
    Ok(())
}
