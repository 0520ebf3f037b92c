//! A cheap source of requests, so that on a small machine the server is what is measured and not its client.
//!
//! The bytes of a request are prepared once; only the marks within them are filled in anew for each sending. Answers
//! are read as far as their status and length. It speaks only to loopback, over connections that are kept alive.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// Stands in a body for 16 hexadecimal digits that differ with each sending.
pub const MARK: &str = "################";
/// Stands in a body for the first 4 of those digits.
pub const SHORT_MARK: &str = "~~~~";
/// Stands in a body for the first 3 of those digits: one of 4,096.
pub const CLASS_MARK: &str = "^^^";

/// An answer of our services is small.
const MAX_ANSWER: usize = 64 << 10;
/// Nothing that is measured takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request that is sent many times, each time as another one.
#[derive(Debug, Clone)]
pub struct Request {
    bytes: Vec<u8>,
    marks: Vec<Range<usize>>,
}

/// What came back.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Milliseconds from when the request was meant to be sent.
    pub ms: f64,
}

/// One connection, kept alive.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Request {
    /// `POST path` with `body`, whose marks are found here.
    #[must_use]
    pub fn post(path: &str, body: &str) -> Self {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let text = head + body;
        let places = |mark| text.match_indices(mark).map(|(at, mark): (usize, &str)| at..at + mark.len());
        let marks = [MARK, SHORT_MARK, CLASS_MARK].into_iter().flat_map(places).collect();
        Self { bytes: text.into_bytes(), marks }
    }

    /// Bytes as sent, head included.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes it another request than any before, of this process or of an earlier one. The digits look random, so
    /// that no index is filled in order only because a benchmark counts.
    pub fn renew(&mut self) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static BASE: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
        let now = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_micros() as u64);
        let number = BASE.get_or_init(now).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        // Multiplying by an odd number maps no two numbers to the same one.
        let digits = format!("{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for mark in &self.marks {
            let digits = &digits.as_bytes()[..mark.len()];
            self.bytes[mark.clone()].copy_from_slice(digits);
        }
    }
}

impl Connection {
    /// Connects to a port of loopback.
    ///
    /// # Errors
    /// Nobody listens, or no port is free.
    pub async fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, seen: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads the answer; returns its status.
    ///
    /// # Errors
    /// The connection ends early, or what comes is no answer.
    pub async fn exchange(&mut self, request: &Request) -> Result<u16> {
        self.stream.write_all(&request.bytes).await.context("send a request")?;
        tokio::time::timeout(PATIENCE, self.answer()).await.context("wait for an answer")?
    }

    /// Reads one answer.
    async fn answer(&mut self) -> Result<u16> {
        self.seen.clear();
        let mut whole = None;
        loop {
            ensure!(self.seen.len() < MAX_ANSWER, "the answer is too long");
            let read = self.stream.read_buf(&mut self.seen).await.context("read an answer")?;
            ensure!(read > 0, "the connection ended within an answer: {:?}", String::from_utf8_lossy(&self.seen));
            if whole.is_none() {
                whole = head(&self.seen)?;
            }
            if let Some((status, length)) = whole
                && self.seen.len() >= length
            {
                return Ok(status);
            }
        }
    }
}

/// Status and whole length of an answer, once its head is there.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end])?;
    let status = text.get(9..12).and_then(|status| status.parse().ok()).context("no status")?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Ok(Some((status, end + 4 + length.context("no content-length")?)))
}

/// Sends over `connections` at once, each as soon as its last answer came, for `duration`.
///
/// # Errors
/// An answer is not 200, or does not come.
pub async fn closed_loop(port: u16, request: &Request, connections: usize, duration: Duration) -> Result<Vec<Answer>> {
    let until = Instant::now() + duration;
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let mut request = request.clone();
        clients.spawn(async move {
            let mut connection = Connection::open(port).await?;
            let mut answers = Vec::new();
            while Instant::now() < until {
                request.renew();
                let began = Instant::now();
                let status = connection.exchange(&request).await?;
                accepted(status, &connection)?;
                answers.push(Answer { status, ms: ms_since(began) });
            }
            anyhow::Ok(answers)
        });
    }
    all(clients).await
}

/// Sends exactly `count` requests, over `connections` at once.
///
/// # Errors
/// An answer is not 200, or does not come.
pub async fn fill(port: u16, request: &Request, connections: usize, count: u64) -> Result<()> {
    let left = Arc::new(AtomicU64::new(count));
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let (mut request, left) = (request.clone(), left.clone());
        clients.spawn(async move {
            let mut connection = Connection::open(port).await?;
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                request.renew();
                let status = connection.exchange(&request).await?;
                accepted(status, &connection)?;
            }
            anyhow::Ok(Vec::new())
        });
    }
    all(clients).await.map(drop)
}

