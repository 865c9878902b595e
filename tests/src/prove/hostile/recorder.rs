//! The only way out of the browser: a proxy that lets nothing through and writes down what was asked for.

use anyhow::Result;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::JoinHandle,
};

#[derive(Debug)]
pub(super) struct Recorder {
    port: u16,
    asked: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
    running: JoinHandle<()>,
}

impl Recorder {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let asked = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
        let running = tokio::spawn({
            let asked = asked.clone();
            async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let asked = asked.clone();
                    tokio::spawn(async move {
                        let mut line = String::new();
                        let read = BufReader::new(&mut stream).read_line(&mut line).await;
                        if read.is_ok_and(|bytes| bytes > 0)
                            && let Ok(mut asked) = asked.lock()
                        {
                            asked.push(line.trim().to_owned());
                        }
                        // Whoever asked has gone where this fails.
                        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
                    });
                }
            }
        });
        Ok(Self { port, asked, running })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What was asked for since the last time, but for what the browser asks its maker by itself.
    pub(super) fn take(&self) -> Vec<String> {
        let mut asked = self.asked.lock().map(|mut asked| std::mem::take(&mut *asked)).unwrap_or_default();
        asked.retain(|line| !BROWSERS_OWN.iter().any(|host| line.contains(host)));
        asked
    }
}

/// Hosts that Chromium asks for updates of itself; no text of ours names them.
const BROWSERS_OWN: &[&str] = &["googleapis.com", "google.com", "gstatic.com", "gvt1.com", "googleusercontent.com"];

impl Drop for Recorder {
    fn drop(&mut self) {
        self.running.abort();
    }
}
