//! The only way from the browser to the server: what it asks for there is written down, and one page that is
//! none of the server's does what no text may, so that it is known that it would be seen.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::{super::Found, browser::Watched, recorder::Recorder};
use crate::{
    prove::Kind,
    wait::{SOON, until},
};

/// Where the page that runs and asks lies.
const CONTROL: &str = "/positive-control";
const PAGE: &str = "<!doctype html><title>x</title><main></main><script>deskbellCanary('control');
    for (const to of ['/canary-control', 'http://control.canary.example/']) fetch(to).catch(() => {});
    </script>";

#[derive(Debug)]
pub(super) struct Tap {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    running: JoinHandle<()>,
}

impl Tap {
    /// A place that is free; [`Tap::to`] says what lies behind it.
    pub(super) async fn bind() -> Result<(TcpListener, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        Ok((listener, url))
    }

    pub(super) fn to(listener: TcpListener, server: u16) -> Result<Self> {
        let (port, asked) = (listener.local_addr()?.port(), Arc::<Mutex<Vec<String>>>::default());
        let running = tokio::spawn({
            let asked = Arc::clone(&asked);
            async move {
                while let Ok((browser, _)) = listener.accept().await {
                    let asked = Arc::clone(&asked);
                    // A browser breaks off what it does not need any more.
                    tokio::spawn(async move { pass(browser, server, &asked).await.ok() });
                }
            }
        });
        Ok(Self { port, asked, running })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the server was asked for since the last time that only a text names.
    pub(super) fn take(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        asked.retain(|line| line.contains("canary"));
        asked
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn pass(mut browser: TcpStream, server: u16, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
    browser.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_browser, mut to_browser) = browser.split();
    let (mut from_server, mut to_server) = server.split();
    let outward = async {
        let (mut bytes, mut line) = (vec![0; 16_384], Vec::new());
        loop {
            let count = from_browser.read(&mut bytes).await?;
            if count == 0 {
                return to_server.shutdown().await;
            }
            for byte in &bytes[..count] {
                line.push(*byte);
                if *byte == b'\n' {
                    note(&line, asked);
                    line.clear();
                }
            }
            if bytes[..count].starts_with(format!("GET {CONTROL} ").as_bytes()) {
                return Err(io::ErrorKind::Other.into());
            }
            to_server.write_all(&bytes[..count]).await?;
        }
    };
    let homeward = async {
        copy(&mut from_server, &mut to_browser).await?;
        to_browser.shutdown().await
    };
    match tokio::try_join!(outward, homeward) {
        Err(error) if error.kind() == io::ErrorKind::Other => {
            let length = PAGE.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n");
            browser.write_all(format!("{head}{PAGE}").as_bytes()).await?;
            browser.shutdown().await
        }
        ended => ended.map(drop),
    }
}

/// The first line of a request.
fn note(line: &[u8], asked: &Mutex<Vec<String>>) {
    let line = String::from_utf8_lossy(line);
    if line.trim_end().ends_with(" HTTP/1.1") {
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(line.trim_end().to_owned());
    }
}

/// Whoever looks away finds nothing: the page that runs, asks the server and asks outside has to be seen
/// three times.
pub(super) async fn control(browser: &Watched, tap: &Tap, recorder: &Recorder, found: &mut Found) -> Result<()> {
    browser.go(&format!("{}{CONTROL}", tap.url())).await?;
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    let seen = until("the page that asks is seen", SOON, async || {
        inside.extend(tap.take());
        outside.extend(recorder.take());
        let ran = browser.ran().await?.iter().any(|line| line == "canary(control)");
        let asked = inside.iter().any(|line| line.contains("/canary-control"));
        Ok((ran && asked && outside.iter().any(|line| line.contains("control.canary.example"))).then_some(()))
    });
    found.runs += 1;
    if let Err(error) = seen.await.context("the recorders are blind") {
        found.violation(Kind::Wrong, format!("{error:#}: {inside:?}, {outside:?}"));
    }
    Ok(())
}
