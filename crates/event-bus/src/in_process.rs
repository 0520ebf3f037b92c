//! The bus within one process.
//!
//! A ring of the latest events, shared by all subscribers. Publishing never waits: a subscriber
//! that falls behind by more than the ring holds loses the oldest and goes on with the rest.

use std::num::NonZeroU16;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, future};
use ports::{Bus, HealthPart, Subscription};
use shared_types::Envelope;
use shared_types::http::{Part, PartState};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// Settings of the in-process bus.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Events that a subscriber may be behind before it loses some.
    pub capacity: NonZeroU16,
}

impl Default for Options {
    /// Room for 1,024 events: about 50 whole tasks.
    fn default() -> Self {
        const CAPACITY: NonZeroU16 = NonZeroU16::MIN.saturating_add(1023);
        Self { capacity: CAPACITY }
    }
}

/// The bus within one process. Clones share the same events.
#[derive(Debug, Clone)]
pub struct InProcessBus {
    sender: broadcast::Sender<Arc<Envelope>>,
}

impl InProcessBus {
    /// A bus without subscribers.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { sender: broadcast::Sender::new(usize::from(options.capacity.get())) }
    }
}

#[async_trait]
impl Bus for InProcessBus {
    async fn publish(&self, event: Arc<Envelope>) -> Result<(), ports::Error> {
        // The one error is that nobody listens, which is no failure: a bus only wakes.
        let _listeners = self.sender.send(event).unwrap_or(0);
        Ok(())
    }

    fn subscribe(&self) -> Subscription {
        let events = BroadcastStream::new(self.sender.subscribe());
        Box::pin(events.filter_map(|received| future::ready(skip_lag(received))))
    }
}

#[async_trait]
impl HealthPart for InProcessBus {
    async fn look(&self) -> Part {
        let subscribers = self.sender.receiver_count();
        Part {
            name: "bus".to_owned(),
            state: PartState::Up,
            needed: true,
            detail: format!("in-process, {subscribers} subscribers"),
        }
    }
}

fn skip_lag(received: Result<Arc<Envelope>, BroadcastStreamRecvError>) -> Option<Arc<Envelope>> {
    match received {
        Ok(event) => Some(event),
        Err(BroadcastStreamRecvError::Lagged(skipped)) => {
            tracing::warn!(event = "bus.lagged", skipped, "a subscriber of the bus was too slow and lost events");
            None
        }
    }
}
