//! Requirements B-34, B-35 and B-65: one relay feeds the parts of this process, another one the mirror, from the same rows.
//! A mirror that is away for ten minutes keeps nobody waiting, and gets all it missed, in order and without a gap.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use core_flows::{archive, relay};
use ports::testing::conformance::request;
use ports::testing::{MemoryLedger, TokioClock};
use ports::{Acceptance, Bus, Clock as _, Error, HealthPart as _, Ledger as _, Subscription};
use shared_types::http::PartState;
use shared_types::{Envelope, Timestamp};
use tokio_util::sync::CancellationToken;

/// A bus that is away until some time, and now and then drops its answer after it has taken an event.
struct Away {
    clock: TokioClock,
    until: Timestamp,
    took: Mutex<Vec<u64>>,
    drops: Mutex<u32>,
}

impl Away {
    fn new(seconds: u64) -> Arc<Self> {
        let until = TokioClock::EPOCH.plus(Duration::from_secs(seconds));
        Arc::new(Self { clock: TokioClock::new(), until, took: Mutex::default(), drops: Mutex::new(3) })
    }

    /// Places of what it took, each once: readers know a repeat by its id.
    fn seen(&self) -> Vec<u64> {
        let mut seen = self.took.lock().unwrap().clone();
        seen.dedup();
        seen
    }
}

#[async_trait]
impl Bus for Away {
    async fn publish(&self, event: Arc<Envelope>) -> Result<(), Error> {
        if self.clock.now() < self.until {
            return Err(Error::again("the broker is away"));
        }
        self.took.lock().unwrap().push(event.seq);
        let mut drops = self.drops.lock().unwrap();
        if event.seq.is_multiple_of(7) && *drops > 0 {
            *drops -= 1;
            return Err(Error::again("no answer"));
        }
        Ok(())
    }

    fn subscribe(&self) -> Subscription {
        Box::pin(futures::stream::empty())
    }
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_was_away_for_ten_minutes_misses_nothing() {
    let ledger = Arc::new(MemoryLedger::new());
    let (here, mirror, stop) = (Away::new(0), Away::new(600), CancellationToken::new());
    let (one, two) = (
        relay::Service::new("in-process", ledger.clone(), here.clone()),
        relay::Service::new("jetstream", ledger.clone(), mirror.clone()),
    );
    let outbox = one.handle().and(two.handle());
    let parts = [tokio::spawn(one.run(stop.clone())), tokio::spawn(two.run(stop.clone()))];
    for n in 1..=60 {
        // Each is accepted at once, and heard of here at once.
        let began = tokio::time::Instant::now();
        assert_eq!(ledger.accept(request(n, "ann", 1)).await.unwrap(), Acceptance::New);
        assert_eq!(began.elapsed(), Duration::ZERO);
        outbox.wake();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(here.seen().last(), Some(&n));
        assert!(n == 60 || mirror.seen().is_empty());
    }
    tokio::time::sleep(Duration::from_secs(300)).await;
    let all: Vec<u64> = (1..=60).collect();
    assert_eq!((here.seen(), mirror.seen()), (all.clone(), all));
    stop.cancel();
    for part in parts {
        part.await.unwrap();
    }
}

/// Copies are no sooner there than the broker, and health says since when they are missing.
#[tokio::test(start_paused = true)]
async fn copies_that_lag_behind_are_said() {
    let (ledger, clock) = (Arc::new(MemoryLedger::new()), Arc::new(TokioClock::new()));
    let lag = archive::Lag { ledger: ledger.clone(), clock };
    let state = async || lag.look().await.state;
    assert_eq!(state().await, PartState::Up);
    ledger.accept(request(1, "ann", 1)).await.unwrap();
    assert_eq!(state().await, PartState::Up);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let part = lag.look().await;
    assert!(part.state == PartState::Degraded && part.detail.contains("since 2026-01-01T00:00:01"), "{part:?}");
    ledger.advance(archive::READER, 1).await.unwrap();
    assert_eq!(state().await, PartState::Up);
}
