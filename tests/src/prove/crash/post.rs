//! Where mails go: an SMTP server that keeps what it accepted, and refuses for now where it is told to.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Result;
use mail_parser::MessageParser;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::mail;

/// It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Post {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    refuses: AtomicBool,
    /// Every mail that was answered with 250.
    mails: Mutex<Vec<Mail>>,
    count: watch::Sender<usize>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Mail {
    pub(super) message_id: String,
    pub(super) to: String,
    text: String,
}

impl Post {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::<Shared>::default();
        let here = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let shared = Arc::clone(&here);
                // A server that is killed in the middle of a mail has not sent it.
                tokio::spawn(async move { talk(&shared, connection).await.ok() });
            }
        });
        Ok(Self { port, shared, task })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn refuse(&self, refuses: bool) {
        self.shared.refuses.store(refuses, Ordering::Relaxed);
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The token that was sent to this address.
    pub(super) async fn token(&self, to: &str) -> String {
        let mut count = self.shared.count.subscribe();
        loop {
            let mails = self.mails();
            if let Some(token) =
                mails.iter().rev().filter(|mail| mail.to == to).find_map(|mail| mail::token(&mail.text))
            {
                return token;
            }
            count.changed().await.ok();
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(shared: &Shared, connection: TcpStream) -> Result<()> {
    connection.set_nodelay(true)?;
    let (reader, mut writer) = connection.into_split();
    let mut lines = BufReader::new(reader).split(b'\n');
    writer.write_all(b"220 mail.example ESMTP\r\n").await?;
    while let Some(line) = lines.next_segment().await? {
        let line = String::from_utf8_lossy(&line).to_ascii_uppercase();
        let refuses = shared.refuses.load(Ordering::Relaxed);
        let answer: &[u8] = match line.get(..4).unwrap_or_default() {
            "EHLO" => b"250-mail.example\r\n250 8BITMIME\r\n",
            "MAIL" if refuses => b"451 later\r\n",
            "DATA" => b"354 go on\r\n",
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        writer.write_all(answer).await?;
        if line.starts_with("DATA") {
            let mut mail = Vec::new();
            while let Some(mut line) = lines.next_segment().await? {
                if line == b".\r" {
                    break;
                }
                line.push(b'\n');
                mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            }
            keep(shared, &mail);
            writer.write_all(b"250 kept\r\n").await?;
        }
    }
    Ok(())
}

fn keep(shared: &Shared, bytes: &[u8]) {
    let Some(parsed) = MessageParser::default().parse(bytes) else { return };
    let to = parsed.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default().to_owned();
    let message_id = parsed.message_id().unwrap_or_default().to_owned();
    let text = parsed.body_text(0).unwrap_or_default().into_owned();
    let mut mails = shared.mails.lock().unwrap_or_else(PoisonError::into_inner);
    mails.push(Mail { message_id, to, text });
    shared.count.send_replace(mails.len());
}
