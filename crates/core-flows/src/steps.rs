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
mod mend;
mod notify;
mod pages;
mod prepare;
mod publish;
mod repair;
mod verify;

use std::time::Duration;

use ports::{Closing, TaskUpdate};
use shared_types::events::TaskFinished;
use shared_types::{Payload, http};

use crate::context::{Context, Error};
use crate::journal::{self, NotifyEnd, Outcome, Progress};
use crate::plan::Step;

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

/// Runs one step within `budget`.
pub(crate) async fn run(step: Step, ctx: &Context, progress: &Progress, budget: Duration) -> Result<Done, Error> {
    match step {
        Step::Prepare => prepare::run(ctx, budget).await,
        Step::Fetch => fetch::run(ctx).await,
        Step::Decide => Ok(decide::run(ctx)),
        Step::Generate => generate::run(ctx, progress, budget).await,
        Step::Verify => verify::run(ctx, progress, budget).await,
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
        commit_sha: progress.handed_in()?.to_string(),
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
