//! A small WebDriver client: one for the agent's windows (WebKit) and for the browser (Chromium).

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    desktop::Desktop,
    process::{Process, START, free_port},
    wait::{SOON, until},
};

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One session: a browser, or all windows of an agent.
#[derive(Debug)]
pub struct Session {
    http: reqwest::Client,
    address: String,
    _driver: Process,
}

impl Session {
    /// A Chromium of its own, in the given language and colour scheme.
    pub async fn chromium(desktop: &Desktop, name: &str, language: &str) -> Result<Self> {
        Self::chromium_with(desktop, name, language, &[]).await
    }

    /// The same, with more of Chromium's own arguments.
    pub async fn chromium_with(desktop: &Desktop, name: &str, language: &str, more: &[String]) -> Result<Self> {
        let port = free_port()?;
        let mut command = desktop.command("chromedriver");
        command.arg(format!("--port={port}"));
        let driver = Process::start("chromedriver", command, &desktop.log(name))?;
        let profile = desktop.folder().join(name);
        let own = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
        let mut words: Vec<String> = own.map(str::to_owned).to_vec();
        words.extend(["--window-size=1440,1000".into(), format!("--lang={language}")]);
        words.extend([format!("--accept-lang={language}"), format!("--user-data-dir={}", profile.display())]);
        words.extend_from_slice(more);
        let options = json!({"args": words});
        Self::open(driver, port, json!({"browserName": "chrome", "goog:chromeOptions": options})).await
    }

    /// The windows of an agent that was started with `WEBKIT_INSPECTOR_SERVER` at `inspector`.
    pub async fn agent(desktop: &Desktop, inspector: &str) -> Result<Self> {
        let port = free_port()?;
        let mut command = desktop.command("WebKitWebDriver");
        command.args([format!("--port={port}"), format!("--target={inspector}")]);
        let driver = Process::start("WebKitWebDriver", command, &desktop.log("webkit-driver"))?;
        Self::open(driver, port, json!({})).await
    }

