//! The steps of a flow: one file each, with its input, its output and what it does.
//!
//! A step reads [`Progress`], asks the ports, and returns what it [`Done`]; the runner writes that
//! into the journal. A step may be cut off anywhere and run again, so whatever it changes in the
//! world it finds again by name, digest or commit id. [`degrade`] says what becomes of a step that
//! cannot succeed: most flows can go on with less.

mod commit;
mod confirm;
mod decide;
mod fetch;
mod generate;
mod notify;
mod pages;
mod prepare;
mod publish;
mod repair;
mod verify;

use std::time::Duration;

use ports::{Closing, ErrorChain, Lease, LeaseError, TaskRecord, TaskUpdate, Verdict};
use shared_types::events::{Subject, TaskFinished};
use shared_types::http;
use shared_types::{Envelope, Payload};

use crate::journal::{self, NotifyEnd, Outcome, Progress};
use crate::plan::Step;
use crate::{Ports, relay, retry, runner};

/// What every step is given.
pub(crate) struct Context {
    pub(crate) ports: Ports,
    pub(crate) task: TaskRecord,
    pub(crate) subject: Subject,
    pub(crate) lease: Lease,
    pub(crate) options: runner::Options,
    pub(crate) outbox: relay::Handle,
}

/// What a step did.
pub(crate) struct Done {
    /// For the steps after it.
    pub(crate) outcome: Outcome,
    /// One line for people.
    pub(crate) summary: String,
    /// For whoever listens.
    pub(crate) events: Vec<Payload>,
    /// For the task's record.
    pub(crate) update: TaskUpdate,
}

/// Why a step did not end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The world said no; its verdict says whether to ask again.
    #[error(transparent)]
    Port(#[from] ports::Error),
    /// The journal is not what this program wrote.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Someone else has the flow now.
    #[error(transparent)]
    Lease(LeaseError),
    /// The site may not be published.
    #[error("{0}")]
    Unpublishable(String),
    /// A template of ours does not render.
    #[error("render {template}")]
    Template {
        template: &'static str,
        #[source]
        source: minijinja::Error,
    },
}

impl Error {
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Port(error) => error.verdict(),
            Self::Journal(_) | Self::Lease(_) | Self::Unpublishable(_) | Self::Template { .. } => Verdict::GiveUp,
        }
    }
}

impl From<LeaseError> for Error {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Queue(error) => Self::Port(error),
            lost @ LeaseError::Lost { .. } => Self::Lease(lost),
        }
    }
}

impl Done {
    fn new(outcome: Outcome, summary: impl Into<String>) -> Self {
        Self { outcome, summary: summary.into(), events: Vec::new(), update: TaskUpdate::default() }
    }

    fn event(mut self, event: Payload) -> Self {
        self.events.push(event);
        self
    }

    fn update(mut self, update: TaskUpdate) -> Self {
        self.update = update;
        self
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.update.notes.push(note.into());
        self
    }
}

impl Context {
    /// An event about this flow, now.
    pub(crate) fn event(&self, payload: Payload) -> Envelope {
        Envelope::new(self.ports.ids.event_id(), self.ports.clock.now(), &self.subject, payload)
    }

    /// Stores events at once, for what people watch while a step runs.
    async fn tell(&self, payload: Payload) -> Result<(), Error> {
        self.ports.queue.append(self.lease, vec![self.event(payload)]).await?;
        self.outbox.wake();
        Ok(())
    }

    /// An error in words that may be shown: redacted and cut.
    pub(crate) fn explain(&self, error: &dyn std::error::Error) -> String {
        const LONGEST: usize = 500;
        let text = self.ports.gatekeeper.redact(&ErrorChain(error).to_string());
        text.chars().take(LONGEST).collect()
    }

    fn retry(&self) -> retry::Policy {
        retry::Policy { max_attempts: self.options.max_attempts }
    }
}

/// Runs one step within `budget`.
pub(crate) async fn run(step: Step, ctx: &Context, progress: &Progress, budget: Duration) -> Result<Done, Error> {
    match step {
        Step::Prepare => prepare::run(ctx).await,
        Step::Fetch => fetch::run(ctx).await,
        Step::Decide => Ok(decide::run(ctx)),
        Step::Generate => generate::run(ctx, progress, budget).await,
        Step::Verify => verify::run(ctx, progress).await,
        Step::Repair => repair::run(ctx, progress, budget).await,
        Step::Commit => commit::run(ctx, progress).await,
        Step::Publish => publish::run(ctx, progress).await,
        Step::Pages => pages::run(ctx, progress, budget).await,
        Step::Confirm => confirm::run(ctx, progress).await,
        Step::Notify => notify::run(ctx, progress, budget).await,
        Step::Record => Err(journal::Error::Missing(Step::Record).into()),
    }
}

/// What stands for a step that did not succeed within its tries and time; `None` when the flow
/// cannot go on without it.
pub(crate) fn degrade(step: Step, ctx: &Context, progress: &Progress, reason: &str) -> Option<Done> {
    match step {
        Step::Verify => verify::not_done(progress, reason),
        Step::Repair => Some(repair::not_done(reason)),
        Step::Pages => pages::not_live(progress, reason),
        Step::Confirm => Some(confirm::not_done(reason)),
        Step::Notify => notify::undelivered(ctx, progress, reason),
        _ => None,
    }
}

/// How a flow that went through all its steps is closed.
pub(crate) fn close(ctx: &Context, progress: &Progress) -> Result<(Closing, Payload), Error> {
    let notified = progress.notified()?;
    let outcome = match notified.end {
        NotifyEnd::Accepted => http::Outcome::HandedIn,
        NotifyEnd::Refused => http::Outcome::Refused,
        NotifyEnd::Undelivered => http::Outcome::Undelivered,
    };
    let event = Payload::TaskFinished(TaskFinished {
        outcome: outcome.as_str().to_owned(),
        repo_url: progress.planned()?.repo.html_url.to_string(),
        commit_sha: progress.published()?.commit.to_string(),
        pages_url: progress.served()?.url.to_string(),
        reason: notified.reason.clone(),
    });
    let notification = Some(notified.body.clone().into_bytes());
    Ok((Closing { outcome, at: ctx.ports.clock.now(), notification }, event))
}

/// How a flow that cannot go on is closed.
pub(crate) fn close_failed(ctx: &Context, place: &str, reason: &str) -> (Closing, Payload) {
    let event = Payload::TaskFinished(TaskFinished {
        outcome: http::Outcome::Failed.as_str().to_owned(),
        reason: format!("{place}: {reason}"),
        ..TaskFinished::default()
    });
    (Closing { outcome: http::Outcome::Failed, at: ctx.ports.clock.now(), notification: None }, event)
}
