//! The connection to the broker, shared by all that speak with it.
//!
//! Nothing connects before the first use. After that the client reconnects by itself; while it does, every operation
//! fails at once instead of filling a buffer.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{ConnectOptions, ServerAddr};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::Error;

/// Finds a broker that vanished without closing its connection.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Settings of the connection.
#[derive(Debug, Clone)]
pub struct Options {
    /// One or more addresses separated by commas, such as `nats://user:password@host:4222`.
    pub url: SecretString,
    /// A file with a user's JWT and seed, as `nsc` writes it. Read at each connection.
    pub creds_file: Option<PathBuf>,
    /// A file in PEM with the roots that the broker's certificate may stand on, beside those of the system. With it a
    /// connection without TLS is refused.
    pub ca_file: Option<PathBuf>,
    /// At most this long for the first connection, and for each attempt to come back.
    pub connect_timeout: Duration,
    /// At most this long until the broker acknowledges an event.
    pub publish_timeout: Duration,
}

impl Options {
    /// The broker at `url`, with 2 s to connect and 5 s to acknowledge.
    #[must_use]
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            creds_file: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(2),
            publish_timeout: Duration::from_secs(5),
        }
    }
}

/// A broker, connected to when it is first needed.
pub struct Broker {
    servers: Vec<ServerAddr>,
    /// Hosts and ports, for people: without users and passwords.
    shown: String,
    options: Options,
    jetstream: OnceCell<Context>,
}

impl Broker {
    /// The broker of `options`. Does not connect.
    ///
    /// # Errors
    /// [`Error::Address`] when an address cannot be read.
    pub fn new(options: Options) -> Result<Self, Error> {
        let addresses = options.url.expose_secret().split(',').map(str::trim);
        let servers = addresses.map(read_address).collect::<Result<Vec<_>, _>>().map_err(Error::Address)?;
        let shown: Vec<_> = servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        Ok(Self { shown: shown.join(", "), servers, options, jetstream: OnceCell::new() })
    }

    /// Hosts and ports.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// How long an answer may take.
    pub(crate) fn patience(&self) -> Duration {
        self.options.publish_timeout
    }

    /// The JetStream context of a client that is connected now.
    pub(crate) async fn connected(&self, operation: impl Fn() -> String) -> Result<Context, Error> {
        let context = self.jetstream.get_or_try_init(|| self.connect()).await?;
        if context.client().connection_state() == State::Connected {
            Ok(context.clone())
        } else {
            Err(Error::Away { operation: operation(), server: self.shown.clone() })
        }
    }

    /// `work`, unless it takes longer than `within`.
    pub(crate) async fn bounded<T>(
        &self,
        within: Duration,
        operation: impl Fn() -> String,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match timeout(within, work).await {
            Ok(done) => done,
            Err(_elapsed) => Err(Error::TimedOut { operation: operation(), server: self.shown.clone(), within }),
        }
    }

    async fn connect(&self) -> Result<Context, Error> {
        let mut options = ConnectOptions::new()
            .name(shared_types::events::PRODUCER)
            .connection_timeout(self.options.connect_timeout)
            .ping_interval(PING_INTERVAL);
        if let Some(file) = &self.options.creds_file {
            options = options.credentials_file(file).await.map_err(Error::Credentials)?;
        }
        if let Some(file) = &self.options.ca_file {
            options = options.add_root_certificates(file.clone()).require_tls(true);
        }
        // Boxed: the client's futures are tens of kilobytes large.
        let connecting = Box::pin(options.connect(self.servers.clone()));
        let client = self
            .bounded(self.options.connect_timeout, || "connect".to_owned(), async {
                connecting.await.map_err(|source| Error::Connect { server: self.shown.clone(), source })
            })
            .await?;
        tracing::info!(event = "broker.connected", server = %self.shown, "connected to the broker");
        Ok(ContextBuilder::new().timeout(self.patience()).ack_timeout(self.patience()).build(client))
    }
}

impl fmt::Debug for Broker {
    /// The client's own Debug would print addresses with their passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("servers", &self.shown).finish_non_exhaustive()
    }
}

fn read_address(text: &str) -> io::Result<ServerAddr> {
    let address: ServerAddr = text.parse()?;
    // The parser takes an empty host, and WebSocket schemes that this client is built without.
    if address.host().is_empty() || address.is_websocket() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected nats://host:port or tls://host:port"));
    }
    Ok(address)
}