    async fn open(driver: Process, port: u16, capabilities: Value) -> Result<Self> {
        // One client with kept-alive connections: WebKitWebDriver loses requests on closed ones.
        // Asking for a provider twice is harmless, and nothing here speaks TLS.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        let root = format!("http://127.0.0.1:{port}");
        let mut session = Self { http, address: root.clone(), _driver: driver };
        until("the driver listens", START, async || {
            let ready = session.call(Method::GET, "/status", None).await?;
            Ok((ready["ready"] == true).then_some(()))
        })
        .await?;
        let wanted = json!({"capabilities": {"alwaysMatch": capabilities}});
        let made = session.call(Method::POST, "/session", Some(wanted)).await.context("no session")?;
        session.address = format!("{root}/session/{}", made["sessionId"].as_str().context("a session without id")?);
        Ok(session)
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.address));
        if method == Method::POST {
            request = request.json(&body.unwrap_or_else(|| json!({})));
        }
        let response = request.send().await?;
        let failed = !response.status().is_success();
        let value = response.json::<Value>().await?["value"].take();
        if failed {
            bail!("{path}: {}: {}", value["error"].as_str().unwrap_or("?"), value["message"].as_str().unwrap_or("?"));
        }
        Ok(value)
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn go(&self, url: &str) -> Result<()> {
        self.post("/url", json!({"url": url})).await.map(drop)
    }

    pub async fn reload(&self) -> Result<()> {
        self.post("/refresh", json!({})).await.map(drop)
    }

    /// Runs JavaScript in the page; `arguments` are its arguments.
    pub async fn script(&self, script: &str, arguments: Value) -> Result<Value> {
        self.post("/execute/sync", json!({"script": script, "args": arguments})).await
    }

    /// Runs JavaScript that says later what it found, by calling its last argument.
    pub async fn script_later(&self, script: &str, arguments: Value) -> Result<Value> {
        self.post("/execute/async", json!({"script": script, "args": arguments})).await
    }

    async fn find(&self, css: &str) -> Result<String> {
        let found = self.post("/element", json!({"using": "css selector", "value": css})).await?;
        Ok(found[ELEMENT].as_str().context("an element without id")?.to_owned())
    }

    /// Waits until an element is shown, and returns its text.
    pub async fn wait(&self, css: &str, within: Duration) -> Result<String> {
        until(&format!("the page shows {css}"), within, async || self.text(css).await.map(Some)).await
    }

    /// Waits until the text of an element `holds` what is looked for.
    pub async fn wait_text(&self, css: &str, within: Duration, holds: impl Fn(&str) -> bool) -> Result<String> {
        until(&format!("the text of {css}"), within, async || {
            let text = self.text(css).await?;
            if holds(&text) { Ok(Some(text)) } else { bail!("it says {text:?}") }
        })
        .await
    }

    /// The text of an element that is shown, as a person reads it.
    pub async fn text(&self, css: &str) -> Result<String> {
        let script = "const e = [...document.querySelectorAll(arguments[0])].find((e) => e.checkVisibility());
            return e ? e.innerText : null;";
        match self.script(script, json!([css])).await? {
            Value::String(text) => Ok(text),
            _ => bail!("the page shows no {css}; it says {:?}", self.page_text().await.unwrap_or_default()),
        }
    }

    pub async fn shows(&self, css: &str) -> bool {
        self.text(css).await.is_ok()
    }

    async fn page_text(&self) -> Result<String> {
        let text = self.script("return document.body.innerText.slice(0, 600)", json!([])).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    pub async fn click(&self, css: &str) -> Result<()> {
        until(&format!("a click on {css}"), SOON, async || {
            let element = self.find(css).await?;
            self.post(&format!("/element/{element}/click"), json!({})).await.map(Some)
        })
        .await
        .map(drop)
    }

    /// Replaces what a field holds by typing.
    pub async fn fill(&self, css: &str, text: &str) -> Result<()> {
        self.wait(css, SOON).await?;
        // A field that is shown may still be moving into its place.
        until(&format!("typing into {css}"), SOON, async || {
            let element = self.find(css).await?;
            self.post(&format!("/element/{element}/clear"), json!({})).await?;
            if !text.is_empty() {
                self.post(&format!("/element/{element}/value"), json!({"text": text})).await?;
            }
            Ok(Some(()))
        })
        .await
    }

    /// Sets a field by script, for text that WebDriver's keys would drop (emoji, new lines).
    pub async fn set(&self, css: &str, text: &str) -> Result<()> {
        let script = "const e = document.querySelector(arguments[0]);
            const d = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(e), 'value');
            d.set.call(e, arguments[1]);
            e.dispatchEvent(new Event('input', {bubbles: true}));
            e.dispatchEvent(new Event('change', {bubbles: true}));";
        self.wait(css, SOON).await?;
        self.script(script, json!([css, text])).await.map(drop)
    }

    /// The value of a field.
    pub async fn value(&self, css: &str) -> Result<String> {
        let value = self.script("return document.querySelector(arguments[0])?.value", json!([css])).await?;
        value.as_str().map(str::to_owned).with_context(|| format!("no value in {css}"))
    }

    /// An attribute of the first such element.
    pub async fn attribute(&self, css: &str, name: &str) -> Result<String> {
        let script = "return document.querySelector(arguments[0])?.getAttribute(arguments[1]) ?? null";
        let value = self.script(script, json!([css, name])).await?;
        value.as_str().map(str::to_owned).with_context(|| format!("no {name} on {css}"))
    }

    /// Presses one key after the other, into whatever has the focus.
    pub async fn keys(&self, keys: &[&str]) -> Result<()> {
        let each = |key: &&str| [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})];
        let steps: Vec<Value> = keys.iter().flat_map(each).collect();
        self.post("/actions", json!({"actions": [{"type": "key", "id": "keyboard", "actions": steps}]})).await.map(drop)
    }

    /// Sends the form that is shown.
    pub async fn submit(&self) -> Result<()> {
        self.click("button[type=submit]").await
    }

    /// Types a text into whatever has the focus.
    pub async fn type_keys(&self, text: &str) -> Result<()> {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        self.keys(&letters.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// Waits until a field holds a value.
    pub async fn wait_value(&self, css: &str, wanted: &str) -> Result<()> {
        until(&format!("the value of {css}"), SOON, async || {
            let value = self.value(css).await?;
            if value == wanted { Ok(Some(())) } else { bail!("it is {value:?}") }
        })
        .await
    }

    /// Runs one of the agent's commands, as its pages do.
    pub async fn call_agent(&self, command: &str, arguments: Value) -> Result<Value> {
        let script = "const done = arguments[2];
            window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1])
                .then((answer) => done({answer}), (error) => done({error: JSON.stringify(error)}))";
        let mut said = self.post("/execute/async", json!({"script": script, "args": [command, arguments]})).await?;
        match said["error"].as_str() {
            Some(error) => bail!("{command}: {error}"),
            None => Ok(said["answer"].take()),
        }
    }

    /// Chromium in the dark, as the system would ask for it.
    pub async fn dark(&self) -> Result<()> {
        let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
        self.devtools("Emulation.setEmulatedMedia", dark).await.map(drop)
    }

    /// One command of Chromium's DevTools.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// Picks a file in a file input.
    pub async fn upload(&self, css: &str, file: &Path) -> Result<()> {
        let element = self.find(css).await?;
        let body = json!({"text": file.display().to_string()});
        self.post(&format!("/element/{element}/value"), body).await.map(drop)
    }

    /// The page as PNG.
    pub async fn picture(&self) -> Result<Vec<u8>> {
        use base64::Engine;
        let picture = self.call(Method::GET, "/screenshot", None).await?;
        let text = picture.as_str().context("a picture that is no text")?;
        Ok(base64::engine::general_purpose::STANDARD.decode(text)?)
    }

    /// Switches to the agent's window with this label; it has to have its *ready* mark.
    pub async fn window(&self, label: &str) -> Result<()> {
        until(&format!("the window {label} is ready"), SOON, async || {
            for handle in self.call(Method::GET, "/window/handles", None).await?.as_array().cloned().unwrap_or_default()
            {
                self.post("/window", json!({"handle": handle})).await?;
                let script = "return window.__TAURI_INTERNALS__?.metadata.currentWindow.label === arguments[0]
                    && document.documentElement.dataset.ready === 'true'";
                if self.script(script, json!([label])).await? == true {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .await
    }
}
