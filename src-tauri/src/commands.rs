//! What a window may ask for: each a line or two over [`Agent`], [`Camera`] and the windows. Which window
//! may ask for what stands in `capabilities/<window>.json`.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
use deskbell_agent_core::{
    Agent,
    view::{
        AgentStatus, Area, CommandError, CommandErrorCode, ConversationView, Draft, LocalErrorCode, OutboxEntry,
        Screenshot, Theme, TicketForm, TicketListItem,
    },
};
use deskbell_protocol::{
    device::{Confirmation, TokenSent},
    error::{ErrorCode, ErrorDetails},
    id::{AttachmentId, TicketId},
    ticket::{Language, Status},
};
use serde::Deserialize;
use tauri::{AppHandle, State, WebviewWindow};
use uuid::Uuid;

use crate::{
    capture::{Camera, CaptureError},
    dialogs,
    dropped::Dropped,
    form, shown,
    windows::{self, Look, Page},
};

type Answer<T> = Result<T, CommandError>;

/// A file that a page holds in memory: pasted, or dropped from another program.
#[derive(Deserialize)]
pub(crate) struct Pasted {
    name: String,
    base64: String,
}

impl Pasted {
    fn decode(self) -> Answer<(String, Vec<u8>)> {
        let bytes = STANDARD.decode(self.base64);
        bytes.map(|bytes| (self.name, bytes)).map_err(|_| {
            error(CommandErrorCode::Server(ErrorCode::Malformed), "a pasted file is not valid base64".to_owned())
        })
    }
}

fn error(code: CommandErrorCode, message: String) -> CommandError {
    CommandError { code, message, details: ErrorDetails::default() }
}

fn capture_error(cause: CaptureError) -> CommandError {
    error(CommandErrorCode::Local(LocalErrorCode::ScreenshotUnavailable), cause.to_string())
}

fn window_error(cause: tauri::Error) -> CommandError {
    error(CommandErrorCode::Server(ErrorCode::Internal), cause.to_string())
}

#[tauri::command]
pub(crate) fn status(agent: State<'_, Agent>) -> AgentStatus {
    agent.status()
}

#[tauri::command]
pub(crate) async fn ticket_form(app: AppHandle) -> Answer<TicketForm> {
    form::current(&app).await
}

#[tauri::command]
pub(crate) async fn save_draft(agent: State<'_, Agent>, draft: Draft) -> Answer<()> {
    agent.save_draft(draft).await
}

#[tauri::command]
pub(crate) async fn discard_draft(
    app: AppHandle,
    agent: State<'_, Agent>,
    camera: State<'_, Camera>,
) -> Answer<TicketForm> {
    let _settled = camera.settled().await;
    agent.discard_draft().await?;
    camera.forget();
    form::current(&app).await
}

#[tauri::command]
pub(crate) async fn pick_files(window: WebviewWindow, agent: State<'_, Agent>) -> Answer<Draft> {
    let picked = dialogs::pick(&window).await;
    agent.add_files(picked).await
}

/// Only files that a person has dropped on a window: a page cannot name any other.
#[tauri::command]
pub(crate) async fn add_files(
    agent: State<'_, Agent>,
    dropped: State<'_, Dropped>,
    paths: Vec<PathBuf>,
) -> Answer<Draft> {
    agent.add_files(dropped.take(&paths)).await
}

#[tauri::command]
pub(crate) async fn add_file(agent: State<'_, Agent>, name: String, base64: String) -> Answer<Draft> {
    let (name, bytes) = Pasted { name, base64 }.decode()?;
    agent.add_file(name, bytes).await
}

#[tauri::command]
pub(crate) async fn remove_file(agent: State<'_, Agent>, id: AttachmentId) -> Answer<Draft> {
    agent.remove_file(id).await
}

#[tauri::command]
pub(crate) async fn redact(camera: State<'_, Camera>, areas: Vec<Area>) -> Answer<Screenshot> {
    let _settled = camera.settled().await;
    let redacted = camera.redact(&areas).map_err(capture_error)?;
    redacted.ok_or_else(|| {
        error(CommandErrorCode::Local(LocalErrorCode::ScreenshotUnavailable), "there is no screenshot".to_owned())
    })
}

#[tauri::command]
pub(crate) async fn remove_screenshot(camera: State<'_, Camera>) -> Answer<()> {
    let _settled = camera.settled().await;
    camera.forget();
    Ok(())
}

#[tauri::command]
pub(crate) async fn retake_screenshot(app: AppHandle) -> Option<Screenshot> {
    form::retake(&app).await
}

