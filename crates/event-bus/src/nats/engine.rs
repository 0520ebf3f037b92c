//! What several hosts share at the broker, made where it is missing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::object_store::ObjectStore;
use async_nats::jetstream::stream::{Config, Stream};
use async_trait::async_trait;
use ports::{ErrorChain, HealthPart};
use shared_types::http::{Part, PartState};
use tokio::sync::Mutex;

use super::{Broker, names};
use crate::Error;

/// Below the second in which a part must say how it is.
const LOOK_TIMEOUT: Duration = Duration::from_millis(800);

/// Settings of work over the broker. All hosts of a deployment have the same.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// An offer whose runner says nothing for this long goes to another one. As long as a lease.
    pub ack_wait: Duration,
    /// An offer goes to runners this often; then it is a dead letter.
    pub max_deliver: i64,
    /// How long a claim waits at the broker when there is no work; zero: not at all.
    pub claim_wait: Duration,
}

impl Default for EngineOptions {
    /// Leases of 30 s, 20 deliveries, and claims that wait a second.
    fn default() -> Self {
        Self { ack_wait: Duration::from_secs(30), max_deliver: 20, claim_wait: Duration::from_secs(1) }
    }
}

/// The streams, the consumer and the bucket of a deployment.
pub struct Engine {
    pub(super) broker: Arc<Broker>,
    pub(super) options: EngineOptions,
    place: Mutex<Option<Arc<Place>>>,
    lookups: AtomicU64,
}

/// What was looked up once.
pub(super) struct Place {
    pub(super) context: Context,
    pub(super) work: Stream,
    pub(super) runners: Consumer<pull::Config>,
    pub(super) flows: Stream,
    pub(super) dead: Stream,
    pub(super) ledger: Stream,
    pub(super) blobs: ObjectStore,
}

impl Engine {
    /// Work over `broker`. Does not connect.
    #[must_use]
    pub fn new(broker: Arc<Broker>, options: EngineOptions) -> Self {
        Self { broker, options, place: Mutex::new(None), lookups: AtomicU64::new(0) }
    }

    /// Makes what is missing at the broker; every other operation does so as well.
    ///
    /// # Errors
    /// The broker is away, or has no JetStream.
    pub async fn prepare(&self) -> Result<(), Error> {
        self.at("prepare the streams", async |_| Ok(())).await
    }

    /// Does `work` at the broker within its patience. What was looked up is looked up again after a failure: somebody
    /// may have deleted it.
    pub(super) async fn at<T>(
        &self,
        operation: &str,
        work: impl AsyncFnOnce(&Place) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.at_within(self.broker.patience(), operation, work).await
    }

    /// The same within another bound.
    pub(super) async fn at_within<T>(
        &self,
        within: Duration,
        operation: &str,
        work: impl AsyncFnOnce(&Place) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let context = self.broker.connected(|| operation.to_owned()).await?;
        let bounded = self.broker.bounded(within, || operation.to_owned(), async {
            let place = self.place(&context).await?;
            work(&place).await
        });
        let done = bounded.await;
        if done.as_ref().is_err_and(Error::is_of_the_broker) {
            *self.place.lock().await = None;
        }
        done
    }

    /// How often it was looked what there is. What was known to lie at the broker before the last time may be gone.
    pub(super) fn lookups(&self) -> u64 {
        self.lookups.load(Ordering::Relaxed)
    }

    async fn place(&self, context: &Context) -> Result<Arc<Place>, Error> {
        let mut place = self.place.lock().await;
        if let Some(place) = &*place {
            return Ok(Arc::clone(place));
        }
        let made = Arc::new(Box::pin(make(context, &self.options)).await?);
        self.lookups.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::clone(place.insert(made)))
    }
}

async fn make(context: &Context, options: &EngineOptions) -> Result<Place, Error> {
    let work = stream(context, names::work()).await?;
    let made = Box::pin(work.get_or_create_consumer(names::RUNNERS, names::runners(options))).await;
    let runners = made.map_err(Error::at("ensure the consumer of runners"))?;
    Ok(Place {
        flows: stream(context, names::flows()).await?,
        dead: stream(context, names::dead()).await?,
        ledger: stream(context, names::ledger()).await?,
        blobs: bucket(context).await?,
        work,
        runners,
        context: context.clone(),
    })
}

async fn stream(context: &Context, config: Config) -> Result<Stream, Error> {
    let operation = format!("ensure the stream {}", config.name);
    Box::pin(context.get_or_create_stream(config)).await.map_err(Error::at(operation))
}

async fn bucket(context: &Context) -> Result<ObjectStore, Error> {
    if let Ok(bucket) = Box::pin(context.get_object_store(names::BLOBS)).await {
        return Ok(bucket);
    }
    // Making it again with the same settings changes nothing, so that two hosts may do so at once.
    Box::pin(context.create_object_store(names::blobs())).await.map_err(Error::at("ensure the bucket of blobs"))
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("broker", &self.broker).field("options", &self.options).finish_non_exhaustive()
    }
}

#[async_trait]
impl HealthPart for Engine {
    async fn look(&self) -> Part {
        let asked = self.at_within(LOOK_TIMEOUT, "look at the offers", async |place| {
            // What the broker has kept beside these was answered long ago.
            let runners = place.work.consumer_info(names::RUNNERS).await.map_err(Error::at("look at the offers"))?;
            Ok(runners.num_pending + runners.num_ack_pending as u64)
        });
        let (state, detail) = match asked.await {
            Ok(out) => (PartState::Up, format!("NATS at {}, {out} flows out", self.broker.shown())),
            Err(error) => (
                PartState::Degraded,
                format!(
                    "{}; tasks are accepted and wait. Start NATS with JetStream (nats-server -js) at {}",
                    ErrorChain(&error),
                    self.broker.shown()
                ),
            ),
        };
        Part { name: "work".to_owned(), state, needed: false, detail }
    }
}
