//! The system's own windows for choosing files.

use std::path::PathBuf;

use tauri::{Manager, WebviewWindow};
use tauri_plugin_dialog::{DialogExt, FilePath};
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

fn path(file: FilePath) -> Option<PathBuf> {
    file.into_path().ok()
}
