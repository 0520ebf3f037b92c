//! One run of one page, in a browser context of its own.
//!
//! **When is a page at rest?** Graders wait until no request was in flight for 500 ms. Waiting as
//! long before the first look would be most of a run's time, so the expressions are evaluated after
//! [`FIRST_LOOK`] of silence, and those that do not hold yet once more after [`SETTLED`]. An
//! expression that may change the page is evaluated once, so one such makes all wait for
//! [`SETTLED`]. A page that never comes to rest is looked at when `idle_timeout` is over.
//!
//! **Whose fault is it?** A page that loops, crashes its process or closes itself has failed, and its
//! report says so; only a browser that is gone or silent is an error. Either way the browser is not
//! used again: see [`Run::fit`].

use std::sync::Arc;
use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::page::{DialogType, HandleJavaScriptDialogParams};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered, SelectAll};
use ports::Site;
use shared_types::FailedRequest;
use tokio::time::timeout;
use url::Url;

use super::answer::{answer, intercept};
use super::context::Context;
use super::evaluate::{Hung, Outcome, evaluate};
use super::events::{PageEvent, listen};
use super::process::{Running, bounded};
use super::question::Question;
use super::recorder::Recorder;
use super::requests::Unanswered;
use super::sight::{self, Sight};
use crate::cdn::Cache;
use crate::{Error, Options};

/// Silence before the first look.
const FIRST_LOOK: Duration = Duration::from_millis(100);

/// Silence after which graders look.
const SETTLED: Duration = Duration::from_millis(500);

/// What to open, and what to ask of it.
#[derive(Debug)]
pub(crate) struct Job {
    /// The files lie below it.
    pub pages_url: Url,
    /// What is opened: the same, perhaps with a query.
    pub address: Url,
    /// Served below `pages_url` instead of whatever the network has there.
    pub files: Option<Site>,
    pub questions: Vec<Question>,
}

/// How much of a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Answers, and what a person would see.
    Whole,
    /// Answers only.
    Answers,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct PageReport {
    /// Product and version of the browser.
    pub browser: String,
    /// One a question, in order.
    pub outcomes: Vec<Outcome>,
    /// How the page came to its end, when not by itself.
    pub ended: Option<&'static str>,
    pub console_errors: Vec<String>,
    pub failed_requests: Vec<FailedRequest>,
    /// What the page needed and nobody answered.
    pub unanswered: Vec<Unanswered>,
    /// None when the page could not be looked at, or was not meant to be.
    pub sight: Option<Sight>,
}

/// A run that came to an end.
#[derive(Debug)]
pub(super) struct Run {
    pub report: PageReport,
    /// Whether the browser is as good as new.
    pub fit: bool,
}

/// Runs `job`. A page that hangs or throws is a report; an error is the browser's.
pub(super) async fn run(
    running: &Running,
    job: &Job,
    scope: Scope,
    options: &Options,
    cdn: Option<&Arc<Cache>>,
) -> Result<Run, Error> {
    let context = Context::open(running).await?;
    let page = context.page().await?;
    let mut events = listen(&page).await?;
    intercept(&page, job, cdn).await?;
    let recorder = Recorder::new(job.address.clone(), options.egress);
    let mut progress =
        Progress { outcomes: vec![None; job.questions.len()], unanswered: None, sight: None, fault: None };
    let looked = timeout(options.page_timeout, look(&page, job, scope, &recorder, options, &mut progress));
    let ended = tokio::select! {
        biased;
        looked = looked => match looked {
            Ok(Ok(())) => None,
            Ok(Err(Hung)) | Err(_) => Some("timed out: the page does not answer"),
        },
        gone = pump(&page, &mut events, job, cdn, &recorder) => {
            alive(running).await?;
            Some(gone.words())
        }
        () = running.ended() => return Err(Error::Crashed),
    };
    // What a page that hangs still runs, only the end of its process ends for certain.
    let fit = ended.is_none() && context.dispose().await;
    Ok(Run { report: progress.report(running.product(), &recorder, ended), fit })
}

/// A browser that is ending takes its pages with it before it is seen to have ended.
async fn alive(running: &Running) -> Result<(), Error> {
    let version = bounded("Browser.getVersion", running.browser().version());
    tokio::select! {
        version = version => version.map(drop).map_err(|_| Error::Crashed),
        () = running.ended() => Err(Error::Crashed),
    }
}

/// What a run has so far; it outlives the run when that is cut short.
struct Progress {
    outcomes: Vec<Option<Outcome>>,
    unanswered: Option<Vec<Unanswered>>,
    sight: Option<Sight>,
    /// Why no expression could be evaluated.
    fault: Option<String>,
}

