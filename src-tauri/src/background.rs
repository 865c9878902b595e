//! What goes on while no window is open: the agent works, and the screen follows it.

use std::time::Duration;

use deskbell_agent_core::{Agent, view::AgentStatus};
use tauri::{AppHandle, Emitter};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    hotkey, notify,
    running::Running,
    tray,
    windows::{self, Look},
};

/// How often a key that another program holds is tried again.
const HOTKEY_RETRY: Duration = Duration::from_secs(30);

pub(crate) fn start(app: &AppHandle, agent: &Agent, running: Running, shutdown: CancellationToken) {
    let spawn = tauri::async_runtime::spawn::<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>>;
    let worker = agent.clone();
    spawn(Box::pin(async move { worker.run(shutdown).await }));
    spawn(Box::pin(follow_status(app.clone(), agent.clone(), running)));
    spawn(Box::pin(follow_outbox(app.clone(), agent.clone())));
    spawn(Box::pin(follow_news(app.clone(), agent.clone())));
    spawn(Box::pin(follow_tickets(app.clone(), agent.clone())));
    #[cfg(target_os = "linux")]
    spawn(Box::pin(crate::host::watch(agent.clone())));
    spawn(Box::pin(crate::update::follow(app.clone(), agent.clone())));
    spawn(Box::pin(end_on_signal(app.clone())));
}

/// Tray, hotkey, titles and pages, whenever the status changes.
async fn follow_status(app: AppHandle, agent: Agent, running: Running) {
    let mut changes = agent.watch();
    let mut look = None;
    loop {
        let status = changes.borrow_and_update().clone();
        show(&app, &agent, &status);
        if look.replace(Look::of(&status)) != Some(Look::of(&status)) {
            windows::apply(&app, Look::of(&status));
        }
        running.publish(&status, &tray::status_line(&status));
        let retry = sleep_until(Instant::now() + HOTKEY_RETRY);
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = retry, if hotkey::worth_retrying(&status) => {}
        }
    }
}

fn show(app: &AppHandle, agent: &Agent, status: &AgentStatus) {
    tray::update(app, status);
    hotkey::apply(app, agent, status);
    emit(app, "status", status);
}

async fn follow_outbox(app: AppHandle, agent: Agent) {
    let mut changes = agent.outbox_changes();
    loop {
        match changes.recv().await {
            Ok(entry) => emit(&app, "outbox", &entry),
            // The pages ask for the whole outbox when they open; a missed step of a bar is no loss.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// The list changed; the pages get the new one.
async fn follow_tickets(app: AppHandle, agent: Agent) {
    let mut changes = agent.tickets_changes();
    // A missed change is made good by the list that is fetched for the next one.
    while !matches!(changes.recv().await, Err(RecvError::Closed)) {
        match agent.tickets().await {
            Ok(tickets) => emit(&app, "tickets", &tickets),
            Err(error) => tracing::error!(%error, "the tickets cannot be listed"),
        }
    }
}

async fn follow_news(app: AppHandle, agent: Agent) {
    let mut news = agent.news();
    loop {
        match news.recv().await {
            Ok(news) => notify::tell(&app, Look::of(&agent.status()), &news),
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "more news than could be told"),
            Err(RecvError::Closed) => return,
        }
    }
}

fn emit<T: serde::Serialize + Clone>(app: &AppHandle, event: &str, payload: &T) {
    if let Err(error) = app.emit(event, payload) {
        tracing::error!(%error, event, "the pages cannot be told");
    }
}

/// Ends as *Quit* does. What was written is on the disk already.
async fn end_on_signal(app: AppHandle) {
    match signal().await {
        Ok(()) => {
            tracing::info!("asked to end");
            app.exit(0);
        }
        Err(error) => tracing::warn!(%error, "signals cannot be heard"),
    }
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
