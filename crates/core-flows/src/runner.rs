//! Claims flows and takes them through their plans, a bounded number at once.
//!
//! The runner is woken by events on the bus and looks for itself now and then; what it may run is
//! the queue's decision. On shutdown it stops claiming, lets each running flow come to the next
//! point of its journal, and gives it back.

mod flow;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use futures::StreamExt as _;
use ports::{ErrorChain, HealthPart, WorkerId};
use shared_types::http::{Part, PartState};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use crate::context::Options;
use crate::{Ports, relay};

/// The running part: owns the loop.
#[derive(Debug)]
pub struct Service {
    options: Options,
    ports: Ports,
    outbox: relay::Handle,
    worker: WorkerId,
    state: Arc<State>,
}

/// Says how the runner is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    state: Arc<State>,
    ports: Ports,
}

#[derive(Debug, Default)]
struct State {
    running: AtomicU32,
    stopped: AtomicU32,
    /// Wakes the loop when a flow ended: another may be claimable now.
    ended: Notify,
}

impl Service {
    /// A runner that wakes `outbox` whenever it stored events. `worker` is a new name each start.
    #[must_use]
    pub fn new(options: Options, ports: Ports, outbox: relay::Handle, worker: WorkerId) -> Self {
        Self { options, ports, outbox, worker, state: Arc::default() }
    }

    /// For `/health`.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { state: self.state.clone(), ports: self.ports.clone() }
    }

    /// Runs until `shutdown`, then lets flows come to a journal point.
    pub async fn run(self, shutdown: CancellationToken) {
        // Subscribed before the first claim, so that nothing accepted meanwhile is overlooked.
        let mut events = self.ports.bus.subscribe();
        match self.ports.queue.adopt_orphans().await {
            Ok(0) => {}
            Ok(count) => info!(event = "flows.adopted", count, "flows of an earlier process go on"),
            Err(error) => {
                let error = ErrorChain(&error);
                error!(event = "flows.adopt_failed", %error, "flows of an earlier process could not be adopted");
            }
        }
        let mut flows = JoinSet::new();
        while !shutdown.is_cancelled() {
            self.claim_all(&mut flows, &shutdown).await;
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(_) = events.next() => {}
                () = self.state.ended.notified() => {}
                () = tokio::time::sleep(self.options.poll) => {}
            }
            while let Some(ended) = flows.try_join_next() {
                log_panic(ended);
            }
        }
        self.drain(flows).await;
    }

    async fn claim_all(&self, flows: &mut JoinSet<()>, shutdown: &CancellationToken) {
        while flows.len() < self.options.concurrency && !shutdown.is_cancelled() {
            let now = self.ports.clock.now();
            let claim = match self.ports.queue.claim(&self.worker, now, self.options.lease).await {
                Ok(Some(claim)) => claim,
                Ok(None) => return,
                Err(error) => {
                    let error = ErrorChain(&error);
                    warn!(event = "flow.claim_failed", %error, "no flow could be claimed; the next look follows");
                    return;
                }
            };
            let flow = flow::Flow::new(self.ports.clone(), self.options.clone(), self.outbox.clone(), claim, now);
            let state = self.state.clone();
            let shutdown = shutdown.clone();
            flows.spawn(async move {
                let _running = Running::count(state);
                flow.run(shutdown).await;
            });
        }
    }

    async fn drain(&self, mut flows: JoinSet<()>) {
        let drained = tokio::time::timeout(self.options.grace, async {
            while let Some(ended) = flows.join_next().await {
                log_panic(ended);
            }
        });
        if drained.await.is_err() {
            // The journal holds what they did; the step in hand runs again at the next start.
            info!(event = "flows.left", count = flows.len(), "flows are left in the middle of a step");
            flows.shutdown().await;
        }
        self.state.stopped.store(1, Ordering::Relaxed);
    }
}

/// Counts a running flow for as long as it lives, however it ends.
struct Running(Arc<State>);

impl Running {
    fn count(state: Arc<State>) -> Self {
        state.running.fetch_add(1, Ordering::Relaxed);
        Self(state)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
        self.0.ended.notify_one();
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(fault) = ended {
        error!(event = "flow.panicked", error = %fault, "a flow broke off; it goes on when its lease ends");
    }
}

#[async_trait]
impl HealthPart for Handle {
    async fn look(&self) -> Part {
        let running = self.state.running.load(Ordering::Relaxed);
        let (state, detail) = if self.state.stopped.load(Ordering::Relaxed) > 0 {
            (PartState::Down, "stopped".to_owned())
        } else {
            match self.ports.queue.depth().await {
                Ok(depth) => (PartState::Up, format!("{running} running, {} waiting", depth.queued)),
                Err(error) => (PartState::Down, format!("the queue does not answer: {error}")),
            }
        };
        Part { name: "runner".to_owned(), state, needed: true, detail }
    }
}
