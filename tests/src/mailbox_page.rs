//! The demo's mailbox as a page that anyone can look into.

use std::path::PathBuf;

use anyhow::Result;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::mail::{self, Mail};

const STYLE: &str = "body{font:15px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#222}
    article{border:1px solid #ccc;border-radius:8px;padding:1rem;margin:1rem 0}pre{white-space:pre-wrap}
    @media(prefers-color-scheme:dark){body{background:#121211;color:#ddd}}";

/// Serves the Maildir at `folder` on the loopback; the address. It ends with the runtime.
pub async fn serve(folder: PathBuf) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A browser that leaves early is no concern of the others.
            answer(stream, &folder).await.ok();
        }
    });
    Ok(address)
}

async fn answer(mut stream: TcpStream, folder: &std::path::Path) -> Result<()> {
    let mut lines = BufReader::new(&mut stream).lines();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    let page = page(&mail::read(folder)?);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\ncontent-length: ";
    stream.write_all(format!("{head}{}\r\n\r\n{page}", page.len()).as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

/// The newest first, as text: what a mail says is shown and never run.
fn page(mails: &[Mail]) -> String {
    let shown: String = mails.iter().rev().map(article).collect();
    let none = if mails.is_empty() { "<p>No mail yet. This page looks again every two seconds.</p>" } else { "" };
    format!(
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=2><title>Mailbox</title>\
         <style>{STYLE}</style><h1>Mailbox</h1>{none}{shown}"
    )
}

fn article(mail: &Mail) -> String {
    let (to, subject, text) = (escape(&mail.to.join(", ")), escape(&mail.subject), escape(&mail.text));
    format!("<article><b>{subject}</b><br>to {to}<pre>{text}</pre></article>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mail_says_is_text() {
        let mail = Mail {
            message_id: String::new(),
            to: vec!["a@b.example".into()],
            from: String::new(),
            subject: "<script>".into(),
            text: "1 < 2".into(),
            html: String::new(),
            file: PathBuf::new(),
        };
        let shown = page(&[mail]);
        assert!(shown.contains("&lt;script&gt;") && shown.contains("1 &lt; 2"), "{shown}");
    }
}
