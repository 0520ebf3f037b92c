//! The browser's proxy, asked as a browser asks, and as no browser would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_notify::Lookup;
use http_notify::proxy::{Authority, Options, Reach, Service};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::canary::Canary;
use crate::names::{LOCAL_NAMES, PUBLIC, Rebinding, ZONE, Zone};
use crate::server::Server;
use crate::vectors::{HOSTS, spellings};

/// Replies of RFC 1928, and no reply at all.
const GRANTED: u8 = 0;
const NOT_ALLOWED: u8 = 2;
const UNREACHABLE: u8 = 4;
const REFUSED: u8 = 5;
const NO_SUCH_COMMAND: u8 = 7;

struct Proxy {
    address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Proxy {
    async fn start(options: Options) -> Self {
        let service = Service::bind(options).await.unwrap();
        let (address, stop) = (service.local_addr(), CancellationToken::new());
        assert!(address.ip().is_loopback());
        Self { address, running: tokio::spawn(service.run(stop.clone())), stop }
    }

    /// A connection on which a command was sent, and its reply.
    async fn command(&self, command: u8, target: &[u8], port: u16) -> (TcpStream, u8) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(&[5, 1, 0]).await.unwrap();
        let mut greeting = [0; 2];
        stream.read_exact(&mut greeting).await.unwrap();
        assert_eq!(greeting, [5, 0]);
        let mut request = vec![5, command, 0];
        request.extend_from_slice(target);
        request.extend_from_slice(&port.to_be_bytes());
        stream.write_all(&request).await.unwrap();
        let mut reply = [0; 10];
        stream.read_exact(&mut reply).await.unwrap();
        (stream, reply[1])
    }

    /// CONNECT to a host in text, as browsers send names and literals alike.
    async fn connect(&self, host: &str, port: u16) -> (TcpStream, u8) {
        let mut target = vec![3, u8::try_from(host.len()).unwrap()];
        target.extend_from_slice(host.as_bytes());
        self.command(1, &target, port).await
    }
}

fn with(allowed: &[&str], lookup: impl Lookup + 'static) -> Options {
    let allowed = allowed.iter().map(|url| Authority::of(&url.parse().unwrap()).unwrap()).collect();
    Options { allowed, lookup: Arc::new(lookup), ..Options::default() }
}

#[tokio::test]
async fn no_host_leads_a_page_to_the_canary() {
    let canary = Canary::start().await;
    // The pages of a dry run are open, one port further.
    let pages = format!("http://127.0.0.1:{}/", canary.port().wrapping_add(1).max(1));
    let proxy = Proxy::start(with(&[&pages], Zone)).await;
    let spellings = spellings();
    let hosts = HOSTS.iter().map(|row| row.0).chain(LOCAL_NAMES.iter().copied());
    let hosts = hosts.chain(ZONE.iter().map(|row| row.0)).chain(spellings.iter().map(String::as_str));
    let mut tried = 0;
    for host in hosts {
        for text in [host, host.trim_matches(['[', ']'])] {
            let (_, reply) = proxy.connect(text, canary.port()).await;
            assert!(matches!(reply, NOT_ALLOWED | UNREACHABLE), "{text:?}: {reply}");
            tried += 1;
        }
    }
    assert!(tried >= 500, "{tried} hosts");
    // The binary forms of an address.
    let mut mapped = vec![4];
    mapped.extend_from_slice(&"::ffff:127.0.0.1".parse::<std::net::Ipv6Addr>().unwrap().octets());
    let mut own = vec![4];
    own.extend_from_slice(&std::net::Ipv6Addr::LOCALHOST.octets());
    for target in [&[1, 127, 0, 0, 1][..], &[1, 0, 0, 0, 0], &[1, 169, 254, 169, 254], &mapped, &own] {
        assert_eq!(proxy.command(1, target, canary.port()).await.1, NOT_ALLOWED, "{target:?}");
    }
    assert_eq!(canary.hits().await, 0);
}

/// The control: the same questions, allowed.
#[tokio::test]
async fn what_the_operator_named_is_reached_and_its_neighbours_are_not() {
    let canary = Canary::start().await;
    let port = canary.port();
    let allowed = [format!("http://127.0.0.1:{port}/"), format!("https://library.example:{port}/x.js")];
    let proxy = Proxy::start(with(&[&allowed[0], &allowed[1]], Zone)).await;
    for (at, host) in ["127.0.0.1", "127.1", "library.example", "LIBRARY.example"].into_iter().enumerate() {
        assert_eq!((proxy.connect(host, port).await.1, canary.hits().await), (GRANTED, at + 1), "{host}");
    }
    let neighbour = port.wrapping_add(1).max(1);
    for (host, port) in [("127.0.0.1", neighbour), ("library.example", neighbour), ("localhost", port), ("::1", port)] {
        assert_eq!(proxy.connect(host, port).await.1, NOT_ALLOWED, "{host}:{port}");
    }
    assert_eq!(canary.hits().await, 4);
}