/// Sends `count` requests at `rate` a second, whether or not earlier ones are answered. A request that finds no free
/// connection waits for one, and that wait counts: the time runs from when it was meant to be sent.
///
/// # Errors
/// An answer is not 200, or does not come.
pub async fn open_loop(port: u16, request: &Request, rate: u32, count: u32, connections: usize) -> Result<Vec<Answer>> {
    let (due, dues) = mpsc::channel(count as usize);
    let dues = Arc::new(Mutex::new(dues));
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let (mut request, dues) = (request.clone(), dues.clone());
        let mut connection = Connection::open(port).await?;
        clients.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let next = dues.lock().await.recv().await;
                let Some(meant) = next else { return anyhow::Ok(answers) };
                request.renew();
                // An idle connection may have been closed by the server.
                let status = match connection.exchange(&request).await {
                    Ok(status) => status,
                    Err(_) => {
                        connection = Connection::open(port).await?;
                        connection.exchange(&request).await?
                    }
                };
                accepted(status, &connection)?;
                answers.push(Answer { status, ms: ms_since(meant) });
            }
        });
    }
    // A thread of its own keeps time better than the runtime's timer, whose step is a millisecond.
    let pacer = std::thread::spawn(move || {
        let began = Instant::now();
        for n in 0..count {
            let meant = began + Duration::from_secs(1) * n / rate;
            std::thread::sleep(meant.saturating_duration_since(Instant::now()));
            if due.blocking_send(meant).is_err() {
                return;
            }
        }
    });
    let answers = all(clients).await;
    if pacer.join().is_err() {
        bail!("the pacer broke off");
    }
    answers
}

/// Sends `count` requests at once, each over a connection of its own that is opened for it.
///
/// # Errors
/// An answer does not come.
pub async fn burst(port: u16, request: &Request, count: usize) -> Result<Vec<Answer>> {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let mut request = request.clone();
        request.renew();
        clients.spawn(async move {
            let status = Connection::open(port).await?.exchange(&request).await?;
            anyhow::Ok(vec![Answer { status, ms: ms_since(began) }])
        });
    }
    all(clients).await
}

/// Sends over `connections` at once for `duration`; a client that is told to come again does so after `pause`, over a
/// connection of its own.
///
/// # Errors
/// An answer is neither 200 nor 503, or does not come.
pub async fn insist(
    port: u16,
    request: &Request,
    connections: usize,
    duration: Duration,
    pause: Duration,
) -> Result<Vec<Answer>> {
    let until = Instant::now() + duration;
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let mut request = request.clone();
        clients.spawn(async move {
            let mut answers = Vec::new();
            let mut kept = None;
            while Instant::now() < until {
                request.renew();
                let began = Instant::now();
                let mut connection = match kept.take() {
                    Some(connection) => connection,
                    None => Connection::open(port).await?,
                };
                let status = connection.exchange(&request).await?;
                answers.push(Answer { status, ms: ms_since(began) });
                match status {
                    200 => kept = Some(connection),
                    503 => tokio::time::sleep(pause).await,
                    _ => accepted(status, &connection)?,
                }
            }
            anyhow::Ok(answers)
        });
    }
    all(clients).await
}

fn accepted(status: u16, connection: &Connection) -> Result<()> {
    ensure!(status == 200, "not accepted: {}", String::from_utf8_lossy(&connection.seen));
    Ok(())
}

fn ms_since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}

async fn all(mut clients: JoinSet<Result<Vec<Answer>>>) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    while let Some(client) = clients.join_next().await {
        answers.extend(client??);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sending_is_another_request() {
        let mut request =
            Request::post("/build", &format!(r#"{{"email":"{CLASS_MARK}","nonce":"{MARK}","task":"{SHORT_MARK}"}}"#));
        request.renew();
        let first = String::from_utf8(request.bytes.clone()).unwrap();
        request.renew();
        let second = String::from_utf8(request.bytes.clone()).unwrap();
        assert_ne!(first, second);
        for text in [first, second] {
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            for (field, digits) in [("email", 3), ("task", 4), ("nonce", 16)] {
                let text = body[field].as_str().unwrap();
                assert!(text.len() == digits && body["nonce"].as_str().unwrap().starts_with(text), "{body}");
            }
        }
    }

    #[test]
    fn an_answer_is_whole_when_its_length_has_come() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
        let text = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 7\r\n\r\n{\"a\"";
        assert_eq!(head(text).unwrap(), Some((503, text.len() - 4 + 7)));
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
