//! A bare WebKitGTK window, made when the key is first pressed and shown again by every other press, with the agent's
//! own page in it: its folder, and a script that answers what the page asks of the agent. Escape hides it.

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{cell::RefCell, path::PathBuf};

    use anyhow::{Context, Result};
    use deskbell_floors::{on_key, show, window};
    use gtk::{gio, glib, prelude::*};
    use webkit2gtk::{
        SecurityManagerExt, URISchemeRequest, URISchemeRequestExt, UserContentInjectedFrames, UserContentManager,
        UserContentManagerExt, UserScript, UserScriptInjectionTime, WebContext, WebContextExt, WebView, WebViewExt,
    };

    thread_local! {
        static WINDOW: RefCell<Option<(gtk::Window, WebView)>> = const { RefCell::new(None) };
    }

    pub(super) fn main() -> Result<()> {
        let mut arguments = std::env::args().skip(1);
        let folder = PathBuf::from(arguments.next().context("the page's folder is missing")?);
        let answers = std::fs::read_to_string(arguments.next().context("the script with the answers is missing")?)?;
        gtk::init()?;
        on_key(move || {
            WINDOW.with_borrow_mut(|made| {
                let (window, page) = made.get_or_insert_with(|| make(folder.clone(), &answers));
                show(window);
                page.grab_focus();
            });
        })?;
        println!("ready");
        gtk::main();
        Ok(())
    }

    fn make(folder: PathBuf, answers: &str) -> (gtk::Window, WebView) {
        let context = WebContext::new_ephemeral();
        if let Some(security) = context.security_manager() {
            security.register_uri_scheme_as_secure("tauri");
        }
        context.register_uri_scheme("tauri", move |request| answer(request, &folder));
        let scripts = UserContentManager::new();
        let (frames, time) = (UserContentInjectedFrames::TopFrame, UserScriptInjectionTime::Start);
        scripts.add_script(&UserScript::new(answers, frames, time, &[], &[]));
        let page: WebView = WebView::builder().web_context(&context).user_content_manager(&scripts).build();
        let window = window();
        window.add(&page);
        page.load_uri("tauri://localhost/index.html");
        (window, page)
    }

    fn answer(request: &URISchemeRequest, folder: &std::path::Path) {
        let path = request.path().unwrap_or_default();
        let kind = match path.rsplit('.').next() {
            Some("js") => "text/javascript",
            Some("css") => "text/css",
            Some("woff2") => "font/woff2",
            _ => "text/html",
        };
        match std::fs::read(folder.join(path.trim_start_matches('/'))) {
            Ok(bytes) => {
                let length = bytes.len() as i64;
                let stream = gio::MemoryInputStream::from_bytes(&glib::Bytes::from_owned(bytes));
                request.finish(&stream, length, Some(kind));
            }
            Err(error) => request.finish_error(&mut glib::Error::new(glib::FileError::Noent, &error.to_string())),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}