/// The picture is let go once the ticket is durable, and not before.
#[tauri::command]
pub(crate) async fn submit_ticket(
    agent: State<'_, Agent>,
    camera: State<'_, Camera>,
    draft: Draft,
) -> Answer<OutboxEntry> {
    let _settled = camera.settled().await;
    let entry = agent.submit(draft, camera.png()).await?;
    camera.forget();
    Ok(entry)
}

#[tauri::command]
pub(crate) async fn outbox(agent: State<'_, Agent>) -> Answer<Vec<OutboxEntry>> {
    agent.outbox().await
}

#[tauri::command]
pub(crate) async fn outbox_entry(agent: State<'_, Agent>, id: Uuid) -> Answer<Option<OutboxEntry>> {
    agent.outbox_entry(id).await
}

#[tauri::command]
pub(crate) fn retry_now(agent: State<'_, Agent>) {
    agent.sync_now();
}

/// Nothing where the person chose no place.
#[tauri::command]
pub(crate) async fn export_entry(window: WebviewWindow, agent: State<'_, Agent>, id: Uuid) -> Answer<Option<PathBuf>> {
    let Some(path) = dialogs::save(&window, "ticket.zip").await else { return Ok(None) };
    agent.export_entry(id, &path).await.map(|()| Some(path))
}

#[tauri::command]
pub(crate) async fn discard_entry(agent: State<'_, Agent>, id: Uuid) -> Answer<()> {
    agent.discard_entry(id).await
}

#[tauri::command]
pub(crate) async fn tickets(agent: State<'_, Agent>) -> Answer<Vec<TicketListItem>> {
    agent.tickets().await
}

#[tauri::command]
pub(crate) async fn conversation(agent: State<'_, Agent>, ticket: TicketId) -> Answer<ConversationView> {
    agent.conversation(ticket).await
}

#[tauri::command]
pub(crate) async fn mark_read(agent: State<'_, Agent>, ticket: TicketId) -> Answer<()> {
    agent.mark_read(ticket).await
}

#[tauri::command]
pub(crate) async fn reply(
    agent: State<'_, Agent>,
    ticket: TicketId,
    text: String,
    files: Vec<Pasted>,
) -> Answer<OutboxEntry> {
    let files = files.into_iter().map(Pasted::decode).collect::<Answer<Vec<_>>>()?;
    agent.reply(ticket, text, files).await
}

#[tauri::command]
pub(crate) async fn set_ticket_status(
    agent: State<'_, Agent>,
    ticket: TicketId,
    status: Status,
) -> Answer<OutboxEntry> {
    agent.set_ticket_status(ticket, status).await
}

#[tauri::command]
pub(crate) async fn save_attachment(
    window: WebviewWindow,
    agent: State<'_, Agent>,
    ticket: TicketId,
    attachment: AttachmentId,
) -> Answer<Option<PathBuf>> {
    let name = agent.attachment_name(ticket, attachment).await?;
    let Some(path) = dialogs::save(&window, &name).await else { return Ok(None) };
    agent.save_attachment(ticket, attachment, &path).await.map(|()| Some(path))
}

#[tauri::command]
pub(crate) async fn ask_token(agent: State<'_, Agent>, name: String, email: String) -> Answer<TokenSent> {
    agent.ask_token(name, email).await
}

#[tauri::command]
pub(crate) async fn confirm(agent: State<'_, Agent>, token: String) -> Answer<Confirmation> {
    agent.confirm(token).await
}

#[tauri::command]
pub(crate) async fn forget_person(agent: State<'_, Agent>) -> Answer<()> {
    agent.forget_person().await
}

#[tauri::command]
pub(crate) async fn set_preferences(agent: State<'_, Agent>, language: Language, theme: Theme) -> Answer<()> {
    agent.set_preferences(language, theme).await
}

#[tauri::command]
pub(crate) async fn open_window(
    app: AppHandle,
    agent: State<'_, Agent>,
    window: Page,
    ticket: Option<TicketId>,
) -> Answer<()> {
    let look = Look::of(&agent.status());
    match ticket {
        Some(ticket) => windows::open_ticket(&app, ticket, look),
        None => windows::open(&app, window, look),
    }
    Ok(())
}

#[tauri::command]
pub(crate) async fn close_window(window: WebviewWindow) -> Answer<()> {
    windows::close(&window).map_err(window_error)
}

/// The page shows its data, and can be typed into.
#[tauri::command]
pub(crate) async fn window_ready(window: WebviewWindow) {
    shown::page_is_ready(&window);
}

/// The page was asked, and has nothing that is not kept elsewhere.
#[tauri::command]
pub(crate) async fn free_window(window: WebviewWindow) -> Answer<()> {
    shown::let_go(&window).await.map_err(window_error)
}

#[tauri::command]
pub(crate) async fn resize_to(window: WebviewWindow, height: f64) -> Answer<()> {
    windows::resize(&window, height).map_err(window_error)
}
