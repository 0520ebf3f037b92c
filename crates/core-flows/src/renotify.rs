//! Tells the evaluator again, when a request is repeated whose task has ended.
//!
//! An issuer that repeats a request has not seen what came of it. The stored bytes are sent once
//! more, as one attempt: if it fails, the issuer's next repeat is the next attempt. A limit keeps
//! repeats from becoming a way to flood an evaluator. Requirement C-053.
//!
//! Nothing is lost when the queue is full or the process dies: the issuer may repeat itself.

use std::sync::Arc;

use bytes::Bytes;
use ports::{Error, ErrorChain, Gatekeeper, Ledger, Notifier, TaskRecord};
use shared_types::events::{NotificationAttempted, Subject};
use shared_types::{Envelope, Payload, TaskId};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::delivery::{self, ATTEMPT_TIMEOUT, Reading};
use crate::intake::Renotifications;
use crate::{Ports, relay};

/// Repeats that may wait: a whole class that posts everything again.
const QUEUE: usize = 1024;

/// Attempts at once.
const CONCURRENCY: usize = 16;

/// Asks for a notification to be sent again. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    asked: mpsc::Sender<TaskId>,
}

impl Handle {
    /// Tells the evaluator of the finished task `id` again, soon and unless it was just told.
    pub fn ask(&self, id: TaskId) {
        if self.asked.try_send(id).is_err() {
            warn!(event = "notification.repeat_dropped", task_id = %id, "too many repeats at once: the evaluator is not told again");
        }
    }
}

/// Sends what was asked for.
pub struct Service {
    ports: Ports,
    limits: Renotifications,
    outbox: relay::Handle,
    handle: Handle,
    asked: mpsc::Receiver<TaskId>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renotify").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Service {
    /// Sends within `limits`, and wakes `outbox` after each attempt.
    #[must_use]
    pub fn new(limits: Renotifications, ports: Ports, outbox: relay::Handle) -> Self {
        let (sender, asked) = mpsc::channel(QUEUE);
        Self { ports, limits, outbox, handle: Handle { asked: sender }, asked }
    }

    /// Asks this service.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until `shutdown`; attempts in hand are given up then.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { ports, limits, outbox, handle: _, mut asked } = self;
        let places = Arc::new(Semaphore::new(CONCURRENCY));
        let mut attempts = JoinSet::new();
        loop {
            let id = tokio::select! {
                () = shutdown.cancelled() => break,
                id = asked.recv() => id,
            };
            let place = tokio::select! {
                () = shutdown.cancelled() => break,
                place = places.clone().acquire_owned() => place,
            };
            let (Some(id), Ok(place)) = (id, place) else { break };
            while attempts.try_join_next().is_some() {}
            let (ports, limits, outbox) = (ports.clone(), limits.clone(), outbox.clone());
            attempts.spawn(async move {
                let _place = place;
                if let Err(error) = attempt(&ports, &limits, id).await {
                    let error = ErrorChain(&error);
                    warn!(event = "notification.repeat_failed", task_id = %id, error = %error, "an evaluator could not be told again");
                }
                outbox.wake();
            });
        }
        attempts.shutdown().await;
    }
}

async fn attempt(ports: &Ports, limits: &Renotifications, id: TaskId) -> Result<(), Error> {
    // What failed before it was published has nothing to tell.
    let Some(body) = ports.ledger.notification(id).await? else { return Ok(()) };
    let Some(task) = ports.ledger.task(id).await? else { return Ok(()) };
    if ports.rates.take(vec![limits.of(id)], ports.clock.now()).await?.is_err() {
        return Ok(());
    }
    let Ports { ledger, notifier, gatekeeper, .. } = ports;
    let event = tell(ledger.as_ref(), notifier.as_ref(), gatekeeper.as_ref(), &task, body).await?;
    let event =
        Envelope::new(ports.ids.event_id(), ports.clock.now(), &subject(&task), Payload::NotificationAttempted(event));
    ports.ledger.add_events(id, vec![event]).await
}

/// Sends `body` to the evaluator of `task` once, and says what came of it.
pub(crate) async fn tell(
    ledger: &dyn Ledger,
    notifier: &dyn Notifier,
    gatekeeper: &dyn Gatekeeper,
    task: &TaskRecord,
    body: Bytes,
) -> Result<NotificationAttempted, Error> {
    let id = task.id;
    let earlier = ledger.notification_attempts(id).await?.len() as u32;
    let answer = notifier.deliver(&delivery::delivery(task, body, ATTEMPT_TIMEOUT)).await;
    let reading = delivery::read(&answer, |error| gatekeeper.redact(&ErrorChain(error).to_string()));
    let event = delivery::event(earlier + 1, &answer, &reading);
    match reading {
        Reading::Accepted => info!(
            event = "notification.repeated", task_id = %id, trace_id = %task.trace_id, "the evaluator was told again"
        ),
        Reading::Final(reason) | Reading::Again(_, reason) => warn!(
            event = "notification.repeat_refused", task_id = %id, trace_id = %task.trace_id, error = reason,
            "the evaluator was told again and did not take it"
        ),
    }
    Ok(event)
}

fn subject(task: &TaskRecord) -> Subject {
    Subject { id: task.id, name: task.task.clone(), round: task.round, trace_id: task.trace_id.clone() }
}
