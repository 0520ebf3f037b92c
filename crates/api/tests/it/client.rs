//! An HTTP client that sends exactly the bytes it is given, which no polite client does.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of a problem document, which must be whole.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert_eq!(problem["trace_id"], self.header("x-trace-id"), "{problem}");
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(problem["type"], format!("/docs/errors#{code}"));
        code
    }

    pub(crate) fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {bytes:?}"));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if reply.header("transfer-encoding") == "chunked" {
            reply.body = unchunk(&reply.body);
        }
        reply
    }
}

/// A connection of its own for one request.
pub(crate) struct Exchange {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Exchange {
    /// Sends `head` (its lines, without the blank one) and `body`.
    pub(crate) async fn send(to: SocketAddr, head: &[&str], body: &[u8]) -> Self {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let mut bytes = head.join("\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        bytes.extend_from_slice(body);
        // A server that refuses early may close before everything is written.
        let _ = stream.write_all(&bytes).await;
        Self { stream, seen: Vec::new() }
    }

    /// Sends `text` and nothing else.
    pub(crate) async fn send_as_is(to: SocketAddr, text: &str) -> Self {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let _ = stream.write_all(text.as_bytes()).await;
        Self { stream, seen: Vec::new() }
    }

    /// Sends more of the body.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Reads until the answer holds `text`.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        while !self.seen_text().contains(text) {
            let read = self.read_some().await;
            assert_ne!(read, 0, "the answer ended without {text:?}: {}", self.seen_text());
        }
        self.seen_text()
    }

    /// Reads until the server closes the connection.
    pub(crate) async fn reply(mut self) -> Reply {
        while self.read_some().await != 0 {}
        Reply::read(&self.seen)
    }

    fn seen_text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    async fn read_some(&mut self) -> usize {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.seen)).await;
        read.unwrap_or_else(|_| panic!("no end in time: {}", self.seen_text())).unwrap_or(0)
    }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 2 + size + 2..];
        if size == 0 {
            break;
        }
    }
    whole
}
