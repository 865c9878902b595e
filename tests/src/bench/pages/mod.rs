//! `server.list` and `server.search`: the first page of tickets, and of those with one and two words, however many
//! there are.

mod engine;
mod filled;
mod http;
mod texts;

use std::time::Duration;

use anyhow::{Result, ensure};

pub(super) use self::engine::Engine;
use self::{http::Connection, texts::questions};
use super::{Extent, Figure, floor::percentile, table::table};

/// The unit of rates; their percentiles are those of what one request took.
const A_SECOND: &str = "a second";

/// What the console's list shows: the view that it opens with, and all of them.
const VIEWS: [&str; 2] = ["active", "all"];

/// How much is measured.
struct Size {
    tickets: &'static [u64],
    rounds: u64,
}

const WHOLE: Size = Size { tickets: &[1_000, 10_000, 100_000, 1_000_000], rounds: 200 };
const QUICK: Size = Size { tickets: &[200, 1_000], rounds: 10 };

pub(super) async fn run(wanted: &dyn Fn(&str) -> bool, extent: Extent) -> Result<Vec<Figure>> {
    let (list, search) = (wanted("server.list"), wanted("server.search"));
    let size = if extent.quick { QUICK } else { WHOLE };
    let mut figures = Vec::new();
    for postgres in [false, true] {
        if list || search {
            figures.extend(of_engine(postgres, &size, list, search).await?);
        }
    }
    Ok(figures)
}

async fn of_engine(postgres: bool, size: &Size, list: bool, search: bool) -> Result<Vec<Figure>> {
    let folder = tempfile::Builder::new().prefix("deskbell-bench-").tempdir()?;
    let mut engine = if postgres { Engine::postgres().await? } else { Engine::sqlite(folder.path()) };
    let mut helpdesk = engine.helpdesk(folder.path()).await?;
    let mut figures = Vec::new();
    let mut there = 0;
    for &tickets in size.tickets {
        eprintln!("{}: {tickets} tickets", engine.name());
        engine.fill(there, tickets).await?;
        there = tickets;
        let address = helpdesk.server.url().trim_start_matches("http://").to_owned();
        let mut connection = Connection::open(&address, helpdesk.api.cookie())?;
        let label = format!("{} {tickets}", engine.name());
        if list {
            figures.extend(lists(&mut connection, &label, size.rounds)?);
        }
        for words in [1, 2].into_iter().filter(|_| search) {
            same_answers(&mut connection, &mut engine, words).await?;
            figures.push(searches(&mut connection, &mut engine, &label, words, size.rounds).await?);
        }
        // A million takes its minutes: what is known so far is worth reading.
        eprint!("{}", table(&figures));
    }
    helpdesk.server.stop().await?;
    figures.extend(growth(&figures, engine.name()));
    Ok(figures)
}

fn lists(connection: &mut Connection, label: &str, rounds: u64) -> Result<Vec<Figure>> {
    let (mut floor, mut lists) = (Vec::new(), [Vec::new(), Vec::new()]);
    // The first ones warm the server up, as the first person of a morning does.
    for round in 0..rounds + 5 {
        let empty = connection.get("/healthz")?;
        for (view, times) in VIEWS.iter().zip(&mut lists) {
            let time = connection.get(&format!("/api/console/v1/tickets?view={view}"))?;
            times.extend((round >= 5).then_some(time));
        }
        floor.extend((round >= 5).then_some(empty));
    }
    let figures = VIEWS.iter().zip(&lists).map(|(view, times)| {
        let (value, floor) = (1.0 / median(times), 1.0 / median(&floor));
        let ratio = value / floor;
        figure(
            format!("server.list {label} {view}"),
            (value, A_SECOND),
            (floor, "/healthz, a second"),
            times,
            (ratio, "≥ 0.1", ratio >= 0.1),
        )
    });
    Ok(figures.collect())
}

async fn searches(
    connection: &mut Connection,
    engine: &mut Engine,
    label: &str,
    words: usize,
    rounds: u64,
) -> Result<Figure> {
    let (mut floor, mut times) = (Vec::new(), Vec::new());
    let asked = questions(rounds, words);
    for (round, question) in asked.iter().take(5).chain(&asked).enumerate() {
        let bare = engine.bare(question).await?.0;
        let path = format!("/api/console/v1/tickets?view=all&q={}", question.replace(' ', "+"));
        let time = connection.get(&path)?;
        if round >= 5 {
            floor.push(bare);
            times.push(time);
        }
    }
    let (value, floor) = (median(&times) * 1e3, median(&floor) * 1e3);
    let ratio = value / floor;
    let name = format!("server.search {label} {words}w");
    Ok(figure(name, (value, "ms"), (floor, "the bare query"), &times, (ratio, "≤ 2", ratio <= 2.0)))
}

/// A search that is fast because it finds less would be a poor one.
async fn same_answers(connection: &mut Connection, engine: &mut Engine, words: usize) -> Result<()> {
    for question in questions(10, words) {
        let (_, bare) = engine.bare(&question).await?;
        let path = format!("/api/console/v1/tickets?view=all&limit=51&q={}", question.replace(' ', "+"));
        let answer = connection.json(&path)?;
        let found = answer["tickets"].as_array().map_or(0, Vec::len);
        ensure!(bare == found && bare > 0, "{question}: {found} found, and {bare} by the bare query");
    }
    Ok(())
}

/// What is named with the largest number against what is named with 10,000 (or in a quick run, the smallest).
fn growth(figures: &[Figure], engine: &str) -> Vec<Figure> {
    let time = |figure: &Figure| figure.p95.map(|p95| if figure.unit == A_SECOND { 1e3 / p95 } else { p95 });
    let p95 = |name: &str| figures.iter().find(|figure| figure.name == name).and_then(time);
    let mut grown = Vec::new();
    for figure in figures.iter().filter(|figure| figure.name.contains(" 1000000 ")) {
        let Some((value, floor)) = time(figure).zip(p95(&figure.name.replace(" 1000000 ", " 10000 "))) else {
            continue;
        };
        let (ratio, kind) = (value / floor, figure.name.replace(" 1000000 ", " "));
        let kind = kind.replace(engine, &format!("{engine} growth"));
        grown.push(Figure {
            name: kind,
            value,
            unit: "ms p95",
            floor: Some(floor),
            floor_is: "p95 at 10,000",
            ratio: Some(ratio),
            p50: None,
            p95: None,
            rounds: figure.rounds,
            reach: Some(("≤ 2".into(), ratio <= 2.0)),
        });
    }
    grown
}

fn figure(
    name: String,
    value: (f64, &'static str),
    floor: (f64, &'static str),
    times: &[Duration],
    (ratio, reach, reached): (f64, &str, bool),
) -> Figure {
    let times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    let in_unit = |time: f64| if value.1 == A_SECOND { 1e3 / time } else { time };
    Figure {
        name,
        value: value.0,
        unit: value.1,
        floor: Some(floor.0),
        floor_is: floor.1,
        ratio: Some(ratio),
        p50: percentile(&times, 0.5).map(in_unit),
        p95: percentile(&times, 0.95).map(in_unit),
        rounds: times.len() as u64,
        reach: Some((reach.to_owned(), reached)),
    }
}

/// Seconds. Others work on this machine too: the middle is less theirs than the mean.
fn median(times: &[Duration]) -> f64 {
    let seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    percentile(&seconds, 0.5).unwrap_or(f64::NAN)
}
