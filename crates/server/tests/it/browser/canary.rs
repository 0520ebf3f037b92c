//! Who may not be reached: TCP on 127.0.0.1 and `::1` and datagrams, all on one port, and beside it
//! a redirector that sends everybody there.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// What a client of the canary may say before it is answered, in bytes.
const HEAD: usize = 4096;

/// The request line of [`Canary::seen`] itself.
const OWN: &str = "own";

pub(crate) struct Canary {
    addresses: Vec<SocketAddr>,
    redirector: u16,
    seen: Arc<Mutex<Vec<String>>>,
    redirects: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
}

impl Canary {
    pub(crate) async fn start() -> Self {
        let (tcp, udp) = loop {
            let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let port = v4.local_addr().unwrap().port();
            let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await;
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await;
            match (v6, udp) {
                (Ok(v6), Ok(udp)) => break (vec![v4, v6], udp),
                // A machine without IPv6.
                (Err(error), Ok(udp)) if error.kind() != std::io::ErrorKind::AddrInUse => break (vec![v4], udp),
                _ => {}
            }
        };
        let redirector = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut canary = Self {
            addresses: tcp.iter().map(|listener| listener.local_addr().unwrap()).collect(),
            redirector: redirector.local_addr().unwrap().port(),
            seen: Arc::default(),
            redirects: Arc::default(),
            tasks: JoinSet::new(),
        };
        for listener in tcp {
            canary.tasks.spawn(answer_all(listener, Arc::clone(&canary.seen)));
        }
        let seen = Arc::clone(&canary.seen);
        canary.tasks.spawn(async move {
            while udp.recv(&mut [0; HEAD]).await.is_ok() {
                seen.lock().unwrap().push("udp".to_owned());
            }
        });
        canary.tasks.spawn(redirect_all(redirector, Arc::clone(&canary.redirects)));
        canary
    }

    pub(crate) fn port(&self) -> u16 {
        self.addresses[0].port()
    }

    /// Where everybody is sent on to what the query says.
    pub(crate) fn redirector(&self) -> String {
        format!("http://redirector.example:{}", self.redirector)
    }

    pub(crate) fn redirects(&self) -> usize {
        self.redirects.load(Ordering::SeqCst)
    }

    /// One a connection: the first segment of the path that was asked for; `?` where something else was
    /// said, `udp` for datagrams. Connections are noted in the order in which they come, so once one
    /// of ours was answered, all before it are there.
    pub(crate) async fn seen(&self) -> Vec<String> {
        for address in &self.addresses {
            let mut probe = TcpStream::connect(address).await.unwrap();
            probe.write_all(format!("GET /{OWN} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
            let _ = probe.read_to_end(&mut Vec::new()).await;
        }
        let mut seen: Vec<String> = self.seen.lock().unwrap().iter().filter(|path| *path != OWN).cloned().collect();
        seen.sort();
        seen
    }
}

/// Notes each connection at once, and what it asked for when it says so.
async fn answer_all(listener: TcpListener, seen: Arc<Mutex<Vec<String>>>) {
    let mut answers = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let at = {
            let mut seen = seen.lock().unwrap();
            seen.push("?".to_owned());
            seen.len() - 1
        };
        let seen = Arc::clone(&seen);
        answers.spawn(async move {
            let path = path(&mut stream).await;
            let first = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
            if !first.is_empty() {
                first.clone_into(&mut seen.lock().unwrap()[at]);
            }
            let (kind, body) = match first {
                "library.js" => ("text/javascript", "window.library = 'loaded'"),
                "pages" => ("text/html", "<!DOCTYPE html><title>pages</title>"),
                _ => ("text/plain", ""),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n");
            let _ = stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await;
        });
    }
}

async fn redirect_all(listener: TcpListener, redirects: Arc<AtomicUsize>) {
    let mut answers = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let redirects = Arc::clone(&redirects);
        answers.spawn(async move {
            let path = path(&mut stream).await;
            let to = path.split_once('?').map_or("", |(_, to)| to);
            redirects.fetch_add(1, Ordering::SeqCst);
            let head = "HTTP/1.1 302 Found\r\naccess-control-allow-origin: *\r\ncontent-length: 0\r\nconnection: close";
            let _ = stream.write_all(format!("{head}\r\nlocation: {to}\r\n\r\n").as_bytes()).await;
        });
    }
}

/// The path of an HTTP request; empty for anything else.
async fn path(stream: &mut TcpStream) -> String {
    let mut head = vec![0; HEAD];
    let read = stream.read(&mut head).await.unwrap_or(0);
    let text = String::from_utf8_lossy(&head[..read]).into_owned();
    let line = text.lines().next().filter(|line| line.contains(" HTTP/1."));
    line.and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned()
}
