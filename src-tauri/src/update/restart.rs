//! The new program in the place of the one that runs.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use tauri::{AppHandle, Manager};

/// Set for a program that follows one that is ending.
pub(crate) const RESTARTED: &str = "DESKBELL_RESTARTED";

/// What is started when this program has ended, where something is.
#[derive(Debug, Default)]
pub(crate) struct Restart(Mutex<Option<PathBuf>>);

/// Ends as *Quit* does, and then starts the program that lies there now.
pub(crate) fn request(app: &AppHandle, program: &Path) {
    if let Ok(mut next) = app.state::<Restart>().0.lock() {
        *next = Some(program.to_owned());
    }
    app.exit(0);
}

/// Starts what was asked for, in the background: whatever opened a window this time is over.
pub(crate) fn on_exit(app: &AppHandle) {
    let next = app.state::<Restart>().0.lock().ok().and_then(|mut next| next.take());
    let Some(program) = next else { return };
    // Tray and single instance are given up first, so that the next one finds nobody in its place.
    app.cleanup_before_exit();
    if let Err(error) = start(&program) {
        tracing::error!(%error, "the new program does not start");
    }
}

#[cfg(not(target_os = "macos"))]
fn start(program: &Path) -> std::io::Result<()> {
    std::process::Command::new(program)
        .arg("start")
        .env(RESTARTED, "1")
        .stdin(std::process::Stdio::null())
        .spawn()
        .map(drop)
}

/// The bundle that the program lies in, so that the system knows it as this application.
#[cfg(target_os = "macos")]
fn start(program: &Path) -> std::io::Result<()> {
    let bundle = program.ancestors().find(|path| path.extension().is_some_and(|extension| extension == "app"));
    std::process::Command::new("/usr/bin/open")
        .arg("-n")
        .args(["--env", "DESKBELL_RESTARTED=1"])
        .arg(bundle.unwrap_or(program))
        .spawn()
        .map(drop)
}
