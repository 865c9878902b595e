//! HTTP/1.1 as cheap as it can be spoken: what asks runs on the same machine as what is measured, and takes
//! from it whatever it takes for itself.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// A connection that stays open.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    /// `turn` chooses one of several addresses of this machine to come from: one alone has fewer ports than
    /// there are agents to play.
    pub(crate) async fn open(port: u16, turn: usize) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        let from = Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(turn % 8)?);
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    /// Sends a whole request, and returns the status and the body of its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>)> {
        self.stream.write_all(request).await?;
        let (status, length) = self.head().await?;
        let length = length.context("an answer without a length")?;
        while self.read.len() < length {
            self.more().await?;
        }
        let rest = self.read.split_off(length);
        Ok((status, std::mem::replace(&mut self.read, rest)))
    }

    /// Sends a request whose answer does not end, and waits for its beginning.
    pub(crate) async fn follow(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        let (status, _) = self.head().await?;
        ensure!(status == 200, "the stream is refused: {status}");
        self.until(b": connected").await
    }

    /// Reads on until these bytes have come.
    pub(crate) async fn until(&mut self, wanted: &[u8]) -> Result<()> {
        loop {
            if let Some(at) = self.read.windows(wanted.len()).position(|part| part == wanted) {
                self.read.drain(..at + wanted.len());
                self.read.shrink_to_fit();
                return Ok(());
            }
            self.more().await?;
        }
    }

    /// The status, and the length of the body where it is said.
    async fn head(&mut self) -> Result<(u16, Option<usize>)> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|part| part == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = std::str::from_utf8(&self.read[..end])?.to_ascii_lowercase();
        self.read.drain(..end + 4);
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        Ok((status, length.map(str::parse).transpose()?))
    }

    async fn more(&mut self) -> Result<()> {
        ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the connection ended");
        Ok(())
    }
}
