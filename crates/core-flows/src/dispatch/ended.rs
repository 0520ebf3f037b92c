//! Ends that no runner reports: leases that are ours no longer, and flows that nobody gets any more.

use std::time::Duration;

use futures::StreamExt as _;
use ports::{Closing, DeadLetter, Error, LeaseError, Recall, TaskRecord};
use shared_types::events::{Subject, TaskFinished};
use shared_types::http::Outcome;
use shared_types::{Envelope, Payload, TaskId, Timestamp};
use tracing::{error, info, warn};

use super::{LEASE, Service};

/// How often leases of what is lent are kept; what an operator has ended meanwhile is called back then.
const KEEP_EVERY: Duration = Duration::from_secs(15);

/// Leases kept at once: they share a commit.
const KEPT_AT_ONCE: usize = 64;

impl Service {
    /// Keeps the leases of what is out.
    pub(super) async fn keep(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.kept_at.is_some_and(|at| now.since(at) < KEEP_EVERY) {
            return Ok(());
        }
        self.kept_at = Some(now);
        let (queue, until) = (&self.ports.queue, now.plus(LEASE));
        let leases: Vec<_> = self.lent.values().map(|lent| lent.lease).collect();
        let keeping = leases.into_iter().map(async |lease| (lease.task, queue.heartbeat(lease, until).await));
        let kept: Vec<_> = futures::stream::iter(keeping).buffer_unordered(KEPT_AT_ONCE).collect().await;
        for (task, kept) in kept {
            match kept {
                Ok(()) => {}
                Err(LeaseError::Queue(error)) => return Err(error),
                Err(LeaseError::Lost { .. }) => self.lost(task).await?,
            }
        }
        Ok(())
    }

    /// The ledger's flow is ours no longer. When an operator has ended it, or begun it anew, its runner shall not go on;
    /// else it is taken again, and its runner's reports still count.
    pub(super) async fn lost(&mut self, task: TaskId) -> Result<(), Error> {
        let Some(lent) = self.lent.get(&task) else { return Ok(()) };
        let known = self.ports.ledger.task(task).await?;
        if known.is_none_or(|known| lent.is_over(&known)) {
            let closing = Closing { outcome: Outcome::Cancelled, at: self.ports.clock.now(), notification: None };
            let recall = Recall { task, repo: lent.repo.clone(), number: lent.lease.epoch.0, closing };
            self.ports.fleet.recall(&recall).await?;
            info!(event = "flow.recalled", task_id = %task, "a flow that was ended is called back from its runner");
        }
        self.lent.remove(&task);
        Ok(())
    }

    /// Closes a flow that runners took again and again. The closing comes back as a report.
    pub(super) async fn bury(&self, letter: DeadLetter, now: Timestamp) -> Result<(), Error> {
        let Some(task) = self.ports.ledger.task(letter.task).await? else {
            error!(event = "flow.unknown", task_id = %letter.task, "a dead letter is of no task in this ledger");
            return Ok(());
        };
        warn!(event = "flow.dead_letter", task_id = %letter.task, "no runner brought a flow to its end; it is closed");
        let closing = Closing { outcome: Outcome::Failed, at: now, notification: None };
        let reason = "dispatch: runners took it up again and again, and none came to its end".to_owned();
        let outcome = Outcome::Failed.as_str().to_owned();
        let ended = Payload::TaskFinished(TaskFinished { outcome, reason, ..TaskFinished::default() });
        let event = Envelope::new(self.ports.ids.event_id(), now, &subject(&task), ended);
        self.ports.fleet.bury(letter, closing, vec![event]).await
    }
}

fn subject(task: &TaskRecord) -> Subject {
    Subject { id: task.id, name: task.task.clone(), round: task.round, trace_id: task.trace_id.clone() }
}
