//! The front door's decisions: is the request sound, is the secret right, was it seen before.
//!
//! An accepted request is in the ledger, with its first event, before the receipt leaves; its
//! flow starts from that event by way of the bus, never from here.

mod attachments;
mod bounds;
mod failures;
mod validate;

use std::time::Duration;

use async_trait::async_trait;
use metrics::counter;
use ports::{Acceptance, Attachment, Intake, NewTask, Refusal, RepoChoice, Route};
use serde::Serialize;
use shared_types::events::{Subject, TaskAccepted};
use shared_types::http::{CheckBody, Receipt};
use shared_types::{Digest, Envelope, Payload, TaskId, TaskName, TraceId};
use tracing::info;

use crate::{Ports, naming, relay};
use validate::Valid;

pub use bounds::Limits;

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Options {
    /// From acceptance to the notification; ten minutes in the known protocol.
    pub time_to_deliver: Duration,
    /// Whether `evaluation_url` may be plain http (local use).
    pub allow_http_evaluators: bool,
    /// Bounds of a request.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { time_to_deliver: Duration::from_secs(600), allow_http_evaluators: false, limits: Limits::default() }
    }
}

/// The front door.
#[derive(Debug)]
pub struct Service {
    options: Options,
    ports: Ports,
    outbox: relay::Handle,
}

impl Service {
    /// A door that wakes `outbox` whenever it stored something.
    #[must_use]
    pub fn new(options: Options, ports: Ports, outbox: relay::Handle) -> Self {
        Self { options, ports, outbox }
    }
}

#[async_trait]
impl Intake for Service {
    /// Requirements C-012 to C-021, C-027 to C-034, C-053.
    async fn accept(&self, route: Route, body: serde_json::Value, trace_id: TraceId) -> Result<Receipt, Refusal> {
        let valid = validate::request(route, &body, &self.options)?;
        let tenant =
            self.ports.gatekeeper.authenticate(&valid.email, &valid.secret).await.map_err(Refusal::Unavailable)?;
        if tenant.is_none() {
            counter!("sitewright_auth_failures_total").increment(1);
            info!(trace_id = %trace_id, email = %valid.email, "request refused: wrong secret");
            return Err(Refusal::Unauthorized);
        }
        let mut attachments = Vec::with_capacity(valid.attachments.len());
        for file in &valid.attachments {
            let sha256 = self.ports.blobs.put(file.bytes.clone()).await.map_err(Refusal::Unavailable)?;
            attachments.push(Attachment {
                path: file.path.clone(),
                media_type: file.media_type.clone(),
                size: file.bytes.len() as u64,
                sha256,
            });
        }
        let task = valid.task.clone();
        let round = valid.round;
        let new = self.new_task(valid, attachments, &trace_id);
        let id = new.id;
        let (id, trace_id) = match self.ports.ledger.accept(new).await.map_err(Refusal::Unavailable)? {
            Acceptance::New => {
                counter!("sitewright_tasks_accepted_total").increment(1);
                info!(trace_id = %trace_id, task.id = %id, task = %task, round = round.get(), "task accepted");
                self.outbox.wake();
                (id, trace_id)
            }
            Acceptance::Repeat { id, trace_id } => (id, trace_id),
            Acceptance::Conflict { id } => return Err(Refusal::Conflict { id }),
        };
        Ok(receipt(task, round, id, trace_id))
    }
}

impl Service {
    fn new_task(&self, valid: Valid, attachments: Vec<Attachment>, trace_id: &TraceId) -> NewTask {
        let id = self.ports.ids.task_id();
        let accepted_at = self.ports.clock.now();
        let deadline_at = accepted_at.plus(self.options.time_to_deliver);
        let name = naming::repo_name(&valid.email, &valid.task, &valid.nonce);
        let repo = if valid.round.is_first() { RepoChoice::New(name) } else { RepoChoice::Latest { otherwise: name } };
        let subject = Subject { id, name: valid.task.clone(), round: valid.round, trace_id: trace_id.clone() };
        let event = Payload::TaskAccepted(TaskAccepted {
            repo: String::new(),
            checks: valid.checks.len() as u32,
            attachments: attachments.len() as u32,
            deadline_at_ms: deadline_at.unix_ms(),
        });
        NewTask {
            id,
            trace_id: trace_id.clone(),
            fingerprint: fingerprint(&valid, &attachments),
            email: valid.email,
            task: valid.task,
            round: valid.round,
            nonce: valid.nonce,
            brief: valid.brief,
            checks: valid.checks,
            evaluation_url: valid.evaluation_url,
            attachments,
            repo,
            accepted_at,
            deadline_at,
            event: Envelope::new(self.ports.ids.event_id(), accepted_at, &subject, event),
        }
    }
}

/// What makes two requests of one identity the same request: everything but the secret, in a
/// fixed order, so that neither white space nor the order of fields counts.
fn fingerprint(valid: &Valid, attachments: &[Attachment]) -> Digest {
    #[derive(Serialize)]
    struct Said<'a> {
        brief: &'a str,
        checks: &'a [CheckBody],
        evaluation_url: &'a str,
        attachments: &'a [Attachment],
    }
    let said =
        Said { brief: &valid.brief, checks: &valid.checks, evaluation_url: valid.evaluation_url.as_str(), attachments };
    // These types always serialise; an empty text would only make such bodies equal.
    Digest::of(&serde_json::to_vec(&said).unwrap_or_default())
}

fn receipt(task: TaskName, round: shared_types::Round, id: TaskId, trace_id: TraceId) -> Receipt {
    Receipt {
        status: "accepted".to_owned(),
        task,
        round,
        id,
        trace_id,
        status_url: format!("/v1/tasks/{id}"),
        stream_url: format!("/v1/tasks/{id}/stream"),
    }
}
