//! What every start of the program begins with, whatever it was asked for.

use std::{io, path::Path, time::Duration};

use deskbell_agent_core::{
    Agent, Setup,
    policy::{Config, Folders, Policy, Sources},
};
use deskbell_protocol::{secret::normalize_enrolment_key, ticket::Language};

use crate::{actions::Action, clock, gui, log, running::Running, texts, update};

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("neither DISPLAY nor WAYLAND_DISPLAY is set")]
    NoDisplay,
    #[error("another agent runs for this user")]
    AlreadyRunning,
    #[error("the key file {path} cannot be read: {reason}")]
    KeyFile { path: String, reason: io::Error },
    #[error("{path} holds no enrolment key")]
    NoKey { path: String },
    #[error(transparent)]
    Config(#[from] deskbell_agent_core::policy::ConfigError),
    #[error(transparent)]
    Open(#[from] deskbell_agent_core::OpenError),
    #[error(transparent)]
    Agent(#[from] deskbell_agent_core::view::CommandError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Tauri(#[from] tauri::Error),
}

impl StartError {
    /// For the person at the terminal.
    pub(crate) fn text(&self, language: Language) -> String {
        match self {
            Self::NoDisplay => texts::text(language, "cli.no_display").to_owned(),
            Self::AlreadyRunning => texts::text(language, "cli.already_running").to_owned(),
            Self::KeyFile { path, reason } => {
                texts::fill(language, "cli.enrol.unreadable", &[("path", path), ("reason", &reason.to_string())])
            }
            Self::NoKey { path } => texts::fill(language, "cli.enrol.no_key", &[("path", path)]),
            other => texts::fill(language, "cli.cannot_start", &[("reason", &other.to_string())]),
        }
    }
}

/// Opens the agent; this process is the only one that works on its folder from then on.
pub(crate) async fn open(language: Language) -> Result<(Agent, Running, Config), StartError> {
    let folders = Folders::of_user()?;
    let running = begin(&folders).await?.ok_or(StartError::AlreadyRunning)?;
    let sources = Sources::read(&folders);
    let setup = Setup { sources, folders, clock: clock::now, language };
    let agent = Agent::open(setup).await?;
    let config = agent.config();
    Ok((agent, running, config))
}

/// The one that this one follows after an update may still be ending.
async fn begin(folders: &Folders) -> io::Result<Option<Running>> {
    let tries = if std::env::var_os(update::RESTARTED).is_some() { 200 } else { 1 };
    for _ in 1..tries {
        if let Some(running) = Running::begin(&folders.data)? {
            return Ok(Some(running));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Running::begin(&folders.data)
}

/// Keeps an enrolment key where the agent finds it at its next start; an agent that runs already is
/// asked instead, and introduces the device at once.
pub(crate) fn enrol_only(key_file: &Path, language: Language) -> Result<(), StartError> {
    let key = read_key(key_file)?;
    match tauri::async_runtime::block_on(open(language)) {
        Ok((agent, _running, _)) => {
            tauri::async_runtime::block_on(agent.set_enrolment_key(key))?;
            println!("{}", texts::text(language, "cli.enrol.kept"));
            Ok(())
        }
        Err(StartError::AlreadyRunning) => with_screen(None, language),
        Err(error) => Err(error),
    }
}

pub(crate) async fn enrol(agent: &Agent, key_file: &Path) {
    let enrolled = match read_key(key_file) {
        Ok(key) => agent.set_enrolment_key(key).await.map_err(StartError::from),
        Err(error) => Err(error),
    };
    if let Err(error) = enrolled {
        tracing::error!(%error, "the device cannot be introduced");
    }
}

fn read_key(path: &Path) -> Result<String, StartError> {
    let shown = || path.display().to_string();
    let key = std::fs::read_to_string(path).map_err(|reason| StartError::KeyFile { path: shown(), reason })?;
    normalize_enrolment_key(&key).ok_or_else(|| StartError::NoKey { path: shown() })
}

pub(crate) fn print_status(json: bool, language: Language) -> Result<(), StartError> {
    let status = crate::running::status(&Folders::of_user()?.data);
    if json {
        println!("{}", serde_json::json!({ "running": status.is_some(), "status": status }));
        return Ok(());
    }
    match status.as_ref().and_then(|status| Some((status["line"].as_str()?, status))) {
        Some((line, status)) => {
            println!("{line}");
            problems(status, language).iter().for_each(|problem| println!("{problem}"));
        }
        None => println!("{}", texts::text(language, "cli.not_running")),
    }
    Ok(())
}

/// What somebody has to see to, in words: of a status as it was published.
fn problems(status: &serde_json::Value, language: Language) -> Vec<String> {
    let found = status["problems"].as_array().into_iter().flatten();
    found
        .filter_map(|problem| {
            let subject = problem["subject"].as_str().unwrap_or_default();
            Some(texts::fill(language, &format!("problem.{}", problem["code"].as_str()?), &[("subject", subject)]))
        })
        .collect()
}

pub(crate) fn with_screen(first: Option<Action>, language: Language) -> Result<(), StartError> {
    prepare_display()?;
    log::start(&Folders::of_user()?.data);
    gui::run(first, language)
}

/// The session's own start, which policy may not want; or one that follows an update of a program that ran.
pub(crate) fn with_session(language: Language) -> Result<(), StartError> {
    let wanted = Policy::of_user(&Folders::of_user()?).config.autostart;
    if wanted || std::env::var_os(update::RESTARTED).is_some() { with_screen(None, language) } else { Ok(()) }
}

fn prepare_display() -> Result<(), StartError> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "linux") && !set("DISPLAY") && !set("WAYLAND_DISPLAY") {
        return Err(StartError::NoDisplay);
    }
    // WebKitGTK shows blank windows with some graphics drivers otherwise. No thread has started yet.
    #[cfg(target_os = "linux")]
    if let Err(error) = gtk::glib::setenv("WEBKIT_DISABLE_DMABUF_RENDERER", "1", false) {
        eprintln!("deskbell: {error}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use deskbell_agent_core::view::{Problem, ProblemCode};

    use super::*;

    #[test]
    fn a_status_says_what_is_wrong() {
        let of = |code, subject: Option<&str>| Problem { code, subject: subject.map(str::to_owned) };
        let two =
            [of(ProblemCode::EnrolmentKeyUnknown, None), of(ProblemCode::ServerRefused, Some("help.example.org"))];
        let said = problems(&serde_json::json!({ "problems": two }), Language::En);
        assert_eq!(said[0], "The enrolment key is not known. Ask your administrator for a new one.");
        assert!(said[1].contains("help.example.org"), "{said:?}");
        assert!(problems(&serde_json::json!({}), Language::Fr).is_empty());
    }
}
