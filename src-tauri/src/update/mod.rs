//! A program that a person installed for themselves keeps itself new: quietly, when nothing of it is on
//! the screen, and only by what is signed.

mod decide;
mod install;
mod keys;
mod restart;

use std::{path::PathBuf, time::Duration};

use decide::{Installation, Look, Place};
use deskbell_agent_core::{
    Agent, clock,
    policy::Config,
    view::{CommandError, Problem, ProblemCode},
};
use deskbell_protocol::update::{UpdateOffer, said};
use install::{Failure, Verified};
use semver::Version;
use tauri::{AppHandle, Manager};

pub(crate) use self::restart::{RESTARTED, Restart, on_exit};
use crate::windows;

/// How often a program that has an update looks whether its windows are closed.
const CALM: Duration = Duration::from_secs(2);

/// What stands in the way of an update, or that nothing does.
enum Found {
    Nothing,
    /// Refused before, and offered again.
    Same,
    Verified(Box<Verified>, Option<Vec<keys::Key>>),
}

/// Looks for updates for as long as the program runs, where it is the one that installs them.
pub(crate) async fn follow(app: AppHandle, agent: Agent) {
    let Some(program) = own_program(&app) else { return };
    keys::settle(&program, &app.package_info().version);
    let mut refused = None;
    loop {
        online(&agent).await;
        let look = match look(&app, &agent, &program, &mut refused).await {
            Ok(Found::Verified(update, keys)) => take(&app, &agent, &program, *update, keys).await,
            Ok(Found::Nothing) => {
                tell(&agent, None);
                Look::Done
            }
            Ok(Found::Same) => Look::Done,
            Err(look) => look,
        };
        tokio::time::sleep(decide::pause(look, clock::fraction())).await;
    }
}

/// The program, where it is this person's own.
fn own_program(app: &AppHandle) -> Option<PathBuf> {
    // Not tauri's own answer, which is an AppImage wherever one started us: a terminal's, perhaps.
    let program = tauri::utils::platform::current_exe().ok()?.canonicalize().ok()?;
    let own: Vec<PathBuf> = [app.path().home_dir(), app.path().local_data_dir()]
        .into_iter()
        .filter_map(|folder| folder.ok()?.canonicalize().ok())
        .collect();
    let own: Vec<_> = own.iter().map(PathBuf::as_path).collect();
    // Elsewhere not even a trial file is made.
    let writable = own.iter().any(|folder| program.starts_with(folder)) && writable(&program);
    let place = Place { program: &program, own: &own, writable, packaged: packaged() };
    let installation = decide::installation(place);
    tracing::info!(?installation, program = %program.display(), "updates");
    (installation == Installation::PerUser).then_some(program)
}

/// Whether a file can be put beside the program: whoever can do that can replace it.
fn writable(program: &std::path::Path) -> bool {
    let trial = program.with_file_name(format!(".deskbell-{}.trial", std::process::id()));
    let made = std::fs::File::options().write(true).create_new(true).open(&trial).is_ok();
    made && std::fs::remove_file(trial).is_ok()
}

/// Tauri's updater would call the package manager for such a program, and ask for a password.
fn packaged() -> bool {
    use tauri::utils::config::BundleType;
    matches!(tauri::utils::platform::bundle_type(), Some(BundleType::Deb | BundleType::Rpm | BundleType::Msi))
}

async fn online(agent: &Agent) {
    let mut changes = agent.watch();
    // It ends with the agent, and this task with it.
    let _ = changes.wait_for(|status| status.online).await;
}

/// Asks, fetches and verifies.
async fn look(
    app: &AppHandle,
    agent: &Agent,
    program: &std::path::Path,
    refused: &mut Option<UpdateOffer>,
) -> Result<Found, Look> {
    let config: Config = agent.config();
    let keys = keys::read(config.update_keys.as_deref(), program);
    if !config.updates {
        tracing::info!("updates are off");
        return Ok(Found::Nothing);
    }
    if keys.trusted.is_empty() {
        tracing::info!("no update is looked for: there are no keys that it could be signed with");
        return Ok(Found::Nothing);
    }
    let running = app.package_info().version.clone();
    let asked = agent.newer(&running.to_string(), config.update_ring, &keys.ids()).await;
    let Some(offer) = asked.map_err(|error| failed(&error))? else {
        tracing::info!(%running, "nothing is newer");
        return Ok(Found::Nothing);
    };
    if refused.as_ref() == Some(&offer) {
        return Ok(Found::Same);
    }
    let Some(version) = decide::newer(&offer, &running) else {
        tracing::warn!(offered = offer.version, "what is offered is not newer");
        return Ok(Found::Nothing);
    };
    tracing::info!(%version, "an update is fetched");
    let verified = match said(&offer.signature).and_then(|said| Some((keys.of(&said)?.clone(), said))) {
        None => Err(Failure::Refused("its signature is by no key that is trusted here".to_owned())),
        Some((key, said)) => {
            let bytes = agent.fetch_update(&offer).await.map_err(|error| failed(&error))?;
            install::verify(app, program, &key, &offer, version.clone(), bytes)
                .map(|update| Found::Verified(Box::new(update), keys::next(&keys, &said)))
        }
    };
    verified.map_err(|failure| {
        tell(agent, Some((&failure, &version)));
        *refused = Some(offer);
        Look::Done
    })
}

fn failed(error: &CommandError) -> Look {
    tracing::info!(error = error.message, "no update can be looked for");
    Look::Failed { wait: error.details.retry_after.map(Duration::from_secs) }
}

/// Waits until nothing of this program is on the screen, installs, and starts the new one.
async fn take(
    app: &AppHandle,
    agent: &Agent,
    program: &std::path::Path,
    update: Verified,
    keys: Option<Vec<keys::Key>>,
) -> Look {
    tracing::info!(version = %update.version, "an update waits until no window is open");
    while windows::Page::ALL.into_iter().any(|page| windows::is_visible(app, page)) {
        tokio::time::sleep(CALM).await;
    }
    if !agent.config().updates {
        return Look::Done;
    }
    tracing::info!(version = %update.version, "an update is installed");
    let version = update.version.clone();
    if let Some(Err(error)) = keys.map(|keys| keys::prepare(program, &version, &keys)) {
        tell(agent, Some((&Failure::from(error), &version)));
        return Look::Done;
    }
    let installed = tokio::task::spawn_blocking(move || update.install()).await;
    let installed = installed.unwrap_or_else(|error| Err(Failure::Failed(error.to_string())));
    if let Err(failure) = installed {
        tell(agent, Some((&failure, &version)));
        return Look::Done;
    }
    tell(agent, None);
    restart::request(app, program);
    Look::Done
}

/// What the person and the log hear of it.
fn tell(agent: &Agent, failure: Option<(&Failure, &Version)>) {
    let (refused, failed) = (ProblemCode::UpdateRefused, ProblemCode::UpdateFailed);
    agent.clear_problem(refused);
    agent.clear_problem(failed);
    if let Some((failure, version)) = failure {
        tracing::error!(%failure, %version, "an update is not installed");
        let code = if matches!(failure, Failure::Refused(_)) { refused } else { failed };
        agent.report_problem(Problem { code, subject: Some(version.to_string()) });
    }
}
