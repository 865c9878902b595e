//! schemathesis with all its checks against the real server: no 5xx, and nothing that is not described.

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use deskbell_protocol::handover::{AskHandover, Handover, HandoverPage};
use serde_json::{Value, json};

use super::super::{Found, Kind};
use crate::{api::Api, device::Device, helpdesk::Helpdesk, postgres::Postgres, process, server::Server};

const HOOKS: &str = include_str!("hooks.py");
const SETTINGS: &str = include_str!("schemathesis.toml");
/// The byte that the device's key is made of, here and in the hooks.
const DEVICE: u8 = 7;

/// What puts an end to what lets it in: tried by itself, so that the rest is tried by somebody.
const ENDING: &[&str] = &[
    "DELETE /api/console/v1/session",
    "DELETE /api/portal/v1/session",
    "DELETE /api/agent/v1/confirmation",
    "DELETE /api/portal/v1/confirmation",
    "PUT /api/console/v1/organization/enablement",
];
/// What is answered to everybody.
const OPEN: &str = "GET /api/agent/v1/hello";
/// Those who get in by a signature, a session and a link.
const SURFACES: [&str; 3] = ["agent", "console", "portal"];
/// Answers that end with the connection and not before: schemathesis would wait for them.
const ENDLESS: &[&str] = &["GET /api/agent/v1/live", "GET /api/console/v1/live"];

#[derive(Clone, Copy, Debug)]
pub(super) enum Database<'a> {
    Sqlite,
    Postgres(&'a Postgres),
}

/// Whom the server takes it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The owner at the console, an enabled device with a confirmed person, and its page.
    Admitted,
    /// The same people, who do what ends that.
    Leaving,
    Nobody,
}

/// One run of about this time: how many requests it made. What it found is told with what repeats it.
pub(super) async fn run(database: Database<'_>, who: Who, seed: u64, time: Duration, found: &mut Found) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let server = Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?;
    let server = match database {
        Database::Sqlite => server,
        Database::Postgres(postgres) => server.with("DATABASE_URL", postgres.url(&postgres.database().await?)),
    };
    let helpdesk = Helpdesk::with(server).await?;
    let known = admitted(&helpdesk, who).await?;
    std::fs::write(folder.path().join("hooks.py"), HOOKS)?;
    std::fs::write(folder.path().join("schemathesis.toml"), SETTINGS)?;
    let report = folder.path().join("report.json");
    let mut command = process::command(program()?);
    command.args(["run", &format!("{}/openapi.json", helpdesk.server.url()), "--report", "json"]);
    command.arg("--report-json-path").arg(&report).args(["--seed", &seed.to_string()]);
    command.args(["--max-time", &time.as_secs().to_string(), "--no-color", "--no-shrink"]);
    for operation in ENDING {
        match who {
            Who::Admitted => command.args(["--exclude-name", operation]),
            Who::Leaving => command.args(["--include-name", operation]),
            Who::Nobody => &mut command,
        };
    }
    if who == Who::Admitted {
        command.args(ENDLESS.iter().flat_map(|operation| ["--exclude-name", operation]));
    }
    command.env("DESKBELL_PROOF", known.to_string()).env("SCHEMATHESIS_HOOKS", "hooks");
    command.current_dir(folder.path());
    let limit = time * 3 + Duration::from_secs(30);
    let output = tokio::time::timeout(limit, command.output()).await.context("schemathesis does not end")??;
    let said = String::from_utf8_lossy(&output.stdout);
    let report = std::fs::read(&report).with_context(|| format!("schemathesis has no report: {said}"))?;
    let label = match database {
        Database::Sqlite => format!("sqlite, {who:?}"),
        Database::Postgres(_) => format!("postgresql, {who:?}"),
    };
    let cases = read(&serde_json::from_slice(&report)?, &said, &label, found)?;
    if who == Who::Admitted && cases > 0 {
        let_in(&folder.path().join("let_in"), &label, found)?;
    }
    ended_well(&folder.path().join("server.log"), &label, found)?;
    Ok(cases)
}

/// Whom the hooks may speak for.
async fn admitted(helpdesk: &Helpdesk, who: Who) -> Result<Value> {
    let server = &helpdesk.server;
    let device = Device::new(server.http(), &server.url(), "PC-1", DEVICE).await?;
    let enrolled = device.enrol(&helpdesk.enrolment_key).await?;
    helpdesk.enable(&enrolled.device_id.to_string()).await?;
    helpdesk.vouch(&enrolled.installation_id.to_string()).await?;
    let link: Handover = device.post("/handover", &AskHandover { page: HandoverPage::NewTicket }).await?;
    let secret = link.url.split_once('#').context("a link without a secret")?.1;
    let page = Api::open(server.http(), &server.url(), "/api/portal/v1/session", json!({"secret": secret})).await?;
    Ok(json!({
        "admitted": who != Who::Nobody,
        "device": DEVICE,
        "server": device.server.to_string(),
        "console": helpdesk.api.session(),
        "portal": page.session(),
    }))
}

/// What schemathesis counted and found. What repeats it stands in what it printed.
fn read(report: &Value, said: &str, label: &str, found: &mut Found) -> Result<u64> {
    let cases = report["test_cases"]["generated"].as_u64().context("a report without a number of cases")?;
    found.runs += cases;
    let list = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    for failure in list("failures").iter().chain(&list("errors")) {
        let kind = if failure["type"] == "ServerError" { Kind::Crashed } else { Kind::Wrong };
        let places: Vec<&str> =
            failure["operations"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let title = failure["title"].as_str().map_or_else(|| failure.to_string(), str::to_owned);
        found.violation(kind, format!("{label}: {title}: {}", places.join(", ")));
    }
    if !list("failures").is_empty() {
        println!("{said}");
    }
    if cases > 0 {
        found.notes.push(format!("{label}: {cases} requests to {} operations", report["operations"]["selected"]));
    }
    Ok(cases)
}

/// Every surface has to have let somebody in: whom it keeps out tries its gate and nothing behind it.
fn let_in(list: &Path, label: &str, found: &mut Found) -> Result<()> {
    let list = if list.exists() { std::fs::read_to_string(list)? } else { String::new() };
    let operations: BTreeSet<&str> = list.lines().filter(|operation| *operation != OPEN).collect();
    let mut counts = Vec::new();
    for surface in SURFACES {
        let place = format!(" /api/{surface}/");
        let count = operations.iter().filter(|operation| operation.contains(&place)).count();
        if count == 0 {
            found.violation(Kind::Wrong, format!("{label}: nothing of {surface} was answered with 2xx"));
        }
        counts.push(format!("{count} of {surface}"));
    }
    found.notes.push(format!("{label}: operations that let somebody in: {}", counts.join(", ")));
    Ok(())
}

/// A panic answers nothing, which schemathesis may take for a line that was cut.
pub(super) fn ended_well(log: &Path, label: &str, found: &mut Found) -> Result<()> {
    let log = std::fs::read_to_string(log)?;
    for line in log.lines().filter(|line| line.contains("panicked at") || line.contains("a request failed")) {
        found.violation(Kind::Crashed, format!("{label}: {line}"));
    }
    ensure!(!log.is_empty(), "the server said nothing");
    Ok(())
}

/// As `cargo xtask setup` installed it.
fn program() -> Result<std::path::PathBuf> {
    let own = std::env::current_exe()?;
    let place = Path::new("tools/schemathesis/bin/schemathesis");
    let found = own.ancestors().map(|folder| folder.join(place)).find(|path| path.is_file());
    found.context("schemathesis is missing: cargo xtask setup")
}
