//! The mirror: every event also goes to a JetStream stream, as protobuf, in order.
//!
//! The mirror only publishes. Its `subscribe` hands out the in-process bus it was made over,
//! because this process needs no broker to hear itself; listeners elsewhere read the stream with
//! a consumer of their own. Give the mirror its own relay and cursor: while the broker is away
//! events wait in the ledger, and the parts of this process are woken all the same.
//!
//! Nothing connects before the first publish or look at its health. After that the client
//! reconnects by itself; while it does, publishing fails at once instead of filling a buffer.
//!
//! The broker recognises a repeat by its id within two minutes; a repeat after that is stored
//! again, so readers must know events by `event_id`. NATS 2.9 acknowledges before the disk
//! does; the ledger, not the stream, is the durable copy.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::{ConnectOptions, ServerAddr};
use async_trait::async_trait;
use ports::{Bus, ErrorChain, HealthPart, Subscription};
use prost::Message as _;
use secrecy::{ExposeSecret as _, SecretString};
use shared_types::http::{Part, PartState};
use shared_types::{Digest, Envelope};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::{Error, InProcessBus};

/// Name of the stream. A later version of the events gets a stream of its own.
pub const STREAM: &str = "SITEWRIGHT_EVENTS_V1";

/// What the subjects of all events begin with.
pub const SUBJECT_PREFIX: &str = "sitewright.events.v1";

/// Digits of the task's hash in a subject: 64 bits tell a deployment's tasks apart.
const TASK_HASH_DIGITS: usize = 16;

/// The broker forgets events after this; the ledger keeps them as long as their task.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A second bound for a busy week: at some 300 bytes an event about 300 MB on disk.
const MAX_MESSAGES: i64 = 1_000_000;

/// JetStream's own default, stated because the module's promise rests on it.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Finds a broker that vanished without closing its connection.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Below the second in which a part must say how it is.
const LOOK_TIMEOUT: Duration = Duration::from_millis(800);

/// Settings of the mirror.
#[derive(Debug, Clone)]
pub struct Options {
    /// One or more addresses separated by commas, such as `nats://user:password@host:4222`.
    pub url: SecretString,
    /// At most this long for the first connection, and for each attempt to come back.
    pub connect_timeout: Duration,
    /// At most this long until the broker acknowledges an event.
    pub publish_timeout: Duration,
}

impl Options {
    /// The broker at `url`, with 2 s to connect and 5 s to acknowledge.
    #[must_use]
    pub fn new(url: SecretString) -> Self {
        Self { url, connect_timeout: Duration::from_secs(2), publish_timeout: Duration::from_secs(5) }
    }
}

/// Publishes events to JetStream.
pub struct Mirror {
    servers: Vec<ServerAddr>,
    /// Hosts and ports, for people: without users and passwords.
    shown: String,
    connect_timeout: Duration,
    publish_timeout: Duration,
    local: InProcessBus,
    jetstream: OnceCell<Context>,
    stream_seen: AtomicBool,
}

impl Mirror {
    /// A mirror to the broker of `options`, over the bus of this process. Does not connect.
    ///
    /// # Errors
    /// [`Error::Address`] when an address cannot be read.
    pub fn new(options: Options, local: InProcessBus) -> Result<Self, Error> {
        let addresses = options.url.expose_secret().split(',').map(str::trim);
        let servers = addresses.map(read_address).collect::<Result<Vec<_>, _>>().map_err(Error::Address)?;
        let shown: Vec<_> = servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        Ok(Self {
            shown: shown.join(", "),
            servers,
            connect_timeout: options.connect_timeout,
            publish_timeout: options.publish_timeout,
            local,
            jetstream: OnceCell::new(),
            stream_seen: AtomicBool::new(false),
        })
    }

    /// Publishes one event and waits for the broker's acknowledgement.
    ///
    /// # Errors
    /// Again while the broker is away or does not answer in time; stop for an event that is
    /// larger than the broker takes.
    pub async fn publish_event(&self, event: &Envelope) -> Result<(), Error> {
        let operation = || format!("publish event {}", event.event_id);
        let context = self.connected(operation).await?;
        self.bounded(self.publish_timeout, operation, async {
            self.ensure_stream(&context).await?;
            let message = PublishMessage::build().message_id(&event.event_id).payload(event.encode_to_vec().into());
            let sent = match Box::pin(context.send_publish(subject(event), message)).await {
                Ok(acknowledgement) => acknowledgement.await,
                Err(source) => Err(source),
            };
            sent.map(drop).map_err(|source| Error::Publish { event_id: event.event_id.clone(), source })
        })
        .await
        // Somebody may have deleted the stream; the next publish looks again.
        .inspect_err(|_| self.stream_seen.store(false, Ordering::Relaxed))
    }

    /// The JetStream context of a client that is connected now.
    async fn connected(&self, operation: impl Fn() -> String) -> Result<Context, Error> {
        let context = self.jetstream.get_or_try_init(|| self.connect()).await?;
        if context.client().connection_state() == State::Connected {
            Ok(context.clone())
        } else {
            Err(Error::Away { operation: operation(), server: self.shown.clone() })
        }
    }

