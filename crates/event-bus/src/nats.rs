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

mod archive;
mod blobs;
mod broker;
mod engine;
mod fleet;
mod log;
mod names;
mod queue;
mod reading;
mod runs;
mod salvage;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_trait::async_trait;
use ports::{Bus, ErrorChain, HealthPart, Subscription};
use prost::Message as _;
use shared_types::http::{Part, PartState};
use shared_types::{Digest, Envelope};

use crate::{Error, InProcessBus};

pub use archive::JetArchive;
pub use blobs::SharedBlobs;
pub use broker::{Broker, Options};
pub use engine::{Engine, EngineOptions};
pub use fleet::JetFleet;
pub use queue::{JetQueue, QueueLedger};
pub use runs::{RemoteRuns, RunsService};
pub use salvage::JetSalvage;

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

/// Below the second in which a part must say how it is.
const LOOK_TIMEOUT: Duration = Duration::from_millis(800);

/// Publishes events to JetStream.
pub struct Mirror {
    broker: Arc<Broker>,
    local: InProcessBus,
    stream_seen: AtomicBool,
}

impl Mirror {
    /// A mirror to `broker`, over the bus of this process. Does not connect.
    #[must_use]
    pub fn new(broker: Arc<Broker>, local: InProcessBus) -> Self {
        Self { broker, local, stream_seen: AtomicBool::new(false) }
    }

    /// Publishes one event and waits for the broker's acknowledgement.
    ///
    /// # Errors
    /// Again while the broker is away or does not answer in time; stop for an event that is
    /// larger than the broker takes.
    pub async fn publish_event(&self, event: &Envelope) -> Result<(), Error> {
        let operation = || format!("publish event {}", event.event_id);
        let context = self.broker.connected(operation).await?;
        self.broker
            .bounded(self.broker.patience(), operation, async {
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
        self.broker
            .bounded(LOOK_TIMEOUT, operation, async {
                let context = self.broker.connected(operation).await?;
                Ok(look_up_stream(&context).await?.cached_info().state.messages)
            })
            .await
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror").field("broker", &self.broker).finish_non_exhaustive()
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
            Ok(events) => {
                (PartState::Up, format!("mirrored to NATS at {}, {events} events in {STREAM}", self.broker.shown()))
            }
            Err(error) => (
                PartState::Degraded,
                format!(
                    "{}; tasks go on and their events wait in the ledger. Start NATS with JetStream \
                     (nats-server -js) at {}, or unset NATS_URL",
                    ErrorChain(&error),
                    self.broker.shown()
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
    format!("{SUBJECT_PREFIX}.{}.{}", hash_of(name), event.kind())
}

/// The subjects of all events of tasks with this name.
fn subjects_of(task_name: &str) -> String {
    format!("{SUBJECT_PREFIX}.{}.*", hash_of(task_name))
}

fn hash_of(task_name: &str) -> String {
    Digest::of(task_name.as_bytes()).as_str().chars().take(TASK_HASH_DIGITS).collect()
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
        let broker = |url: &str| Broker::new(Options::new(url.into()));

        let made = broker(&format!("nats://me:{password}@one.example, two.example:4333")).unwrap();
        assert_eq!(format!("{made:?}"), r#"Broker { servers: "one.example:4222, two.example:4333", .. }"#);

        for bad in ["", "http://host", "ws://host", "nats://", "nats://host:99999"] {
            let error = broker(bad).unwrap_err();
            assert_eq!(error.verdict(), ports::Verdict::GiveUp, "{bad:?}");
        }
        let error = broker(&format!("nats://me:{password}@host:port")).unwrap_err();
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