impl Progress {
    fn report(self, browser: &str, recorder: &Recorder, ended: Option<&'static str>) -> PageReport {
        let rest = Outcome::failed(self.fault.as_deref().or(ended).unwrap_or("the page was not asked"));
        PageReport {
            browser: browser.to_owned(),
            outcomes: self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| rest.clone())).collect(),
            ended,
            console_errors: recorder.errors(),
            failed_requests: recorder.failed_requests(),
            unanswered: self.unanswered.unwrap_or_else(|| recorder.unanswered()),
            sight: self.sight,
        }
    }
}

async fn look(
    page: &Page,
    job: &Job,
    scope: Scope,
    recorder: &Recorder,
    options: &Options,
    progress: &mut Progress,
) -> Result<(), Hung> {
    let idle_until = tokio::time::Instant::now() + options.idle_timeout;
    let acting = job.questions.iter().any(|question| question.runnable.acts);
    let first = if acting { SETTLED } else { FIRST_LOOK };
    let opened = tokio::time::timeout_at(idle_until, open(page, job, recorder, first)).await;
    if let Ok(Err(fault)) = opened {
        progress.fault = Some(fault);
    } else if let Some(status) = recorder.status().filter(|status| *status >= 400) {
        progress.fault = Some(format!("the page was answered with {status}"));
    } else {
        evaluate_all(page, job, options, progress).await?;
        let failing = progress.outcomes.iter().any(|outcome| outcome.as_ref().is_none_or(|outcome| !outcome.passed));
        if failing && !acting && opened.is_ok() {
            // Where the page never settles, the time is over: what is true then counts.
            let _ = tokio::time::timeout_at(idle_until, recorder.at_rest(SETTLED)).await;
            evaluate_all(page, job, options, progress).await?;
        }
    }
    // What had not been answered when the page was asked; later requests are our looking's.
    progress.unanswered = Some(recorder.unanswered());
    if scope == Scope::Whole {
        progress.sight = Some(sight::look(page).await);
    }
    Ok(())
}

/// Opens the page and waits for it to rest. The error says why it did not open.
async fn open(page: &Page, job: &Job, recorder: &Recorder, window: Duration) -> Result<(), String> {
    let navigate = async {
        match page.goto(job.address.as_str()).await {
            Err(error) => Err(format!("the page did not open: {error}")),
            // The rest decides.
            Ok(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = recorder.at_rest(window) => Ok(()),
        failed = navigate => failed,
    }
}

/// Evaluates what does not hold yet.
async fn evaluate_all(page: &Page, job: &Job, options: &Options, progress: &mut Progress) -> Result<(), Hung> {
    for (question, outcome) in job.questions.iter().zip(&mut progress.outcomes) {
        if outcome.as_ref().is_none_or(|outcome| !outcome.passed) {
            *outcome = Some(evaluate(page, question, options.expression_timeout).await?);
        }
    }
    Ok(())
}

/// How a page came to be gone before its run was over.
enum Gone {
    Crashed,
    Closed,
}

impl Gone {
    fn words(&self) -> &'static str {
        match self {
            Self::Crashed => "the page's process ended, as it does when a page takes too much memory",
            Self::Closed => "the page closed itself",
        }
    }
}

/// Answers the page's requests and dialogs and takes note of the rest. Returns when the page is gone.
async fn pump(
    page: &Page,
    events: &mut SelectAll<BoxStream<'static, PageEvent>>,
    job: &Job,
    cdn: Option<&Arc<Cache>>,
    recorder: &Recorder,
) -> Gone {
    let mut answers: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            event = events.next() => match event {
                None => return Gone::Closed,
                Some(PageEvent::Crashed) => return Gone::Crashed,
                Some(event) => {
                    recorder.note(&event);
                    match event {
                        PageEvent::Paused(paused) => answers.push(Box::pin(answer(page, job, cdn, paused))),
                        PageEvent::Dialog(dialog) => answers.push(Box::pin(dismiss(page, dialog.r#type.clone()))),
                        _ => {}
                    }
                }
            },
            Some(()) = answers.next(), if !answers.is_empty() => {}
        }
    }
}

/// Nobody is there to say yes; but who wants to leave a page may.
async fn dismiss(page: &Page, kind: DialogType) {
    let leaves = matches!(kind, DialogType::Beforeunload);
    // A dialog that is gone already needs no answer.
    let _ = page.execute(HandleJavaScriptDialogParams::new(leaves)).await;
}
