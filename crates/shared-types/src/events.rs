//! Events: the protobuf types of `proto/sitewright/events/v1`, and what every producer needs to
//! make and name them.

mod gen_v1 {
    include!("gen/sitewright.events.v1.rs");
}

pub use gen_v1::envelope::Payload;
pub use gen_v1::*;

use crate::{EventId, Round, TaskId, TaskName, Timestamp, TraceId};

/// The version of the payloads in this package.
pub const SCHEMA_VERSION: u32 = 1;

/// Program and version, as written into every envelope.
pub const PRODUCER: &str = concat!("sitewright/", env!("CARGO_PKG_VERSION"));

/// What the header of an envelope says beside the time and the id.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The accepted request.
    pub id: TaskId,
    /// Its task.
    pub name: TaskName,
    /// Its round.
    pub round: Round,
    /// Its trace.
    pub trace_id: TraceId,
}

impl Envelope {
    /// An event about `subject`, not yet stored (`seq` is 0).
    #[must_use]
    pub fn new(id: EventId, at: Timestamp, subject: &Subject, payload: Payload) -> Self {
        Self {
            event_id: id.to_string(),
            occurred_at_ms: at.unix_ms(),
            producer: PRODUCER.to_owned(),
            schema_version: SCHEMA_VERSION,
            trace_id: subject.trace_id.to_string(),
            task: Some(TaskKey {
                id: subject.id.to_string(),
                name: subject.name.to_string(),
                round: subject.round.get(),
            }),
            seq: 0,
            payload: Some(payload),
        }
    }

    /// As the ledger and the mirror hold it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        prost::Message::encode_to_vec(self)
    }

    /// From those bytes. What a later version added is left out.
    ///
    /// # Errors
    /// They are no envelope.
    pub fn read(bytes: &[u8]) -> Result<Self, prost::DecodeError> {
        prost::Message::decode(bytes)
    }

    /// The accepted request this is about, when the header holds one.
    #[must_use]
    pub fn task_id(&self) -> Option<TaskId> {
        self.task.as_ref()?.id.parse().ok()
    }

    /// The name of the payload in `snake_case`; `unknown` for a payload of a later version.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.payload {
            None => "unknown",
            Some(payload) => payload.kind(),
        }
    }
}

impl Payload {
    /// The name in `snake_case`, as in the proto file.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TaskAccepted(_) => "task_accepted",
            Self::StepStarted(_) => "step_started",
            Self::StepFinished(_) => "step_finished",
            Self::StepRetrying(_) => "step_retrying",
            Self::DecisionMade(_) => "decision_made",
            Self::SiteGenerated(_) => "site_generated",
            Self::SiteVerified(_) => "site_verified",
            Self::CommitPlanned(_) => "commit_planned",
            Self::SitePublished(_) => "site_published",
            Self::PagesServed(_) => "pages_served",
            Self::NotificationAttempted(_) => "notification_attempted",
            Self::TaskFinished(_) => "task_finished",
            Self::FlowResumed(_) => "flow_resumed",
            Self::PullRequestOpened(_) => "pull_request_opened",
            Self::ModelProgressed(_) => "model_progressed",
            Self::SafetyRefused(_) => "safety_refused",
            Self::TaskRetried(_) => "task_retried",
            Self::LiveSiteDiffered(_) => "live_site_differed",
        }
    }
}
