//! The front door's decisions: is the request sound, is the secret right, was it seen before.
//!
//! An accepted request is in the ledger, with its first event, before the receipt leaves; its
//! flow starts from that event by way of the bus, never from here.

mod attachments;
mod bounds;
mod failures;
mod rates;
mod screen;
mod validate;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use metrics::counter;
use ports::{
    Acceptance, Attachment, Bucket, ErrorChain, Intake, NewTask, Objection, OverLimit, Refusal, RepoChoice, Route,
    Submission, Tenant,
};
use serde::Serialize;
use serde_json::Value;
use shared_types::events::{Subject, TaskAccepted};
use shared_types::http::{CheckBody, Receipt, TaskState};
use shared_types::{Digest, Envelope, Payload, SitePath, TaskId, TaskName, TraceId};
use tracing::field::display;
use tracing::{Span, info, record_all, warn};
use url::Url;
use zeroize::Zeroize as _;

use crate::{Ports, naming, relay, renotify};
use attachments::File;
use rates::{Admission, Gate, Pair};
use validate::{Rules, Valid};

pub use bounds::Limits;
pub(crate) use rates::keys_of;
pub use rates::{AuthFailures, Builds, Rate, Rates, Renotifications, Revisions};

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Options {
    /// From acceptance to the notification; ten minutes in the known protocol.
    pub time_to_deliver: Duration,
    /// Whether `evaluation_url` may be plain http (local use).
    pub allow_http_evaluators: bool,
    /// Bounds of a request.
    pub limits: Limits,
    /// How often something may happen.
    pub rates: Rates,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            time_to_deliver: Duration::from_secs(600),
            allow_http_evaluators: false,
            limits: Limits::default(),
            rates: Rates::default(),
        }
    }
}

/// The front door.
#[derive(Debug)]
pub struct Service {
    options: Options,
    ports: Ports,
    outbox: relay::Handle,
    again: renotify::Handle,
}

impl Service {
    /// A door that wakes `outbox` whenever it stored something, and asks `again` whenever a
    /// finished task is posted once more.
    #[must_use]
    pub fn new(options: Options, ports: Ports, outbox: relay::Handle, again: renotify::Handle) -> Self {
        Self { options, ports, outbox, again }
    }
}

#[async_trait]
impl Intake for Service {
    /// Requirements C-012 to C-021, C-027 to C-034, C-053, C-101 to C-105, C-153.
    async fn accept(&self, submission: Submission) -> Result<Receipt, Refusal> {
        let Submission { route, body, trace_id, client } = submission;
        let valid = self.validate(route, body)?;
        name_request(&valid);
        let gate = Gate::new(&self.options.rates.auth_failures, client, &valid.email);
        let (tenant, known) = self.authenticate(&valid, gate, client, &trace_id).await?;
        self.moderate(&valid, &trace_id)?;
        let mut takes = self.options.rates.task(valid.round, &valid.email, &valid.task, tenant.quotas);
        takes.push(known);
        let (task, round) = (valid.task.clone(), valid.round);
        let (new, files) = self.new_task(valid, takes, &trace_id);
        let id = new.id;
        let receipt = |id, trace_id| {
            Span::current().record("task_id", display(id));
            Ok(receipt(task.clone(), round, id, trace_id))
        };
        match self.store(new, files).await.map_err(Refusal::Unavailable)? {
            Acceptance::New => {
                counter!("sitewright_tasks_accepted_total").increment(1);
                info!(event = "task.accepted", trace_id = %trace_id, task_id = %id, "task accepted");
                self.outbox.wake();
                receipt(id, trace_id)
            }
            Acceptance::Repeat { id, trace_id, state } => {
                if state == TaskState::Finished {
                    self.again.ask(id);
                }
                receipt(id, trace_id)
            }
            Acceptance::Conflict { id } => Err(Refusal::Conflict { id }),
            Acceptance::OverLimit(over) => Err(refused(over, &trace_id)),
        }
    }
}

impl Service {
    fn validate(&self, route: Route, mut body: Value) -> Result<Valid, Refusal> {
        let rules = Rules {
            limits: &self.options.limits,
            allow_http_evaluators: self.options.allow_http_evaluators,
            refuses: &|url| self.ports.notifier.refuses(url),
            search_for: &|secret| self.ports.gatekeeper.search_for(secret),
        };
        let judged = validate::request(route, &body, &rules);
        // What is needed of it is in a type that shows it to nobody.
        if let Some(Value::String(secret)) = body.get_mut("secret") {
            secret.zeroize();
        }
        judged
    }

    /// Whose request this is, and what to count once it is accepted.
    async fn authenticate(
        &self,
        valid: &Valid,
        gate: Gate,
        client: IpAddr,
        trace_id: &TraceId,
    ) -> Result<(Tenant, Bucket), Refusal> {
        let Ports { rates, gatekeeper, clock, .. } = &self.ports;
        let counts = rates.counts(gate.failures(), clock.now()).await.map_err(Refusal::Unavailable)?;
        // Before the secret is looked at, or a wrong one could still be told from the right one.
        match gate.admits(&counts) {
            Admission::Anyone => {}
            Admission::IfKnown(_) if self.pair(&gate).await? == Pair::Known => {}
            Admission::IfKnown(over) | Admission::Never(over) => return Err(refused(over, trace_id)),
        }
        let tenant = gatekeeper.authenticate(&valid.email, &valid.secret).await.map_err(Refusal::Unavailable)?;
        if let Some(tenant) = tenant {
            return Ok((tenant, gate.known()));
        }
        counter!("sitewright_auth_failures_total").increment(1);
        warn!(event = "auth.failed", trace_id = %trace_id, actor = %valid.email, client = %client, "wrong secret");
        // Many tries at once may all have been admitted above; no more of them than the limit hear
        // that they were wrong.
        let pair = self.pair(&gate).await?;
        let counted = rates.take(gate.failed(pair), clock.now()).await.map_err(Refusal::Unavailable)?;
        Err(counted.map_or_else(|over| refused(over, trace_id), |()| Refusal::Unauthorized))
    }

