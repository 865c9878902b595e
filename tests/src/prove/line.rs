//! A line that misbehaves: it lies between an agent and its server, and does to each exchange what it was
//! told to. Exchanges are of HTTP/1.1 in the clear; what is a stream (`/live`) is passed on as it comes.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What happens to one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends in the middle of the request.
    CutRequest,
    /// The request arrives; the connection ends before its answer.
    CutBefore,
    /// The connection ends within the answer, after this many percent of it.
    CutWithin(u8),
    /// The connection ends behind the answer.
    CutAfter,
    /// Nothing moves any more, and nobody hangs up: before the request, or before its answer.
    HoldRequest,
    HoldAnswer,
    /// The answer comes in pieces of so many bytes.
    Dribble(u8),
    /// The request arrives twice, at the same time; the answer is the first one's, or the second one's.
    Twice {
        second: bool,
    },
    /// The request arrives, and once more after the line has healed.
    Replay,
    /// The request is held back until a later exchange has its answer, or the line is healed.
    Late,
    /// One bit of the request is another one; which one is chance.
    FlipRequest(u32),
    /// The highest bit of one byte of the answer's body, after this many percent of it: what was text is none any
    /// more. Of bits that make another whole answer, TLS would not let one through, and this line has none.
    FlipAnswer(u8),
}

impl Fault {
    /// Every name that [`Fault::name`] gives.
    pub const NAMES: [&str; 12] = [
        "CutRequest",
        "CutBefore",
        "CutWithin",
        "CutAfter",
        "HoldRequest",
        "HoldAnswer",
        "Dribble",
        "Twice",
        "Replay",
        "Late",
        "FlipRequest",
        "FlipAnswer",
    ];

    /// What kind of fault it is.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CutRequest => "CutRequest",
            Self::CutBefore => "CutBefore",
            Self::CutWithin(_) => "CutWithin",
            Self::CutAfter => "CutAfter",
            Self::HoldRequest => "HoldRequest",
            Self::HoldAnswer => "HoldAnswer",
            Self::Dribble(_) => "Dribble",
            Self::Twice { .. } => "Twice",
            Self::Replay => "Replay",
            Self::Late => "Late",
            Self::FlipRequest(_) => "FlipRequest",
            Self::FlipAnswer(_) => "FlipAnswer",
        }
    }
}

#[derive(Debug, Default)]
struct Plan {
    next: VecDeque<Option<Fault>>,
    /// How many exchanges were given each kind of fault.
    hit: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Shared {
    server: String,
    plan: Mutex<Plan>,
    healed: watch::Sender<u64>,
    answered: watch::Sender<u64>,
}

/// It ends when it is dropped.
#[derive(Debug)]
pub struct Line {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Line {
    /// A line to the server at `http://<address>`.
    pub async fn start(server_url: &str) -> Result<Self> {
        let server = server_url.strip_prefix("http://").context("the server speaks plain HTTP")?.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let plan = Mutex::default();
        let shared = Arc::new(Shared { server, plan, healed: watch::Sender::new(0), answered: watch::Sender::new(0) });
        let here = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let shared = Arc::clone(&here);
                // Whoever breaks off, breaks off: that is what the line is for.
                tokio::spawn(async move { exchanges(&shared, connection).await.ok() });
            }
        });
        Ok(Self { port, shared, task })
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What is done to the next exchanges, one after the other; `None` lets one pass.
    pub fn plan(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        let mut plan = self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.next.extend(faults);
    }

    /// From now on everything passes. What was held is let go, and what broke stays broken.
    pub fn heal(&self) {
        self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner).next.clear();
        self.shared.healed.send_modify(|times| *times += 1);
    }

    /// How many exchanges were given each kind of fault so far.
    #[must_use]
    pub fn hit(&self) -> BTreeMap<&'static str, u64> {
        self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner).hit.clone()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn next(&self) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = plan.next.pop_front().flatten();
        if let Some(fault) = fault {
            *plan.hit.entry(fault.name()).or_default() += 1;
        }
        fault
    }

    async fn healing(&self) {
        let mut healed = self.healed.subscribe();
        healed.changed().await.ok();
    }

    /// Until somebody else has an answer, or the line is healed.
    async fn overtaken(&self) {
        let mut answered = self.answered.subscribe();
        tokio::select! {
            _ = answered.changed() => {}
            () = self.healing() => {}
        }
    }

    async fn open(&self, request: &[u8]) -> io::Result<TcpStream> {
        let mut server = TcpStream::connect(&self.server).await?;
        server.set_nodelay(true)?;
        server.write_all(request).await?;
        Ok(server)
    }
}

