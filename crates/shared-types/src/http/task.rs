//! How a task is shown to operators.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CheckReport, CommitSha, Digest, Nonce, Round, TaskId, TaskName, Timestamp, TraceId};

/// Where an accepted request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waiting for a runner, or for an earlier round of the same repository.
    Queued,
    /// A runner works on it.
    Running,
    /// It ended; `outcome` says how.
    Finished,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The evaluator accepted the notification.
    HandedIn,
    /// The evaluator answered 400: it does not know the task.
    Refused,
    /// The site is published, but no attempt to notify succeeded in time.
    Undelivered,
    /// No site was published.
    Failed,
    /// An operator ended it.
    Cancelled,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::HandedIn, Self::Refused, Self::Undelivered, Self::Failed, Self::Cancelled];

    /// The name in JSON and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HandedIn => "handed_in",
            Self::Refused => "refused",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One row of `GET /v1/tasks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskSummary {
    /// Id of the accepted request.
    pub id: TaskId,
    /// The instructor's name of the task.
    pub task: TaskName,
    /// Its round.
    pub round: Round,
    /// Where it stands.
    pub state: TaskState,
    /// How it ended, once it has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<Outcome>,
    /// How often it was begun: 1, and one more for each retry by an operator.
    #[serde(default = "first_attempt")]
    #[schema(example = 1)]
    pub attempt: u32,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
    /// The published site.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pages_url: Option<String>,
}

/// What an answer of an earlier version leaves unsaid.
fn first_attempt() -> u32 {
    1
}

/// The answer of `GET /v1/tasks`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskList {
    /// At most the asked number.
    pub tasks: Vec<TaskSummary>,
    /// Give this as `before` to read on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_before: Option<TaskId>,
}

/// The answer of `GET /v1/tasks/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: TaskSummary,
    /// Trace id.
    pub trace_id: TraceId,
    /// Masked e-mail address.
    #[schema(example = "s***@example.com")]
    pub email: String,
    /// The issuer's mark.
    pub nonce: Nonce,
    /// The brief as it came.
    pub brief: String,
    /// When it must be handed in.
    pub deadline_at: Timestamp,
    /// The attached files.
    pub attachments: Vec<AttachmentView>,
    /// The plan's steps in order.
    pub steps: Vec<StepView>,
    /// The latest report of checks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report: Option<CheckReport>,
    /// The repository, once published.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repo_url: Option<String>,
    /// The commit, once published.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit_sha: Option<CommitSha>,
    /// Attempts to notify the evaluator, in order.
    pub notifications: Vec<NotificationAttempt>,
    /// Remarks for people: fallbacks taken, a repository that had to be built anew, ...
    pub notes: Vec<String>,
}

/// An attached file, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttachmentView {
    /// Name in the site.
    pub name: String,
    /// The media type it was declared as.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: Digest,
}

/// One step of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// Its name, such as `verify`.
    pub step: String,
    /// Waiting, running, done or failed.
    pub state: StepState,
    /// When it was first begun.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// When its outcome was journaled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
    /// Times it was tried, restarts included.
    pub attempts: u32,
    /// One line: what came out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub summary: Option<String>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Begun, no outcome yet.
    Running,
    /// Its outcome is in the journal.
    Done,
    /// It ended the flow without an outcome.
    Failed,
}

/// One attempt to notify the evaluator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationAttempt {
    /// From 1.
    pub attempt: u32,
    /// When it was made.
    pub at: Timestamp,
    /// The HTTP status; absent when no answer came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// `accepted`, `again` or `final`.
    pub verdict: String,
    /// Milliseconds until the answer.
    pub latency_ms: u64,
    /// What went wrong, when something did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}
