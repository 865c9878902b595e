//! The agent with its screen: one per user and session.

use std::path::PathBuf;

use deskbell_agent_core::{Agent, make_private};
use deskbell_protocol::ticket::Language;
use tauri::{
    AppHandle, DragDropEvent, Manager, RunEvent, UriSchemeContext, Window, WindowEvent,
    http::{Request, Response, StatusCode, header},
};
use tokio_util::sync::CancellationToken;

use crate::{
    actions::{self, Action, Cause},
    autostart, background, browser,
    capture::Camera,
    cli::{self, Call},
    commands as c,
    dropped::Dropped,
    hotkey::Hotkey,
    setup,
    shown::Shown,
    tray, update,
    windows::Page,
};

#[cfg(target_os = "macos")]
use crate::link;

/// Runs until the person quits. Where an agent runs already, it is asked for `first`, and this one ends.
pub(crate) fn run(first: Option<Action>, language: Language) -> Result<(), setup::StartError> {
    let shutdown = CancellationToken::new();
    let builder = tauri::Builder::default()
        // The first plugin: another start ends here, before it opens anything.
        .plugin(tauri_plugin_single_instance::init(move |app, arguments, folder| {
            started_again(app, arguments, &folder, language);
        }))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_updater::Builder::new().build())
        .plugin(tauri_plugin_autostart::Builder::new().arg("start").build())
        .manage(Camera::default())
        .manage(Dropped::default())
        .manage(Hotkey::default())
        .manage(Shown::default())
        .manage(update::Restart::default())
        .register_uri_scheme_protocol("shot", picture)
        .on_window_event(remember_drops)
        .invoke_handler(tauri::generate_handler![
            c::status,
            c::ticket_form,
            c::save_draft,
            c::discard_draft,
            c::pick_files,
            c::add_files,
            c::add_file,
            c::remove_file,
            c::redact,
            c::remove_screenshot,
            c::retake_screenshot,
            c::submit_ticket,
            c::outbox,
            c::outbox_entry,
            c::retry_now,
            c::export_entry,
            c::discard_entry,
            c::tickets,
            c::conversation,
            c::mark_read,
            c::reply,
            c::set_ticket_status,
            c::save_attachment,
            c::ask_token,
            c::confirm,
            c::forget_person,
            c::set_preferences,
            c::open_window,
            c::close_window,
            c::window_ready,
            c::free_window,
            c::resize_to,
        ]);
    // On Linux the key is held without it.
    #[cfg(not(target_os = "linux"))]
    let builder = builder.plugin(tauri_plugin_global_shortcut::Builder::new().build());
    let app = builder.build(tauri::generate_context!())?;
    let (agent, running, config) = tauri::async_runtime::block_on(setup::open(language))?;
    app.manage(agent.clone());
    let mut start = Some((running, config));
    app.run(move |app, event| match event {
        RunEvent::Ready => {
            if let Some((running, config)) = start.take() {
                autostart::enter(app, &config);
                show(app, &agent, first);
                background::start(app, &agent, running, shutdown.clone());
            }
        }
        // The last window was closed; the bell stays.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        RunEvent::Exit => {
            shutdown.cancel();
            update::on_exit(app);
        }
        // Links and a second start come as events there, and not as command lines.
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => {
            urls.iter()
                .filter_map(|url| link::action(url.as_str()))
                .for_each(|action| actions::run(app, action, Cause::CommandLine));
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => actions::run(app, Action::NewTicket, Cause::CommandLine),
        _ => {}
    });
    Ok(())
}

fn show(app: &AppHandle, agent: &Agent, first: Option<Action>) {
    let status = agent.status();
    if let Err(error) = tray::create(app, &status) {
        tracing::error!(%error, "there is no tray; the hotkey and the command line still open the windows");
    }
    web_data_is_private(app);
    if !browser::has_web_view(app) {
        tracing::warn!("there is no web view: pages open in the browser");
    }
    if let Some(action) = first {
        actions::run(app, action, Cause::CommandLine);
    }
}

/// The web view keeps its own files beside ours, in a folder that it would let everybody read.
fn web_data_is_private(app: &AppHandle) {
    let made = app.path().app_local_data_dir().map(|folder| make_private(&folder));
    if !matches!(made, Ok(Ok(()))) {
        tracing::warn!(?made, "the web view's folder cannot be made private");
    }
}

/// A second start of the program wants the new ticket window, unless its command says something else.
fn started_again(app: &AppHandle, arguments: Vec<String>, folder: &str, language: Language) {
    match cli::parse(arguments, language) {
        Ok(Call::Background) => {}
        Ok(Call::Run(action)) => actions::run(app, action, Cause::CommandLine),
        Ok(Call::Enrol { key_file }) => {
            let path = PathBuf::from(folder).join(key_file);
            let agent = app.state::<Agent>().inner().clone();
            tauri::async_runtime::spawn(async move { setup::enrol(&agent, &path).await });
        }
        _ => actions::run(app, Action::NewTicket, Cause::CommandLine),
    }
}

/// `shot://localhost/{version}`: the picture as it would be sent, for the window that writes the ticket.
fn picture(context: UriSchemeContext<'_, tauri::Wry>, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
    let version = request.uri().path().trim_start_matches('/').parse().ok();
    let png = version
        .filter(|_| context.webview_label() == Page::NewTicket.label())
        .and_then(|version| context.app_handle().state::<Camera>().png_of(version));
    let status = if png.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "image/png")
        // Pixels from before a redaction must not live on in a cache.
        .header(header::CACHE_CONTROL, "no-store")
        .body(png.unwrap_or_default());
    response.unwrap_or_default()
}

fn remember_drops(window: &Window, event: &WindowEvent) {
    if let WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) = event {
        window.state::<Dropped>().remember(paths);
    }
}
