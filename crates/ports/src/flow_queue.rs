//! Work to do: claimed one flow per repository, journaled, fenced by an epoch.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shared_types::http::Outcome;
use shared_types::{CheckReport, CommitSha, Envelope, Epoch, TaskId, Timestamp};
use url::Url;

use crate::{Error, TaskRecord};

/// Names a running process, a new name each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerId(pub String);

/// The right to work on a flow while no greater epoch was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The flow.
    pub task: TaskId,
    /// The fencing token.
    pub epoch: Epoch,
}

/// A step's outcome in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Name of the step; at most one record a flow and step.
    pub step: String,
    /// The outcome as JSON; core-flows alone reads it.
    pub outcome: String,
    /// One line for people.
    pub summary: String,
    /// When the attempt that succeeded began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Attempts it took.
    pub attempts: u32,
}

/// A claimed flow: go on after the last record of the journal.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The right to write.
    pub lease: Lease,
    /// What was accepted.
    pub task: TaskRecord,
    /// Steps already done, in the order they were recorded.
    pub journal: Vec<StepRecord>,
}

/// How a flow ended: written in one commit with the last events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// How.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
    /// The exact bytes sent to the evaluator, kept for repeats; absent when nothing was published.
    pub notification: Option<Vec<u8>>,
}

/// A write under a lease did not happen.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Someone else holds the flow now: stop, and change nothing more.
    #[error("the lease on flow {task} is lost: epoch {} is not current", epoch.0)]
    Lost {
        /// The flow.
        task: TaskId,
        /// The epoch that is no longer current.
        epoch: Epoch,
    },
    /// The queue itself failed.
    #[error(transparent)]
    Queue(#[from] Error),
}

/// What is known of a published site, written into the task's record as soon as it is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskUpdate {
    /// Replaces the report.
    pub report: Option<CheckReport>,
    /// Replaces the repository's URL.
    pub repo_url: Option<Url>,
    /// Replaces the commit.
    pub commit_sha: Option<CommitSha>,
    /// Replaces the site's URL.
    pub pages_url: Option<Url>,
    /// Added to the notes.
    pub notes: Vec<String>,
}

/// The queue of flows. All writes are fenced: they fail with [`LeaseError::Lost`] and change
/// nothing when the lease's epoch is not the flow's current one.
#[async_trait]
pub trait FlowQueue: Send + Sync {
    /// Called once at the start of a process, before the first claim: flows that an earlier
    /// process of this engine left running wait again, under their next epoch. Returns how many. Those
    /// that wait for a time wait no longer: other settings may be what they waited for.
    /// An engine of several hosts takes none: what runs may be another host's, and leases tell.
    async fn adopt_orphans(&self) -> Result<u32, Error>;

    /// The next flow that may run: the oldest whose repository has no running flow and no earlier
    /// unfinished one, and whose time to wait is over. The lease ends at `now + lease`, or
    /// later by as long as the claim waited for its flow.
    async fn claim(&self, worker: &WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Claim>, Error>;

    /// Keeps the lease until `until`.
    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), LeaseError>;

    /// Journals a step with its events and what it says of the task, in one commit. The first
    /// record of a step stays; a second is [`LeaseError::Lost`], since only a zombie writes it.
    async fn record(
        &self,
        lease: Lease,
        step: StepRecord,
        update: TaskUpdate,
        events: Vec<Envelope>,
    ) -> Result<(), LeaseError>;

    /// Adds events in one commit.
    async fn append(&self, lease: Lease, events: Vec<Envelope>) -> Result<(), LeaseError>;

    /// Gives the flow back, to be claimed again from `not_before` on.
    async fn release(&self, lease: Lease, not_before: Timestamp, events: Vec<Envelope>) -> Result<(), LeaseError>;

    /// Ends the flow.
    async fn finish(&self, lease: Lease, closing: Closing, events: Vec<Envelope>) -> Result<(), LeaseError>;

    /// Flows that wait and flows that run.
    async fn depth(&self) -> Result<QueueDepth, Error>;
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Waiting.
    pub queued: u64,
    /// Running.
    pub running: u64,
}
