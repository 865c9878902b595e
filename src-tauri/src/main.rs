//! The Deskbell agent: a bell in the tray, a key, three windows. What it knows and does beyond the screen
//! is in `deskbell-agent-core`.

// A console window beside the bell would be a surprise. What the command line prints goes to the console
// that started us; see `console`.
#![cfg_attr(windows, windows_subsystem = "windows")]

mod actions;
mod autostart;
mod background;
mod browser;
mod capture;
mod cli;
mod clock;
mod commands;
mod console;
mod dialogs;
mod doctor;
mod dropped;
mod form;
mod ground;
mod gui;
mod headless;
#[cfg(target_os = "linux")]
mod host;
mod hotkey;
mod icons;
#[cfg(windows)]
mod installation;
mod link;
mod log;
mod notify;
mod permission;
mod policy;
mod running;
mod screen;
mod setup;
mod shown;
mod texts;
mod tray;
mod update;
mod windows;

use std::{io::IsTerminal, process::ExitCode};

use cli::Call;
use deskbell_protocol::ticket::Language;
use setup::StartError;

fn main() -> ExitCode {
    console::attach();
    let language = Language::of_locale(&sys_locale::get_locale().unwrap_or_default());
    let call = match cli::parse(std::env::args(), language) {
        Ok(call) => call,
        Err(error) => error.exit(),
    };
    run(call, language).unwrap_or_else(|error| failed(&error, language))
}

fn run(call: Call, language: Language) -> Result<ExitCode, StartError> {
    match call {
        Call::Start => setup::with_screen(None, language)?,
        Call::Background => setup::with_session(language)?,
        Call::Run(action) => setup::with_screen(Some(action), language)?,
        Call::Enrol { key_file } => setup::enrol_only(&key_file, language)?,
        Call::Status { json } => setup::print_status(json, language)?,
        Call::Policy { json } => policy::print(json, language)?,
        #[cfg(windows)]
        Call::Installation(order) => installation::run(&order)?,
        Call::Doctor { json } => return doctor::run(json, language),
        Call::Headless => headless::run(language)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn failed(error: &StartError, language: Language) -> ExitCode {
    let text = error.text(language);
    eprintln!("{text}");
    tracing::error!(%error, "ended");
    // Whoever started us from a menu reads no terminal.
    if !std::io::stderr().is_terminal() {
        notify::failure(&text);
    }
    ExitCode::FAILURE
}
