//! A runner that is paused beyond its lease, anywhere, and wakes up: what others see of the world stays as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ports::*;
use shared_types::{Envelope, Timestamp};

use crate::world::{World, request};

/// Beyond any lease.
const LONG: Duration = Duration::from_secs(3600);

/// Time that passed while the process was paused, and not for its timers.
struct PausedClock {
    inner: Arc<dyn Clock>,
    paused_s: AtomicU64,
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        self.inner.now().plus(Duration::from_secs(self.paused_s.load(Ordering::Relaxed)))
    }
}

/// Pauses the process where the outcome of a step has just been journaled. Meanwhile somebody else takes the flow.
struct PausingQueue {
    inner: Arc<dyn FlowQueue>,
    clock: Arc<PausedClock>,
    after: &'static str,
}

#[async_trait]
impl FlowQueue for PausingQueue {
    async fn adopt_orphans(&self) -> Result<u32, Error> {
        self.inner.adopt_orphans().await
    }

    async fn claim(&self, worker: &WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Claim>, Error> {
        self.inner.claim(worker, now, lease).await
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), LeaseError> {
        self.inner.heartbeat(lease, until).await
    }

    async fn record(
        &self,
        lease: Lease,
        step: StepRecord,
        update: TaskUpdate,
        events: Vec<Envelope>,
    ) -> Result<(), LeaseError> {
        let is_the_one = step.step == self.after;
        self.inner.record(lease, step, update, events).await?;
        if is_the_one {
            self.clock.paused_s.fetch_add(LONG.as_secs(), Ordering::Relaxed);
            let other = WorkerId("other".to_owned());
            let claim = self.inner.claim(&other, self.clock.now(), 10 * LONG).await?.unwrap();
            assert_eq!(claim.lease.task, lease.task);
        }
        Ok(())
    }

    async fn append(&self, lease: Lease, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.inner.append(lease, events).await
    }

    async fn release(&self, lease: Lease, not_before: Timestamp, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.inner.release(lease, not_before, events).await
    }

    async fn finish(&self, lease: Lease, closing: Closing, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.inner.finish(lease, closing, events).await
    }

    async fn depth(&self) -> Result<QueueDepth, Error> {
        self.inner.depth().await
    }
}

/// How many commits and notifications there are after a runner was paused behind the step `after`.
async fn check(after: &'static str, commits: usize, notifications: usize) {
    let mut world = World::new();
    let clock = Arc::new(PausedClock { inner: world.ports.clock.clone(), paused_s: AtomicU64::new(0) });
    world.ports.queue = Arc::new(PausingQueue { inner: world.ports.queue.clone(), clock: clock.clone(), after });
    world.ports.clock = clock;
    world.post(Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let published = world.host.commits().iter().map(|(_, commits)| commits).sum::<usize>();
    let told = world.notifier.deliveries.lock().unwrap().len();
    assert_eq!((published, told), (commits, notifications), "paused after {after}");
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_was_paused_beyond_its_lease_changes_nothing_outside() {
    check("none", 1, 1).await;
    check("commit", 0, 0).await;
    check("publish", 1, 0).await;
    check("confirm", 1, 0).await;
    check("notify", 1, 1).await;
}