    /// Only for whoever knows the secret: the rules are nobody else's to explore.
    fn moderate(&self, valid: &Valid, trace_id: &TraceId) -> Result<(), Refusal> {
        let Some(objection) = self.ports.moderator.objects_to_brief(&valid.brief) else { return Ok(()) };
        let Objection { rule, digest, .. } = &objection;
        warn!(event = "safety.refused", trace_id = %trace_id, rule, digest = %digest, "the brief is refused");
        counter!("sitewright_briefs_refused_total", "rule" => rule.clone()).increment(1);
        Err(Refusal::Unsafe(objection))
    }

    async fn pair(&self, gate: &Gate) -> Result<Pair, Refusal> {
        let Ports { rates, clock, .. } = &self.ports;
        let counts = rates.counts(vec![gate.known()], clock.now()).await.map_err(Refusal::Unavailable)?;
        Ok(if counts.iter().any(|count| count.used > 0) { Pair::Known } else { Pair::Stranger })
    }

    /// Blobs first: what a row names is there.
    async fn store(&self, new: NewTask, files: Vec<Bytes>) -> Result<Acceptance, ports::Error> {
        let named = new.attachments.iter().zip(files);
        let files: Vec<Bytes> =
            named.filter(|(named, _)| !self.ports.blobs.holds(&named.sha256)).map(|(_, bytes)| bytes).collect();
        if !files.is_empty() {
            // What will be refused shall leave no bytes behind, and a repeat has left its own.
            let preview = self.ports.ledger.preview(&new).await?;
            if preview != Acceptance::New {
                return Ok(preview);
            }
        }
        for bytes in files {
            self.ports.blobs.put(bytes).await?;
        }
        self.ports.ledger.accept(new).await
    }

    fn new_task(&self, valid: Valid, takes: Vec<Bucket>, trace_id: &TraceId) -> (NewTask, Vec<Bytes>) {
        let id = self.ports.ids.task_id();
        let accepted_at = self.ports.clock.now();
        let deadline_at = accepted_at.plus(self.options.time_to_deliver);
        let name = naming::repo_name(&valid.email, &valid.task, &valid.nonce);
        let repo = if valid.round.is_first() { RepoChoice::New(name) } else { RepoChoice::Latest { otherwise: name } };
        let subject = Subject { id, name: valid.task.clone(), round: valid.round, trace_id: trace_id.clone() };
        let event = Payload::TaskAccepted(TaskAccepted {
            repo: String::new(),
            checks: valid.checks.len() as u32,
            attachments: valid.attachments.len() as u32,
            deadline_at_ms: deadline_at.unix_ms(),
        });
        let (attachments, files): (Vec<_>, Vec<_>) = valid.attachments.into_iter().map(attachment).unzip();
        let new = NewTask {
            id,
            trace_id: trace_id.clone(),
            fingerprint: fingerprint(&valid.brief, &valid.checks, &valid.evaluation_url, &attachments),
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
            takes,
        };
        (new, files)
    }
}

fn attachment(file: File) -> (Attachment, Bytes) {
    let File { path, media_type, sniffed_type, bytes } = file;
    let size = bytes.len() as u64;
    (Attachment { path, media_type, sniffed_type, size, sha256: Digest::of(&bytes) }, bytes)
}

/// From here on the lines of this request say whose it is, the door's own last one among them.
fn name_request(valid: &Valid) {
    let span = Span::current();
    let Valid { email, task, round, nonce, .. } = valid;
    record_all!(span, actor = %email, task = %task, round = round.get(), nonce = %nonce);
}

fn refused(over: OverLimit, trace_id: &TraceId) -> Refusal {
    let policy = over.policy.to_string();
    warn!(event = "rate.refused", trace_id = %trace_id, policy, error = %ErrorChain(&over), "too often");
    counter!("sitewright_rate_refusals_total", "policy" => policy).increment(1);
    Refusal::OverLimit(over)
}

/// What makes two requests of one identity the same request: everything but the secret, in a
/// fixed order, so that neither white space nor the order of fields counts.
fn fingerprint(brief: &str, checks: &[CheckBody], evaluation_url: &Url, attachments: &[Attachment]) -> Digest {
    #[derive(Serialize)]
    struct Said<'a> {
        brief: &'a str,
        checks: &'a [CheckBody],
        evaluation_url: &'a str,
        attachments: Vec<Attached<'a>>,
    }
    /// Of an attachment, what the issuer said: what we make of it may change with the program.
    #[derive(Serialize)]
    struct Attached<'a> {
        path: &'a SitePath,
        media_type: &'a str,
        size: u64,
        sha256: &'a Digest,
    }
    let attachments = attachments.iter().map(|file| Attached {
        path: &file.path,
        media_type: &file.media_type,
        size: file.size,
        sha256: &file.sha256,
    });
    let evaluation_url = evaluation_url.as_str();
    let said = Said { brief, checks, evaluation_url, attachments: attachments.collect() };
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