#[tokio::test]
async fn a_tunnel_carries_both_ways() {
    let server = Server::start();
    let proxy = Proxy::start(with(&[server.url("/").as_str()], Zone)).await;
    let (mut stream, reply) = proxy.connect("127.0.0.1", server.url("/").port().unwrap()).await;
    assert_eq!(reply, GRANTED);
    stream.write_all(b"GET /canary HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.canary.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_page_cannot_rebind_its_name() {
    let canary = Canary::start().await;
    let names = Arc::new(Rebinding::new(&[PUBLIC, "127.0.0.1", "::1"]));
    let options = Options { lookup: names.clone(), connect_timeout: Duration::from_millis(300), ..Options::default() };
    let proxy = Proxy::start(options).await;
    let first = proxy.connect("rebound.example", canary.port()).await.1;
    assert!(matches!(first, UNREACHABLE | REFUSED), "the public address was tried: {first}");
    for _ in 0..2 {
        assert_eq!(proxy.connect("rebound.example", canary.port()).await.1, NOT_ALLOWED);
    }
    assert_eq!((canary.hits().await, names.asked.load(Ordering::SeqCst)), (0, 3));
}

/// A name within reach is looked up and tried; any other is not even looked up.
#[tokio::test]
async fn reach_keeps_pages_from_public_hosts() {
    let names = Arc::new(Rebinding::new(&[PUBLIC; 4]));
    let only = ["cdn.example", ".pages.example"].map(ToOwned::to_owned).to_vec();
    let quick = Duration::from_millis(100);
    for (reach, host, goes) in [
        (Reach::Only(only.clone()), "cdn.example", true),
        (Reach::Only(only.clone()), "CDN.example", true),
        (Reach::Only(only.clone()), "me.pages.example", true),
        (Reach::Only(only.clone()), "pages.example", false),
        (Reach::Only(only.clone()), "evilcdn.example", false),
        (Reach::Only(only.clone()), "cdn.example.evil.example", false),
        (Reach::Only(only.clone()), PUBLIC, false),
        (Reach::Only(Vec::new()), "cdn.example", false),
        (Reach::Everywhere, "evil.example", true),
    ] {
        let options = Options { reach, lookup: names.clone(), connect_timeout: quick, ..Options::default() };
        let reply = Proxy::start(options).await.connect(host, 8443).await.1;
        assert_eq!(reply != NOT_ALLOWED, goes, "{host}: {reply}");
    }
    assert_eq!(names.asked.load(Ordering::SeqCst), 4, "only what is within reach is looked up");
}

#[tokio::test]
async fn ports_of_other_protocols_are_closed() {
    let proxy = Proxy::start(with(&[], Zone)).await;
    for port in [0, 22, 25, 6667] {
        assert_eq!(proxy.connect("1.1.1.1", port).await.1, NOT_ALLOWED, "{port}");
    }
}

#[tokio::test]
async fn nothing_but_connect_is_done() {
    let proxy = Proxy::start(with(&["http://127.0.0.1/"], Zone)).await;
    for command in [2, 3] {
        assert_eq!(proxy.command(command, &[1, 127, 0, 0, 1], 80).await.1, NO_SUCH_COMMAND, "{command}");
    }
    // A page that posts to the proxy's own port speaks HTTP, and is hung up on.
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn silence_and_age_end_a_tunnel() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let allowed = format!("http://{address}/");
    let short = Duration::from_millis(100);
    let bounds = [
        Options { idle_timeout: short, ..with(&[&allowed], Zone) },
        Options { lifetime: short, ..with(&[&allowed], Zone) },
    ];
    for options in bounds {
        let proxy = Proxy::start(options).await;
        let (mut stream, reply) = proxy.connect("127.0.0.1", address.port()).await;
        let (_held, _) = silent.accept().await.unwrap();
        assert_eq!(reply, GRANTED);
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut [0])).await;
        assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    }
    // Whoever says nothing at all is not waited for either.
    let proxy = Proxy::start(Options { handshake_timeout: short, ..with(&[], Zone) }).await;
    let mut mute = TcpStream::connect(proxy.address).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, mute.read(&mut [0])).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
}

#[tokio::test]
async fn one_tunnel_too_many_waits_for_its_turn() {
    let server = Server::start();
    let port = server.url("/").port().unwrap();
    let proxy = Proxy::start(Options { max_tunnels: 1, ..with(&[server.url("/").as_str()], Zone) }).await;
    let (first, reply) = proxy.connect("127.0.0.1", port).await;
    assert_eq!(reply, GRANTED);
    let second = proxy.connect("127.0.0.1", port);
    tokio::pin!(second);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut second).await;
    assert!(early.is_err(), "it was served beside the first");
    drop(first);
    assert_eq!(tokio::time::timeout(PATIENCE, second).await.unwrap().1, GRANTED);
}

#[tokio::test]
async fn a_stop_ends_every_tunnel() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let proxy = Proxy::start(with(&[&format!("http://{address}/")], Zone)).await;
    let (mut stream, reply) = proxy.connect("127.0.0.1", address.port()).await;
    assert_eq!(reply, GRANTED);
    proxy.stop.cancel();
    proxy.running.await.unwrap();
    assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(proxy.address).await.is_err(), "nobody listens any more");
}
