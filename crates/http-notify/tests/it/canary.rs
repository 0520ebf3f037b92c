//! Who may not be reached: listens on loopback, counts every TCP connection, and says nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One port on 127.0.0.1 and, where there is IPv6, on `::1`.
pub(crate) struct Canary {
    addresses: Vec<SocketAddr>,
    taken: Arc<AtomicUsize>,
    /// Connections of [`Canary::hits`] itself.
    own: AtomicUsize,
    _listeners: JoinSet<()>,
}

impl Canary {
    pub(crate) async fn start() -> Self {
        // A port that is free on 127.0.0.1 may be taken on ::1.
        loop {
            let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = v4.local_addr().unwrap();
            match TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())).await {
                Ok(v6) => return Self::listen([v4, v6]),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
                Err(_) => return Self::listen([v4]),
            }
        }
    }

    fn listen(listeners: impl IntoIterator<Item = TcpListener>) -> Self {
        let (taken, mut tasks, mut addresses) = (Arc::new(AtomicUsize::new(0)), JoinSet::new(), Vec::new());
        for listener in listeners {
            addresses.push(listener.local_addr().unwrap());
            let taken = Arc::clone(&taken);
            tasks.spawn(async move {
                while let Ok((connection, _)) = listener.accept().await {
                    taken.fetch_add(1, Ordering::SeqCst);
                    drop(connection);
                }
            });
        }
        Self { addresses, taken, own: AtomicUsize::new(0), _listeners: tasks }
    }

    pub(crate) fn port(&self) -> u16 {
        self.addresses[0].port()
    }

    pub(crate) fn hears_v6(&self) -> bool {
        self.addresses.iter().any(|address| matches!(address.ip(), IpAddr::V6(_)))
    }

    /// Connections so far. They are taken in order: once a connection of ours was taken and closed,
    /// all before it have been counted.
    pub(crate) async fn hits(&self) -> usize {
        for address in &self.addresses {
            let mut probe = TcpStream::connect(address).await.unwrap();
            self.own.fetch_add(1, Ordering::SeqCst);
            let _ = probe.read(&mut [0]).await;
        }
        self.taken.load(Ordering::SeqCst) - self.own.load(Ordering::SeqCst)
    }
}