    async fn connect(&self) -> Result<Context, Error> {
        let options = ConnectOptions::new()
            .name(shared_types::events::PRODUCER)
            .connection_timeout(self.connect_timeout)
            .ping_interval(PING_INTERVAL);
        // Boxed here and below: the client's futures are tens of kilobytes large.
        let connecting = Box::pin(options.connect(self.servers.clone()));
        let client = self
            .bounded(self.connect_timeout, || "connect".to_owned(), async {
                connecting.await.map_err(|source| Error::Connect { server: self.shown.clone(), source })
            })
            .await?;
        tracing::info!(event = "broker.connected", server = %self.shown, "connected to the broker");
        Ok(ContextBuilder::new().timeout(self.publish_timeout).ack_timeout(self.publish_timeout).build(client))
    }

    async fn ensure_stream(&self, context: &Context) -> Result<(), Error> {
        if self.stream_seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        look_up_stream(context).await?;
        self.stream_seen.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Events the stream holds, asked of the broker.
    async fn stream_length(&self) -> Result<u64, Error> {
        let operation = || format!("look at the stream {STREAM}");
        self.bounded(LOOK_TIMEOUT, operation, async {
            let context = self.connected(operation).await?;
            Ok(look_up_stream(&context).await?.cached_info().state.messages)
        })
        .await
    }

    async fn bounded<T>(
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
}

impl fmt::Debug for Mirror {
    /// The client's own Debug would print addresses with their passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror").field("servers", &self.shown).finish_non_exhaustive()
    }
}

#[async_trait]
impl Bus for Mirror {
    /// Publishes to the broker only; see the module.
    async fn publish(&self, event: Arc<Envelope>) -> Result<(), ports::Error> {
        self.publish_event(&event).await.map_err(ports::Error::from)
    }

    /// Subscribes to the bus of this process.
    fn subscribe(&self) -> Subscription {
        self.local.subscribe()
    }
}

#[async_trait]
impl HealthPart for Mirror {
    async fn look(&self) -> Part {
        let (state, detail) = match self.stream_length().await {
            Ok(events) => (PartState::Up, format!("mirrored to NATS at {}, {events} events in {STREAM}", self.shown)),
            Err(error) => (
                PartState::Degraded,
                format!(
                    "{}; tasks go on and their events wait in the ledger. Start NATS with JetStream \
                     (nats-server -js) at {}, or unset NATS_URL",
                    ErrorChain(&error),
                    self.shown
                ),
            ),
        };
        Part { name: "bus".to_owned(), state, needed: false, detail }
    }
}

/// `sitewright.events.v1.<hash of the task's name>.<kind>`: one can filter by task and by kind,
/// and a subject tells nothing that the payload guards.
#[must_use]
pub fn subject(event: &Envelope) -> String {
    let name = event.task.as_ref().map_or("", |task| task.name.as_str());
    let hash: String = Digest::of(name.as_bytes()).as_str().chars().take(TASK_HASH_DIGITS).collect();
    format!("{SUBJECT_PREFIX}.{hash}.{}", event.kind())
}

fn read_address(text: &str) -> io::Result<ServerAddr> {
    let address: ServerAddr = text.parse()?;
    // The parser takes an empty host, and WebSocket schemes that this client is built without.
    if address.host().is_empty() || address.is_websocket() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected nats://host:port or tls://host:port"));
    }
    Ok(address)
}

/// The stream with its current state; made when it is missing.
async fn look_up_stream(context: &Context) -> Result<Stream, Error> {
    let stream = Box::pin(context.get_or_create_stream(stream_config())).await;
    stream.map_err(|source| Error::EnsureStream { stream: STREAM, source })
}

fn stream_config() -> Config {
    Config {
        name: STREAM.to_owned(),
        subjects: vec![format!("{SUBJECT_PREFIX}.>")],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        max_age: MAX_AGE,
        max_messages: MAX_MESSAGES,
        duplicate_window: DUPLICATE_WINDOW,
        description: Some("Events of Sitewright, protobuf sitewright.events.v1.Envelope".to_owned()),
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_at_once_and_never_shown_with_their_password() {
        let password = ["hun", "ter2"].concat();
        let mirror = |url: &str| Mirror::new(Options::new(url.into()), InProcessBus::new(crate::Options::default()));

        let made = mirror(&format!("nats://me:{password}@one.example, two.example:4333")).unwrap();
        assert_eq!(format!("{made:?}"), r#"Mirror { servers: "one.example:4222, two.example:4333", .. }"#);

        for bad in ["", "http://host", "ws://host", "nats://", "nats://host:99999"] {
            let error = mirror(bad).unwrap_err();
            assert_eq!(error.verdict(), ports::Verdict::GiveUp, "{bad:?}");
        }
        let error = mirror(&format!("nats://me:{password}@host:port")).unwrap_err();
        assert!(!format!("{error:?} {}", ErrorChain(&error)).contains(&password), "{error:?}");
    }

    #[test]
    fn a_subject_names_the_task_by_hash() {
        let event = Envelope {
            task: Some(shared_types::events::TaskKey { name: "sales-summary".into(), ..Default::default() }),
            ..Envelope::default()
        };
        assert_eq!(subject(&event), "sitewright.events.v1.5a4ec6c2896d6041.unknown");
    }
}
