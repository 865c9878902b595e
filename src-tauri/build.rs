//! Checks that the windows' pages are built, and gives each command a permission of its own, so that the
//! files in `capabilities/` say which window may call it.

use std::path::Path;

/// The same as in `generate_handler!`; the compiler says where one is missing there, and a capability
/// that names an unknown one fails the build.
const COMMANDS: &[&str] = &[
    "status",
    "ticket_form",
    "save_draft",
    "discard_draft",
    "pick_files",
    "add_files",
    "add_file",
    "remove_file",
    "redact",
    "remove_screenshot",
    "retake_screenshot",
    "submit_ticket",
    "outbox",
    "outbox_entry",
    "retry_now",
    "export_entry",
    "discard_entry",
    "tickets",
    "conversation",
    "mark_read",
    "reply",
    "set_ticket_status",
    "save_attachment",
    "ask_token",
    "confirm",
    "forget_person",
    "set_preferences",
    "open_window",
    "close_window",
    "window_ready",
    "free_window",
    "resize_to",
];

fn main() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/dist/agent/index.html");
    println!("cargo::rerun-if-changed={}", page.display());
    if !page.exists() {
        println!(
            "cargo::error=the windows' pages are not built: run `npm --prefix ui ci && npm --prefix ui run build`"
        );
        return;
    }
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        println!("cargo::error={error:#}");
    }
}