/// One connection of the agent's.
async fn exchanges(shared: &Arc<Shared>, mut agent: TcpStream) -> io::Result<()> {
    agent.set_nodelay(true)?;
    while let Some(request) = message(&mut agent).await? {
        if request.starts_with(b"GET ") && path(&request).ends_with(b"/live") {
            let mut server = shared.open(&request).await?;
            return copy_bidirectional(&mut agent, &mut server).await.map(drop);
        }
        let fault = shared.next();
        let Some(answer) = outward(shared, fault, request).await? else { return Ok(()) };
        if !homeward(shared, fault, &mut agent, &answer).await? {
            return Ok(());
        }
        shared.answered.send_modify(|times| *times += 1);
    }
    Ok(())
}

/// Brings the request to the server, and its answer here. Nothing where the connection ends before that.
async fn outward(shared: &Arc<Shared>, fault: Option<Fault>, mut request: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    match fault {
        Some(Fault::CutRequest) => {
            shared.open(&request[..request.len() / 2]).await?;
            return Ok(None);
        }
        Some(Fault::HoldRequest) => {
            shared.healing().await;
            return Ok(None);
        }
        Some(Fault::Late) => shared.overtaken().await,
        Some(Fault::FlipRequest(chance)) => {
            let place = chance as usize % request.len();
            request[place] ^= 1 << (chance % 8);
        }
        Some(Fault::Replay) => {
            let (shared, request) = (Arc::clone(shared), request.clone());
            tokio::spawn(async move {
                shared.healing().await;
                let mut server = shared.open(&request).await?;
                message(&mut server).await
            });
        }
        _ => {}
    }
    let mut server = shared.open(&request).await?;
    if let Some(Fault::Twice { second }) = fault {
        let mut other = shared.open(&request).await?;
        let (first_answer, other_answer) = tokio::try_join!(message(&mut server), message(&mut other))?;
        return Ok(if second { other_answer } else { first_answer });
    }
    if !matches!(fault, Some(Fault::FlipRequest(_))) {
        return message(&mut server).await;
    }
    // One whose length was flipped keeps the server waiting.
    tokio::select! {
        answer = message(&mut server) => answer,
        () = shared.healing() => Ok(None),
    }
}

/// Brings the answer to the agent. False where the connection is to end.
async fn homeward(shared: &Shared, fault: Option<Fault>, agent: &mut TcpStream, answer: &[u8]) -> io::Result<bool> {
    match fault {
        Some(Fault::CutBefore) => Ok(false),
        Some(Fault::CutWithin(percent)) => {
            agent.write_all(&answer[..answer.len() * usize::from(percent) / 100]).await?;
            Ok(false)
        }
        Some(Fault::FlipAnswer(percent)) => {
            let flipped = flipped(answer, percent);
            agent.write_all(&flipped).await?;
            Ok(flipped.len() == answer.len())
        }
        Some(Fault::HoldAnswer) => {
            shared.healing().await;
            Ok(false)
        }
        Some(Fault::Dribble(size)) => {
            for piece in answer.chunks(usize::from(size).max(1)) {
                agent.write_all(piece).await?;
                // The next piece is a packet of its own: the other end runs in between.
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            Ok(true)
        }
        _ => {
            agent.write_all(answer).await?;
            Ok(fault != Some(Fault::CutAfter))
        }
    }
}

/// An answer with one other bit. Where it has no body, it breaks off.
fn flipped(answer: &[u8], percent: u8) -> Vec<u8> {
    let mut flipped = answer.to_vec();
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    match flipped.len() - head {
        0 => flipped.truncate(head / 2),
        body => flipped[head + (body - 1) * usize::from(percent.min(100)) / 100] ^= 0x80,
    }
    flipped
}

/// One message of HTTP/1.1, head and body. Nothing where the connection ended before it.
async fn message(from: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(4096);
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if from.read_buf(&mut bytes).await? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    };
    let whole = end + length(&bytes[..end]);
    while bytes.len() < whole {
        if from.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Some(bytes))
}

/// What its head says of the length of a message's body.
fn length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

fn path(request: &[u8]) -> &[u8] {
    request.split(|byte| matches!(byte, b' ' | b'?')).nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_answer_is_no_text_any_more() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"a\":\"é, 打\"}".as_bytes();
        for percent in 0..=100 {
            let other = flipped(answer, percent);
            assert_eq!(other.iter().zip(answer).filter(|(a, b)| a != b).count(), 1);
            assert!(String::from_utf8(other).is_err(), "{percent}");
        }
        assert!(flipped(b"HTTP/1.1 204 No Content\r\n\r\n", 50).len() < 20);
    }

    #[test]
    fn a_message_says_how_long_it_is() {
        assert_eq!(length(b"POST /x HTTP/1.1\r\nContent-Length: 42\r\n\r\n"), 42);
        assert_eq!(length(b"GET /x HTTP/1.1\r\nhost: y\r\n\r\n"), 0);
        assert_eq!(path(b"GET /api/live?x=1 HTTP/1.1"), b"/api/live");
    }
}
