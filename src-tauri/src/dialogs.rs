//! The system's own windows: for choosing files, and for a word where no window of ours can be shown.

use std::path::PathBuf;

use tauri::{AppHandle, Manager, WebviewWindow};
use tauri_plugin_dialog::{DialogExt, FilePath, MessageDialogKind};
use tokio::sync::oneshot;

/// Files to attach; none where the person thought better of it.
pub(crate) async fn pick(window: &WebviewWindow) -> Vec<PathBuf> {
    let (answer, picked) = oneshot::channel();
    window.app_handle().dialog().file().set_parent(window).pick_files(move |files| {
        // Nobody waits any more where the window is gone; then nothing is lost.
        let _ = answer.send(files.unwrap_or_default());
    });
    picked.await.unwrap_or_default().into_iter().filter_map(path).collect()
}

/// Where to write a file.
pub(crate) async fn save(window: &WebviewWindow, name: &str) -> Option<PathBuf> {
    let (answer, chosen) = oneshot::channel();
    window.app_handle().dialog().file().set_parent(window).set_file_name(name).save_file(move |file| {
        let _ = answer.send(file);
    });
    chosen.await.ok().flatten().and_then(path)
}

/// Says something, and returns when it was read.
pub(crate) async fn tell(app: &AppHandle, text: &str) {
    let (answer, read) = oneshot::channel();
    app.dialog().message(text).title("Deskbell").kind(MessageDialogKind::Warning).show(move |_| {
        let _ = answer.send(());
    });
    tracing::info!("a message is shown");
    // Closed in another way, it is read as well.
    let _ = read.await;
}

fn path(file: FilePath) -> Option<PathBuf> {
    file.into_path().ok()
}
