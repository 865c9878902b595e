//! Is there anything on this desktop that shows tray icons? On Linux that is a program of its own, which
//! may start after us, crash, or never have been there.

use deskbell_agent_core::{
    Agent,
    view::{Problem, ProblemCode},
};
use tokio_stream::StreamExt;
use zbus::{Connection, fdo::DBusProxy};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// Reports [`ProblemCode::TrayMissing`] while there is no tray host, for as long as the program runs.
pub(crate) async fn watch(agent: Agent) {
    if let Err(error) = follow(&agent).await {
        tracing::warn!(%error, "the session bus cannot be asked for a tray host");
        report(&agent, false);
    }
}

/// Whether there is one now.
pub(crate) async fn present() -> zbus::Result<bool> {
    let connection = Connection::session().await?;
    Ok(DBusProxy::new(&connection).await?.name_has_owner(WATCHER.try_into()?).await?)
}

async fn follow(agent: &Agent) -> zbus::Result<()> {
    let connection = Connection::session().await?;
    let bus = DBusProxy::new(&connection).await?;
    // Listening first: a host that appears between the two is not missed.
    let mut changes = bus.receive_name_owner_changed_with_args(&[(0, WATCHER)]).await?;
    report(agent, bus.name_has_owner(WATCHER.try_into()?).await?);
    while let Some(change) = changes.next().await {
        report(agent, change.args()?.new_owner().is_some());
    }
    Ok(())
}

/// The icon itself needs nothing done: the indicator library registers with every new host.
fn report(agent: &Agent, present: bool) {
    tracing::info!(present, "tray host");
    if present {
        agent.clear_problem(ProblemCode::TrayMissing);
    } else {
        agent.report_problem(Problem { code: ProblemCode::TrayMissing, subject: None });
    }
}
