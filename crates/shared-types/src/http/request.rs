//! What an issuer sends, what it gets back at once, and what the evaluator receives.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CommitSha, Email, Nonce, Round, TaskId, TaskName, TraceId};

/// The body of `POST /build`, `/revise` and `/tasks`, as documented to issuers.
///
/// The server reads it field by field so that one answer can name every failing field; unknown
/// fields are ignored. The patterns say what it takes, white space around a value included; lengths
/// in bytes, names that clash and broken base64 are more than a schema can say.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskRequest {
    /// The student the task was given to.
    #[schema(
        example = "student@example.com",
        max_length = 254,
        pattern = r"^[ \t\r\n]*[^@\s\u0000-\u001f\u007f-\u009f]+@[^@\s\u0000-\u001f\u007f-\u009f]+[ \t\r\n]*$"
    )]
    pub email: String,
    /// The secret registered for that student. Never stored, logged or sent on.
    #[schema(example = "the secret you registered", write_only, pattern = r"\S")]
    pub secret: String,
    /// Name of the task: 1 to 100 of `[A-Za-z0-9._-]` after trimming, with a letter or digit.
    #[schema(
        example = "sales-summary-7f3a9",
        pattern = r"^[ \t\r\n]*(?=[._-]*[A-Za-z0-9])[A-Za-z0-9._-]{1,100}[ \t\r\n]*$"
    )]
    pub task: String,
    /// 1 for `/build`, 2 and more for `/revise`, either for `/tasks`.
    #[schema(minimum = 1, maximum = 99)]
    pub round: u32,
    /// Echoed in the notification; a UUID as a rule. 1 to 200 printable ASCII characters without spaces.
    #[schema(pattern = r"^[ \t\r\n]*[!-~]{1,200}[ \t\r\n]*$")]
    pub nonce: String,
    /// What to build, in plain words. At most 100 KiB unless configured otherwise.
    #[schema(pattern = r"\S")]
    pub brief: String,
    /// 1 to 100 unless configured otherwise.
    #[schema(min_items = 1)]
    pub checks: Vec<CheckBody>,
    /// Where the evaluator waits for the notification: https, or http where the service is configured so. At most
    /// 2,048 bytes, without user or password.
    #[schema(
        example = "https://evaluator.example.com/notify",
        format = "uri",
        max_length = 2048,
        pattern = r"^[ \t\r\n]*[Hh][Tt][Tt][Pp][Ss]?:"
    )]
    pub evaluation_url: String,
    /// Files the site must use; absent, null and empty mean none. At most 50 unless configured otherwise.
    #[serde(default)]
    #[schema(nullable)]
    pub attachments: Option<Vec<AttachmentBody>>,
}

/// A check in one of its shapes: plain English, `"js: <expression>"`, a bare JavaScript
/// expression, or an object with the expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum CheckBody {
    /// Plain English, a `js:` text or a bare expression.
    Text(String),
    /// `{"js": "<expression>"}`.
    JavaScript {
        /// The expression.
        #[schema(pattern = r"^(?!\s*([Jj][Ss]\s*:)?\s*$)")]
        js: String,
    },
}

/// An attached file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AttachmentBody {
    /// Its name in the site, such as `data.csv`: a relative path of at most 200 bytes that stays inside the site and
    /// is free.
    #[schema(
        example = "data.csv",
        format = "site-path",
        pattern = r#"^[^\\:*?"<>|\u0000-\u0008\u000e-\u001f\u007f-\u009f]+$"#
    )]
    pub name: String,
    /// A data URI (RFC 2397). At most 10 MiB once decoded, all together at most 20 MiB, unless configured otherwise.
    #[schema(
        example = "data:text/csv;base64,YSxiCjEsMgo=",
        format = "data-url",
        pattern = r"^\s*[Dd][Aa][Tt][Aa]:[^,]*,"
    )]
    pub url: String,
}

/// The answer to an accepted request; it leaves after the durable commit and before any work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// Always `accepted`.
    #[schema(example = "accepted")]
    pub status: String,
    /// The task as it was named.
    pub task: TaskName,
    /// Its round.
    pub round: Round,
    /// Id of this request at this service.
    pub id: TaskId,
    /// Trace id, the same for a repeat of the request.
    pub trace_id: TraceId,
    /// Where to read the task's state.
    #[schema(example = "/v1/tasks/01JD3T0M4QZ8V5W9R2K7XH1C6N")]
    pub status_url: String,
    /// Where to follow its events (SSE).
    #[schema(example = "/v1/tasks/01JD3T0M4QZ8V5W9R2K7XH1C6N/stream")]
    pub stream_url: String,
}

/// The body sent to `evaluation_url`: these seven fields and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// As in the request.
    pub email: Email,
    /// As in the request.
    pub task: TaskName,
    /// As in the request.
    pub round: Round,
    /// As in the request.
    pub nonce: Nonce,
    /// The repository, as a person opens it.
    pub repo_url: String,
    /// The commit that is live.
    pub commit_sha: CommitSha,
    /// The published site.
    pub pages_url: String,
}
