//! The browser's way out: a SOCKS5 proxy on loopback that lets nothing through to where the guard
//! does not lead.
//!
//! A page is written by others and asks for what it likes. A browser that looks names up itself can
//! be led to this machine between check and use; so it is told to hand every name and address to
//! this proxy, which looks names up, checks all answers and connects to what was checked. The one
//! exception is the list of allowed authorities: the local pages of a dry run. [`Reach`] may keep
//! pages from public hosts as well.
//!
//! Invariants: only CONNECT is done; tunnels, their set-up and their life are bounded; nothing
//! outlives [`Service::run`]. What goes through a tunnel is not looked at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fast_socks5::server::Socks5ServerProtocol;
use fast_socks5::util::target_addr::TargetAddr;
use fast_socks5::{ReplyError, Socks5Command};
use ports::ErrorChain;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use url::{Host, Url};

use crate::guard::{self, AllowPrivate, Refusal};
use crate::lookup::{Lookup, SystemLookup, Unresolved, vetted};
use crate::{Error, tunnel};

/// After a connection that could not be taken, as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Settings of the proxy.
#[derive(Debug, Clone)]
pub struct Options {
    /// May be connected to wherever they are.
    pub allowed: Vec<Authority>,
    /// Which hosts beside those may be connected to, at public addresses.
    pub reach: Reach,
    /// Knows the addresses of names; what it answers is checked.
    pub lookup: Arc<dyn Lookup>,
    /// Tunnels at the same time; a browser waits for its turn. At least 1.
    pub max_tunnels: usize,
    /// Until the client has said where to.
    pub handshake_timeout: Duration,
    /// Looking the name up and connecting.
    pub connect_timeout: Duration,
    /// A tunnel in which nothing moves for so long is closed.
    pub idle_timeout: Duration,
    /// A tunnel of this age is closed.
    pub lifetime: Duration,
}

impl Default for Options {
    /// Public addresses only. A page is looked at for seconds, so minutes are plenty.
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            reach: Reach::Everywhere,
            lookup: Arc::new(SystemLookup::default()),
            max_tunnels: 256,
            handshake_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            lifetime: Duration::from_secs(300),
        }
    }
}

/// How far into the public network a page may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reach {
    /// To every host.
    #[default]
    Everywhere,
    /// To these names, in small letters; one that begins with a dot stands for all names below it.
    Only(Vec<String>),
}

impl Reach {
    fn holds(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Everywhere, _) => true,
            (Self::Only(names), Host::Domain(asked)) => {
                let asked = asked.trim_end_matches('.');
                names.iter().any(|name| asked == name || (name.starts_with('.') && asked.ends_with(name.as_str())))
            }
            (Self::Only(_), _) => false,
        }
    }
}

/// A host and a port, as a URL names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    host: Host,
    port: u16,
}

impl Authority {
    /// Of a URL that has both.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        Some(Self { host: url.host()?.to_owned(), port: url.port_or_known_default()? })
    }

    /// Browsers send literals as text too, and every spelling of one is that address.
    fn asked(target: TargetAddr) -> Option<Self> {
        let (host, port) = match target {
            TargetAddr::Ip(address) => (literal(address.ip()), address.port()),
            TargetAddr::Domain(text, port) => match text.parse() {
                Ok(address) => (literal(address), port),
                Err(_) => (Host::parse(&text).ok()?, port),
            },
        };
        Some(Self { host, port })
    }
}

