//! The wire of Sitewright: what crosses a process boundary, and nothing else.
//!
//! - [`http`]: bodies of requests and answers (serde, with utoipa schemas).
//! - [`events`]: the event envelope and its payloads, generated from `proto/`.
//! - [`ids`], [`text`], [`time`]: small types that prove a check was made once, at the edge.
//!
//! No IO, no decisions. A type that is here is defined nowhere else.

pub mod checks;
pub mod events;
pub mod http;
pub mod ids;
mod judgement;
pub mod oracle;
pub mod path;
pub mod text;
pub mod time;

pub use checks::{
    BrowserRun, Check, CheckReport, CheckResult, Earlier, FailedRequest, FailureCause, Finding, Phase, Severity,
    Verdict,
};
pub use events::{Envelope, Payload};
pub use ids::{CommitSha, Digest, Epoch, EventId, TaskId, TraceId};
pub use judgement::{Judgement, Opinion};
pub use oracle::{
    AttributeQuery, Confidence, ElementQuery, JsonField, JsonRule, JsonType, Matching, Oracle, Presence, QueryEffect,
    TextForm,
};
pub use path::SitePath;
pub use text::{Email, Found, InvalidText, Nonce, Round, TaskName};
pub use time::Timestamp;
