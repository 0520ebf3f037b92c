//! What operators may change: the levers of the ledger, and the one who decides about pulling them.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use shared_types::http::{Forgotten, NotificationAttempt, TaskState};
use shared_types::{Digest, Email, Envelope, TaskId, TaskName, Timestamp};
use url::Url;

use crate::{Error, Ledger, RepoName, StepRecord, TaskPage, TaskRecord};

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

/// A task of one person, as far as forgetting it needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTask {
    /// The task.
    pub id: TaskId,
    /// The person, as this request wrote it.
    pub email: Email,
    /// The instructor's name.
    pub task: TaskName,
    /// Where it stands.
    pub state: TaskState,
    /// The repository it belongs to.
    pub repo: RepoName,
    /// The repository's URL, once there is one.
    pub repo_url: Option<Url>,
}

/// What becomes of the repositories of a person who is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repositories {
    /// They stay at the code host.
    Keep,
    /// Those that we have made are deleted, with their pages.
    Delete,
}

/// Whom to forget.
#[derive(Debug, Clone)]
pub struct Forgetting {
    /// The person; capitals make no other one.
    pub email: Email,
    /// Counters that count this person.
    pub counters: Vec<Digest>,
    /// Now.
    pub at: Timestamp,
    /// So long before now nothing may have been done for this person, or what was done then may still be under way.
    pub rest: Duration,
}

/// What became of the rows of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgot {
    /// They are gone, from the database's files too.
    Done(Erased),
    /// Something of theirs is, or may be, under way until then. Nothing was changed.
    Busy {
        /// When to ask again; absent while a flow has not ended.
        until: Option<Timestamp>,
    },
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Rows that were removed, or stripped of whom they are about, by table.
    pub rows: BTreeMap<String, u64>,
    /// Blobs that were removed: nothing names them any more.
    pub blobs: u64,
    /// Blobs that nothing names, and that somebody stored or asked for a moment ago: the next time removes them.
    pub blobs_left: u64,
    /// Repositories at the code host, which this does not touch.
    pub repos: Vec<RepoName>,
    /// Blobs that the removed rows named and that no other row names.
    pub unnamed: Vec<Digest>,
}

/// Removing what is known of a person.
#[async_trait]
pub trait Oblivion: Send + Sync {
    /// The tasks of a person, in order of acceptance.
    async fn tasks_of(&self, email: &Email) -> Result<Vec<OwnTask>, Error>;

    /// [`Forgot::Busy`], when [`Oblivion::forget`] would say so now. Changes nothing.
    async fn busy(&self, wish: &Forgetting) -> Result<Option<Forgot>, Error>;

    /// Digests of what models were asked for this person and for nobody else.
    async fn prompts_of(&self, email: &Email) -> Result<Vec<String>, Error>;

    /// Removes every row, event and blob of the person, and what was left of them in the files of the database. Calls
    /// of models stay as sums that say nothing of whom they were for. Blobs that another task names stay.
    async fn forget(&self, wish: Forgetting) -> Result<Forgot, Error>;

    /// Those of `blobs` that some row names.
    async fn named(&self, blobs: Vec<Digest>) -> Result<Vec<Digest>, Error>;

    /// Keeps the receipt, which names nobody.
    async fn keep_receipt(&self, receipt: &Forgotten) -> Result<(), Error>;
}

/// Answers of models that are kept for repeats.
#[async_trait]
pub trait AnswerCache: Send + Sync {
    /// Removes those to the prompts with these digests; says how many.
    async fn forget_prompts(&self, prompt_hashes: &[String]) -> Result<u64, Error>;
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

    /// Removes what is known of a person. Open tasks are cancelled first, and then it must be asked for again; so it
    /// must when a repository that shall be deleted cannot be for a passing reason.
    async fn forget(&self, email: &Email, repositories: Repositories) -> Result<Forgotten, Declined>;
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
