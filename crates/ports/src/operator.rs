//! What operators may change: the levers of the ledger, and the one who decides about pulling them.

use async_trait::async_trait;
use shared_types::http::NotificationAttempt;
use shared_types::{Envelope, TaskId, Timestamp};

use crate::{Error, Ledger, StepRecord, TaskPage, TaskRecord};

/// What deciding about another attempt needs to know of a flow.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What was accepted and what became of it.
    pub task: TaskRecord,
    /// Steps already done, in the order they were recorded.
    pub journal: Vec<StepRecord>,
    /// A later round of the same repository that is published: an earlier round's site would take its place.
    pub published_later: Option<TaskId>,
}

/// Another attempt at a flow that does not run.
#[derive(Debug, Clone)]
pub struct Reopening {
    /// The flow.
    pub id: TaskId,
    /// The attempt that was looked at; when the flow has another one by now, nothing happens.
    pub after_attempt: u32,
    /// Steps whose records stay; all others go.
    pub keep: Vec<String>,
    /// Now: the beginning of the attempt.
    pub at: Timestamp,
    /// When the attempt must be handed in.
    pub deadline_at: Timestamp,
    /// Stored in the same commit.
    pub event: Envelope,
}

/// Whether a lever moved anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It did, durably.
    Yes,
    /// The flow is not as it was when this was decided: nothing was changed.
    No,
}

/// The levers: changes of a flow that no worker makes. Each is one commit.
#[async_trait]
pub trait Levers: Send + Sync {
    /// A task with its journal; none when there is no such task.
    async fn standing(&self, id: TaskId) -> Result<Option<Standing>, Error>;

    /// Puts a flow that waits or has ended back into the queue as a new attempt. It is claimed under a greater epoch
    /// than any before. A worker that lost it by [`Levers::cancel`] keeps it waiting until its lease would have ended.
    async fn reopen(&self, reopening: Reopening) -> Result<Moved, Error>;

    /// Ends a flow that has not ended, with the outcome `cancelled` and `event`. A worker that runs it hears at its
    /// next write that its lease is lost; the next round of the repository waits until that lease would have ended.
    async fn cancel(&self, id: TaskId, at: Timestamp, event: Envelope) -> Result<Moved, Error>;
}

/// Why an operator's wish was not granted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Declined {
    /// No task was accepted under the id.
    #[error("there is no task {0}")]
    Unknown(TaskId),
    /// It cannot be done as things are: in words for people, with what to do instead.
    #[error("{0}")]
    NotNow(String),
    /// The ledger failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What operators ask for, by HTTP or at a shell.
#[async_trait]
pub trait Operator: Send + Sync {
    /// Begins a new attempt at a task that does not run: from the step `from`, or else from the first one that did not
    /// do what it should.
    async fn retry(&self, id: TaskId, from: Option<&str>) -> Result<TaskRecord, Declined>;

    /// Ends a task that has not ended. The step in hand may come to its end; nothing of it is recorded.
    async fn cancel(&self, id: TaskId) -> Result<TaskRecord, Declined>;

    /// Sends the stored notification of an ended task once more, byte for byte, and says what came of it.
    async fn renotify(&self, id: TaskId) -> Result<NotificationAttempt, Declined>;
}

/// The part of a [`Ledger`] that shows tasks, for whoever only looks.
#[async_trait]
pub trait TaskReader: Send + Sync {
    /// One task.
    async fn task_of(&self, id: TaskId) -> Result<Option<TaskRecord>, Error>;

    /// A page of tasks, newest first.
    async fn page_of(&self, page: TaskPage) -> Result<Vec<TaskRecord>, Error>;

    /// Up to `limit` events of one task with `seq > after`, in order.
    async fn events_of(&self, id: TaskId, after: u64, limit: u32) -> Result<Vec<Envelope>, Error>;

    /// The attempts to notify for one task, in order.
    async fn attempts_of(&self, id: TaskId) -> Result<Vec<NotificationAttempt>, Error>;
}

#[async_trait]
impl<L: Ledger + ?Sized> TaskReader for L {
    async fn task_of(&self, id: TaskId) -> Result<Option<TaskRecord>, Error> {
        self.task(id).await
    }

    async fn page_of(&self, page: TaskPage) -> Result<Vec<TaskRecord>, Error> {
        self.tasks(page).await
    }

    async fn events_of(&self, id: TaskId, after: u64, limit: u32) -> Result<Vec<Envelope>, Error> {
        self.task_events(id, after, limit).await
    }

    async fn attempts_of(&self, id: TaskId) -> Result<Vec<NotificationAttempt>, Error> {
        self.notification_attempts(id).await
    }
}
