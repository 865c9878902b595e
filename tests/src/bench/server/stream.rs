//! The floor of live connections: streams that say nothing, out of hyper and nothing else, in a process of their
//! own. A line on its input is passed on to all of them, which is the floor of telling everybody.

use std::{convert::Infallible, path::Path};

use anyhow::{Context, Result};
use futures::stream;
use http_body_util::StreamBody;
use hyper::{
    Response,
    body::{Bytes, Frame},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    process::ChildStdin,
    sync::watch,
};

use crate::process::{self, Process};

/// The request that opens one.
pub(super) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: bare\r\n\r\n";

/// Serves until its input ends.
///
/// # Errors
/// Where it cannot listen.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("port {}", listener.local_addr()?.port());
    let (said, heard) = watch::channel(0_u64);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let heard = heard.clone();
            let service = service_fn(move |_| answer(heard.clone()));
            let mut builder = http1::Builder::new();
            tokio::spawn(builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service));
        }
    });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        said.send_modify(|times| *times += 1);
    }
    Ok(())
}

type Body = StreamBody<std::pin::Pin<Box<dyn stream::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>;

async fn answer(heard: watch::Receiver<u64>) -> Result<Response<Body>, Infallible> {
    let pieces = stream::unfold((true, heard), async |(first, mut heard)| {
        if first {
            return Some((Ok(Frame::data(Bytes::from_static(b": connected\n\n"))), (false, heard)));
        }
        heard.changed().await.ok()?;
        Some((Ok(Frame::data(Bytes::from_static(b"data: {\"event\":\"state\"}\n\n"))), (false, heard)))
    });
    Ok(Response::new(StreamBody::new(Box::pin(pieces))))
}

/// It, as a child.
#[derive(Debug)]
pub(super) struct Bare {
    process: Process,
    input: ChildStdin,
    pub(super) port: u16,
}

impl Bare {
    pub(super) async fn start(log: &Path) -> Result<Self> {
        let mut command = process::command(std::env::current_exe()?);
        command.arg("--bare-stream");
        let (mut process, input) = Process::start_to_talk("bench --bare-stream", command, log)?;
        let port = |said: &str| said.lines().find_map(|line| line.strip_prefix("port ")?.parse().ok());
        let port = process.said("its port", port).await?;
        Ok(Self { process, input, port })
    }

    pub(super) async fn tell(&mut self) -> Result<()> {
        Ok(self.input.write_all(b"now\n").await?)
    }

    /// Ends it, and waits for its end.
    pub(super) async fn end(mut self) -> Result<()> {
        drop(self.input);
        self.process.ended().await;
        Ok(())
    }

    pub(super) fn id(&self) -> Result<u32> {
        self.process.id().context("it does not run")
    }
}
