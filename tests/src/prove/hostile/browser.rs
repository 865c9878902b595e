//! The real console in Chromium, watched from before its first line runs.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{corpus::shown, recorder::Recorder};
use crate::{
    desktop::Desktop,
    wait::{SOON, until},
    webdriver::Session,
};

const WATCH: &str = include_str!("watch.js");
/// Everything legible: texts, the values of fields, and what a title or a label says.
const LEGIBLE: &str = "const said = [document.body.textContent, document.title];
    for (const e of document.querySelectorAll('input, textarea')) said.push(e.value);
    for (const e of document.querySelectorAll('[title], [aria-label]'))
        said.push(e.title ?? '', e.getAttribute('aria-label') ?? '');
    return said.join('\\n');";

#[derive(Debug)]
pub(super) struct Watched {
    session: Session,
    base: String,
}

impl Watched {
    pub(super) async fn open(desktop: &Desktop, name: &str, base: &str, recorder: &Recorder) -> Result<Self> {
        let proxy = format!("--proxy-server=http://127.0.0.1:{}", recorder.port());
        let more = [
            proxy,
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-features=BackForwardCache".into(),
        ];
        let session = Session::chromium_with(desktop, name, "en", &more).await?;
        session.devtools("Page.enable", json!({})).await?;
        session.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": WATCH})).await?;
        Ok(Self { session, base: base.to_owned() })
    }

    pub(super) async fn sign_in(&self, email: &str, password: &str) -> Result<()> {
        self.session.go(&self.base).await?;
        self.session.fill("#email", email).await?;
        self.session.fill("#password", password).await?;
        self.session.submit().await?;
        self.session.wait("nav", SOON).await.map(drop)
    }

    /// Goes to an address and waits until it shows the first of what it has to show. What is missing then.
    pub(super) async fn legible(&self, path: &str, texts: &[String]) -> Result<Vec<String>> {
        self.session.go(&format!("{}{path}", self.base)).await?;
        self.session.wait("main", SOON).await.with_context(|| path.to_owned())?;
        let missing = async || {
            let said = self.session.script(LEGIBLE, json!([])).await?;
            let said = shown(said.as_str().unwrap_or_default());
            anyhow::Ok(texts.iter().filter(|text| !said.contains(&shown(text))).cloned().collect::<Vec<_>>())
        };
        let all = until("all texts are shown", std::time::Duration::from_secs(3), async || {
            Ok(missing().await?.is_empty().then_some(()))
        });
        if all.await.is_ok() { Ok(Vec::new()) } else { missing().await }
    }

    /// An address that may be none of a page: a file.
    pub(super) async fn go(&self, url: &str) -> Result<()> {
        // Chromium tells a download as a page that was not reached.
        let _ = self.session.go(url).await;
        Ok(())
    }

    /// What ran, or tried to, in the page that is open. One in which nobody watched is no evidence.
    pub(super) async fn ran(&self) -> Result<Vec<String>> {
        let ran = self.session.script("return window.deskbellRan ? [...window.deskbellRan] : null", json!([])).await?;
        let ran = ran.as_array().context("nobody watches the page that is open")?;
        Ok(ran.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    pub(super) async fn address(&self) -> Result<String> {
        let address = self.session.script("return location.href", json!([])).await?;
        Ok(address.as_str().unwrap_or_default().to_owned())
    }
}
