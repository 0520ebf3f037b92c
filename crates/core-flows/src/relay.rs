//! Carries stored events from the outbox to a bus, in order, each at least once.
//!
//! The ledger is the truth and the bus a wake-up, so a relay may repeat itself after a crash but
//! never skips: its cursor moves only past what the bus took. A bus that is down holds up its own
//! relay and nobody else.

use std::sync::Arc;
use std::time::Duration;

use ports::{Bus, ErrorChain, Ledger};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Events read at once.
const BATCH: u32 = 256;

/// How long the relay sleeps when nobody wakes it: covers a wake-up that got lost.
const IDLE: Duration = Duration::from_secs(1);

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Wakes a relay: there is something in the outbox. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Handle {
    wake: Arc<Notify>,
    next: Option<Arc<Handle>>,
}

impl Handle {
    /// Says that something was stored.
    pub fn wake(&self) {
        self.wake.notify_one();
        if let Some(next) = &self.next {
            next.wake();
        }
    }

    /// A handle that wakes this relay and `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let next = match self.next {
            None => other,
            Some(next) => next.as_ref().clone().and(other),
        };
        Self { wake: self.wake, next: Some(Arc::new(next)) }
    }

    /// Ends when it was woken since the last time.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// One reader of the outbox and the bus it feeds.
pub struct Service {
    reader: &'static str,
    ledger: Arc<dyn Ledger>,
    bus: Arc<dyn Bus>,
    handle: Handle,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl Service {
    /// A relay to `bus` whose cursor is kept under the name `reader`.
    #[must_use]
    pub fn new(reader: &'static str, ledger: Arc<dyn Ledger>, bus: Arc<dyn Bus>) -> Self {
        Self { reader, ledger, bus, handle: Handle::default() }
    }

    /// Wakes this relay.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut failures = 0_u32;
        loop {
            let pause = match self.drain(&shutdown).await {
                Ok(()) => {
                    failures = 0;
                    IDLE
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let pause = Duration::from_secs(1 << failures.min(5)).min(LONGEST_PAUSE);
                    warn!(
                        event = "outbox.delayed",
                        reader = self.reader,
                        failures,
                        wait_ms = pause.as_millis() as u64,
                        error = %ErrorChain(&error),
                        "events wait in the outbox"
                    );
                    pause
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                // After a failure a wake-up is no reason to hurry.
                () = self.handle.wake.notified(), if failures == 0 => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn drain(&self, shutdown: &CancellationToken) -> Result<(), ports::Error> {
        let mut cursor = self.ledger.cursor(self.reader).await?;
        loop {
            let events = self.ledger.events_after(cursor, BATCH).await?;
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(()) };
            let count = events.len();
            for event in events {
                let seq = event.seq;
                if let Err(error) = self.bus.publish(Arc::new(event)).await {
                    // What went out stays out: the next try begins at the event that failed.
                    self.ledger.advance(self.reader, seq.saturating_sub(1)).await?;
                    return Err(error);
                }
            }
            self.ledger.advance(self.reader, last).await?;
            cursor = last;
            debug!(event = "outbox.relayed", reader = self.reader, count, cursor, "events relayed");
            if shutdown.is_cancelled() {
                return Ok(());
            }
        }
    }
}
