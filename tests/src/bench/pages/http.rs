//! The least that can ask a server: one connection that is kept, and nothing read but what came.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

#[derive(Debug)]
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    cookie: String,
}

impl Connection {
    /// `address` as in `127.0.0.1:8080`.
    pub(super) fn open(address: &str, cookie: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self { stream: BufReader::new(stream), cookie: cookie.to_owned() })
    }

    /// Gets a page, as a browser does, and says how long it took.
    pub(super) fn get(&mut self, path: &str) -> Result<Duration> {
        let begin = Instant::now();
        self.ask(path, "gzip, br")?;
        Ok(begin.elapsed())
    }

    /// What an address of the API answers.
    pub(super) fn json(&mut self, path: &str) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.ask(path, "identity")?)?)
    }

    fn ask(&mut self, path: &str, encodings: &str) -> Result<Vec<u8>> {
        let cookie = &self.cookie;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: {encodings}\r\ncookie: {cookie}\r\n\r\n"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        ensure!(status.contains(" 200 "), "{path}: {status}");
        let (mut length, mut chunked) = (0, false);
        loop {
            let header = self.line()?.to_ascii_lowercase();
            match header.split_once(':').map(|(name, value)| (name, value.trim())) {
                Some(("content-length", value)) => length = value.parse()?,
                Some(("transfer-encoding", _)) => chunked = true,
                Some(_) => {}
                None => break,
            }
        }
        if chunked { self.chunks() } else { self.bytes(length) }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
        Ok(line.trim_end().to_owned())
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let line = self.line()?;
            let length = usize::from_str_radix(&line, 16).with_context(|| line.clone())?;
            bytes.extend(self.bytes(length)?);
            self.line()?;
            if length == 0 {
                return Ok(bytes);
            }
        }
    }
}
