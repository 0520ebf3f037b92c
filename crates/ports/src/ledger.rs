//! The ledger: what was accepted and what became of it.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shared_types::http::{CheckBody, NotificationAttempt, Outcome, TaskState};
use shared_types::{
    CheckReport, CommitSha, Digest, Email, Envelope, Epoch, Nonce, Round, SitePath, TaskId, TaskName, Timestamp,
    TraceId,
};
use url::Url;

use crate::{Bucket, Error, OverLimit, RepoName};

/// An attached file whose bytes are a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Where it goes in the site.
    pub path: SitePath,
    /// The media type of its data URI.
    pub media_type: String,
    /// The media type that its bytes have the look of, when they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sniffed_type: Option<String>,
    /// Bytes.
    pub size: u64,
    /// The blob.
    pub sha256: Digest,
}

/// Which repository an accepted request belongs to. The ledger decides within the accepting
/// transaction, so that two requests at once cannot see different answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoChoice {
    /// Round 1: this new one.
    New(RepoName),
    /// Later rounds: the newest of the same `(email, task)`, else this name.
    Latest {
        /// Used when the ledger knows none.
        otherwise: RepoName,
    },
}

/// A validated request on its way into the ledger. Blobs are stored before.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Id, trace, and the first event's subject.
    pub id: TaskId,
    /// Trace id.
    pub trace_id: TraceId,
    /// `(email, task, round, nonce)` identify the request.
    pub email: Email,
    /// The instructor's name.
    pub task: TaskName,
    /// The round.
    pub round: Round,
    /// The issuer's mark.
    pub nonce: Nonce,
    /// Digest of the body without the secret: the same identity with another fingerprint is a conflict.
    pub fingerprint: Digest,
    /// What to build.
    pub brief: String,
    /// As they came; at least one.
    pub checks: Vec<CheckBody>,
    /// Where to notify.
    pub evaluation_url: Url,
    /// Attached files.
    pub attachments: Vec<Attachment>,
    /// Where it will be published.
    pub repo: RepoChoice,
    /// Now.
    pub accepted_at: Timestamp,
    /// When it must be handed in.
    pub deadline_at: Timestamp,
    /// `TaskAccepted`; stored in the same commit. Its `repo` field is set by the ledger.
    pub event: Envelope,
    /// Counted in the same commit, at `accepted_at`, when the task is new.
    pub takes: Vec<Bucket>,
}

/// What accepting came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// It is stored; its flow waits.
    New,
    /// The same request was accepted before, under this id and trace.
    Repeat {
        /// The id given then.
        id: TaskId,
        /// The trace given then.
        trace_id: TraceId,
        /// Where it stands now.
        state: TaskState,
    },
    /// The same identity was accepted before with another body.
    Conflict {
        /// The id given then.
        id: TaskId,
    },
    /// It is new, and one of its buckets is full. Nothing was stored.
    OverLimit(OverLimit),
}

/// One accepted request as the ledger holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Id of the request and of its flow.
    pub id: TaskId,
    /// Trace id.
    pub trace_id: TraceId,
    /// The student.
    pub email: Email,
    /// The instructor's name.
    pub task: TaskName,
    /// The round.
    pub round: Round,
    /// The issuer's mark.
    pub nonce: Nonce,
    /// What to build.
    pub brief: String,
    /// As they came.
    pub checks: Vec<CheckBody>,
    /// Where to notify.
    pub evaluation_url: Url,
    /// Attached files.
    pub attachments: Vec<Attachment>,
    /// The repository it belongs to.
    pub repo: RepoName,
    /// Whether an earlier accepted request belongs to the same repository.
    pub repo_known: bool,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it must be handed in: the present attempt's time.
    pub deadline_at: Timestamp,
    /// The present attempt.
    pub attempt: Attempt,
    /// Where it stands.
    pub state: TaskState,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The latest report.
    pub report: Option<CheckReport>,
    /// The repository's URL, once published.
    pub repo_url: Option<Url>,
    /// The commit, once published.
    pub commit_sha: Option<CommitSha>,
    /// The site's URL, once published.
    pub pages_url: Option<Url>,
    /// Remarks for people.
    pub notes: Vec<String>,
}

/// How often a task was begun by an operator, and since when it is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1; each retry by an operator is one more.
    pub number: u32,
    /// When the retry was asked for; absent for the first attempt, which began with the acceptance.
    pub began_at: Option<Timestamp>,
    /// The flow's epoch when the attempt began: what was claimed later belongs to it.
    pub epoch: Epoch,
}

impl Attempt {
    /// The one that acceptance begins.
    pub const FIRST: Self = Self { number: 1, began_at: None, epoch: Epoch(0) };
}

impl TaskRecord {
    /// Names the present attempt to whoever must tell it from an earlier one: the task's id, from the second attempt on
    /// with its number.
    #[must_use]
    pub fn attempt_id(&self) -> String {
        match self.attempt.number {
            0 | 1 => self.id.to_string(),
            number => format!("{}-{number}", self.id),
        }
    }
}

/// Which tasks a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// All.
    #[default]
    All,
    /// Those that wait or run.
    Open,
    /// Dead letters: ended, and the evaluator has not taken what came of them (failed, refused, undelivered).
    Dead,
}

impl Show {
    /// By their names.
    pub const ALL: [(&'static str, Self); 3] = [("all", Self::All), ("open", Self::Open), ("dead", Self::Dead)];
}

/// Which tasks to list: newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskPage {
    /// Only tasks accepted before this one.
    pub before: Option<TaskId>,
    /// At most this many.
    pub limit: u32,
    /// Only those.
    pub show: Show,
}

/// The durable record. A method that writes returns after the commit.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Stores a task with its first event in one durable commit.
    async fn accept(&self, new: NewTask) -> Result<Acceptance, Error>;

    /// What [`Self::accept`] would say now, for less than it costs and without storing anything.
    async fn preview(&self, new: &NewTask) -> Result<Acceptance, Error>;

    /// One task.
    async fn task(&self, id: TaskId) -> Result<Option<TaskRecord>, Error>;

    /// A page of tasks, newest first.
    async fn tasks(&self, page: TaskPage) -> Result<Vec<TaskRecord>, Error>;

    /// The earlier accepted requests of the task's repository, in order of acceptance.
    async fn earlier_rounds(&self, id: TaskId) -> Result<Vec<TaskRecord>, Error>;

    /// Up to `limit` events of one task with `seq > after`, in order.
    async fn task_events(&self, id: TaskId, after: u64, limit: u32) -> Result<Vec<Envelope>, Error>;

    /// Up to `limit` events of all tasks with `seq > after`, in order: the outbox.
    async fn events_after(&self, after: u64, limit: u32) -> Result<Vec<Envelope>, Error>;

    /// How far the named reader of the outbox has come; 0 at first.
    async fn cursor(&self, reader: &str) -> Result<u64, Error>;

    /// Moves the named reader's cursor forward to `seq`; never backward.
    async fn advance(&self, reader: &str, seq: u64) -> Result<(), Error>;

    /// The attempts to notify for one task, in order. Read from its events.
    async fn notification_attempts(&self, id: TaskId) -> Result<Vec<NotificationAttempt>, Error>;

    /// The exact bytes that the evaluator of a finished task was or should have been sent; none
    /// when nothing was published.
    async fn notification(&self, id: TaskId) -> Result<Option<Bytes>, Error>;

    /// Adds events to a finished task. Of one that is not, a flow writes the events.
    async fn add_events(&self, id: TaskId, happened: Vec<Envelope>) -> Result<(), Error>;
}
