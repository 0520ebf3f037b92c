//! A line that fails: a TCP proxy in front of any server, whose connections can be reset, cut, or made slow.
//!
//! It knows no protocol. How a connection is treated is decided when it comes, so whoever wants one answer dropped orders
//! that before the request is sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::http::listen;

const WHAT: &str = "proxy";
/// What is passed on at once.
const CHUNK: usize = 16 * 1024;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Line {
    /// Everything is passed on.
    #[default]
    Sound,
    /// It is reset before anything of it was read.
    Reset,
    /// What the caller says is passed on, and the connection is closed in place of the answer.
    DropAnswer,
    /// The answer comes byte by byte, with so long a pause before each.
    Drip(Duration),
}

/// A proxy that is bound and not yet running. Connections queue until [`Proxy::run`].
#[derive(Debug)]
pub struct Proxy {
    listener: std::net::TcpListener,
    to: SocketAddr,
    handle: Handle,
}

/// A cheap view of a running proxy.
#[derive(Debug, Clone)]
pub struct Handle {
    addr: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    /// Counts the cuts: a connection ends when another one has been made.
    cuts: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct Shared {
    next: VecDeque<Line>,
    otherwise: Line,
    came: Vec<Instant>,
}

impl Proxy {
    /// Binds `addr` in front of `to`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Listen`] when the address is taken or forbidden.
    pub fn bind(addr: SocketAddr, to: SocketAddr) -> Result<Self, Error> {
        let (listener, addr) = listen(WHAT, addr)?;
        let cuts = Arc::new(watch::Sender::new(0));
        Ok(Self { listener, to, handle: Handle { addr, shared: Arc::default(), cuts } })
    }

    /// Orders faults, while the proxy runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// [`Error::Serve`] when serving fails.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let fail = |source| Error::Serve { what: WHAT, source };
        let listener = TcpListener::from_std(self.listener).map_err(fail)?;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => {
                    let (caller, _) = accepted.map_err(fail)?;
                    connections.spawn(carry(caller, self.to, self.handle.clone()));
                }
            }
        }
    }
}

impl Handle {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next connections are treated so, one each.
    pub fn next(&self, lines: impl IntoIterator<Item = Line>) {
        self.lock().next.extend(lines);
    }

    /// Every connection without an order of its own is treated so.
    pub fn otherwise(&self, line: Line) {
        self.lock().otherwise = line;
    }

    /// Ends every connection that there is.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// When each connection came.
    #[must_use]
    pub fn came(&self) -> Vec<Instant> {
        self.lock().came.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Plain data, whole whatever panicked beside it.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Line {
        let mut shared = self.lock();
        shared.came.push(Instant::now());
        shared.next.pop_front().unwrap_or(shared.otherwise)
    }
}

/// Carries one connection to its end; that it fails is what it is for.
async fn carry(caller: TcpStream, to: SocketAddr, handle: Handle) {
    let line = handle.take();
    let mut cuts = handle.cuts.subscribe();
    let carried = async {
        match line {
            // What was sent and not read makes the system answer the close with a reset.
            Line::Reset => caller.readable().await,
            Line::Sound => pass(caller, to, None, false).await,
            Line::DropAnswer => pass(caller, to, None, true).await,
            Line::Drip(pause) => pass(caller, to, Some(pause), false).await,
        }
    };
    tokio::select! {
        carried = carried => {
            if let Err(error) = carried {
                tracing::debug!(%error, "a connection through the proxy ended");
            }
        }
        _ = cuts.changed() => {}
    }
}

async fn pass(caller: TcpStream, to: SocketAddr, pause: Option<Duration>, drop_answer: bool) -> std::io::Result<()> {
    let server = TcpStream::connect(to).await?;
    let (mut from_caller, mut to_caller) = caller.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        tokio::io::copy(&mut from_caller, &mut to_server).await?;
        to_server.shutdown().await
    };
    let back = async {
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = from_server.read(&mut chunk).await?;
            if length == 0 || drop_answer {
                return to_caller.shutdown().await;
            }
            let Some(answer) = chunk.get(..length) else { continue };
            match pause {
                None => to_caller.write_all(answer).await?,
                Some(pause) => {
                    for byte in answer {
                        tokio::time::sleep(pause).await;
                        to_caller.write_all(&[*byte]).await?;
                    }
                }
            }
        }
    };
    // The answer's end is the connection's end, whatever else the caller wants to say.
    tokio::select! {
        there = there => match there { Ok(()) => Ok(()), Err(error) => Err(error) },
        back = back => back,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// Says one line to a server that says it back; what comes, or how it ends.
    async fn ask(proxy: &Handle) -> Result<String, std::io::ErrorKind> {
        let asked = async {
            let mut stream = TcpStream::connect(proxy.addr()).await?;
            stream.write_all(b"hello").await?;
            let mut answer = vec![0; 5];
            stream.read_exact(&mut answer).await?;
            std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        asked.await.map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn connections_go_wrong_as_ordered() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let echo = TcpListener::bind(any).await.unwrap();
        let to = echo.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await.ok();
                });
            }
        });
        let proxy = Proxy::bind(any, to).unwrap();
        let (handle, shutdown) = (proxy.handle(), CancellationToken::new());
        let running = tokio::spawn(proxy.run(shutdown.clone()));
        handle.next([Line::Reset, Line::DropAnswer, Line::Drip(Duration::from_millis(1))]);
        assert_eq!(ask(&handle).await, Err(std::io::ErrorKind::ConnectionReset));
        assert_eq!(ask(&handle).await, Err(std::io::ErrorKind::UnexpectedEof));
        assert_eq!(ask(&handle).await.as_deref(), Ok("hello"));
        assert_eq!(ask(&handle).await.as_deref(), Ok("hello"));

        let mut open = TcpStream::connect(handle.addr()).await.unwrap();
        open.write_all(b"x").await.unwrap();
        assert_eq!(open.read_u8().await.unwrap(), b'x');
        handle.cut();
        assert_ne!(open.read(&mut [0]).await.ok(), Some(1));
        assert_eq!(handle.came().len(), 5);
        shutdown.cancel();
        running.await.unwrap().unwrap();
    }
}