fn literal(address: IpAddr) -> Host {
    match address {
        IpAddr::V4(address) => Host::Ipv4(address),
        IpAddr::V6(address) => Host::Ipv6(address),
    }
}

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it may not be connected to")]
    Refused(#[source] Refusal),
    #[error("pages may not go there")]
    OutOfReach,
    #[error("its name was not resolved")]
    Unresolved(#[source] Unresolved),
    #[error("it does not take the connection")]
    Unreachable(#[source] std::io::Error),
    #[error("it did not answer in time")]
    Late,
}

impl Fault {
    fn reply(&self) -> ReplyError {
        match self {
            Self::Refused(_) | Self::OutOfReach | Self::Unresolved(Unresolved::Refused(_)) => {
                ReplyError::ConnectionNotAllowed
            }
            Self::Unresolved(_) | Self::Late => ReplyError::HostUnreachable,
            Self::Unreachable(_) => ReplyError::ConnectionRefused,
        }
    }
}

/// The proxy before and while it runs.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    address: SocketAddr,
    options: Arc<Options>,
}

impl Service {
    /// Takes a free port on loopback; serves when [`run`](Self::run) does.
    ///
    /// # Errors
    /// [`Error::Proxy`] when there is none.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Proxy)?;
        let address = listener.local_addr().map_err(Error::Proxy)?;
        Ok(Self { listener, address, options: Arc::new(options) })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`; tunnels end with it.
    pub async fn run(self, stop: CancellationToken) {
        let mut tunnels = JoinSet::new();
        let most = self.options.max_tunnels.max(1);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(_) = tunnels.join_next(), if !tunnels.is_empty() => {}
                accepted = self.listener.accept(), if tunnels.len() < most => match accepted {
                    Ok((client, _)) => {
                        tunnels.spawn(serve(client, Arc::clone(&self.options)));
                    }
                    Err(error) => {
                        warn!(event = "proxy.accept_failed", %error, "the browser's proxy could not take a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }
}

/// One client from its first byte to its last. A page may ask for anything as often as it likes, so
/// what goes wrong is no louder than a debug line; the browser tells of it in the page's report.
async fn serve(client: TcpStream, options: Arc<Options>) {
    let handshake = async {
        let greeted = Socks5ServerProtocol::accept_no_auth(client).await?;
        greeted.read_command().await
    };
    let (client, command, target) = match timeout(options.handshake_timeout, handshake).await {
        Ok(Ok(asked)) => asked,
        Ok(Err(error)) => {
            return debug!(event = "proxy.client_refused", %error, "a client of the proxy speaks no SOCKS5");
        }
        Err(_) => return debug!(event = "proxy.client_refused", "a client of the browser's proxy said nothing"),
    };
    let authority = match (command, Authority::asked(target)) {
        (Socks5Command::TCPConnect, Some(authority)) => authority,
        (Socks5Command::TCPConnect, None) => return refuse(client, &ReplyError::HostUnreachable, &options).await,
        _ => return refuse(client, &ReplyError::CommandNotSupported, &options).await,
    };
    let connected = timeout(options.connect_timeout, connect(&authority, &options)).await;
    match connected.unwrap_or(Err(Fault::Late)) {
        Ok(server) => {
            // Where the connection leaves from is nobody's business; browsers do not read it.
            let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            if let Ok(Ok(client)) = timeout(options.handshake_timeout, client.reply_success(nowhere)).await {
                tunnel::carry(client, server, options.idle_timeout, options.lifetime).await;
            }
        }
        Err(fault) => {
            let Authority { host, port, .. } = &authority;
            debug!(event = "proxy.refused", %host, port, error = %ErrorChain(&fault), "no way out for a page");
            refuse(client, &fault.reply(), &options).await;
        }
    }
}

type Asked = Socks5ServerProtocol<TcpStream, fast_socks5::server::states::CommandRead>;

async fn refuse(client: Asked, reply: &ReplyError, options: &Options) {
    // A client that is gone has its answer.
    let _ = timeout(options.handshake_timeout, client.reply_error(reply)).await;
}

async fn connect(authority: &Authority, options: &Options) -> Result<TcpStream, Fault> {
    let addresses = if options.allowed.contains(authority) {
        wherever(authority, options).await?
    } else if !options.reach.holds(&authority.host) {
        return Err(Fault::OutOfReach);
    } else {
        guarded(authority, options).await?
    };
    let mut last = Fault::Unresolved(Unresolved::NoAddress);
    for address in addresses {
        match TcpStream::connect((address, authority.port)).await {
            Ok(server) => return Ok(server),
            Err(error) => last = Fault::Unreachable(error),
        }
    }
    Err(last)
}

/// The addresses of an authority that the guard allows.
async fn guarded(authority: &Authority, options: &Options) -> Result<Vec<IpAddr>, Fault> {
    guard::check_port(authority.port).map_err(Fault::Refused)?;
    let address = match &authority.host {
        Host::Domain(name) => {
            return vetted(options.lookup.as_ref(), name, AllowPrivate::None).await.map_err(Fault::Unresolved);
        }
        Host::Ipv4(address) => IpAddr::V4(*address),
        Host::Ipv6(address) => IpAddr::V6(*address),
    };
    guard::verdict(address, AllowPrivate::None).map_err(Fault::Refused)?;
    Ok(vec![address])
}

/// The addresses of an authority that the operator named.
async fn wherever(authority: &Authority, options: &Options) -> Result<Vec<IpAddr>, Fault> {
    match &authority.host {
        Host::Domain(name) => {
            let found = options.lookup.addresses(name).await;
            found.map_err(|error| Fault::Unresolved(Unresolved::Lookup(error)))
        }
        Host::Ipv4(address) => Ok(vec![IpAddr::V4(*address)]),
        Host::Ipv6(address) => Ok(vec![IpAddr::V6(*address)]),
    }
}
