//! One run of one page, in a browser context of its own.
//!
//! **When is a page at rest?** Graders wait until no request was in flight for 500 ms. Waiting as
//! long before the first look would be most of a run's time, so the expressions are evaluated after
//! [`FIRST_LOOK`] of silence, and those that do not hold yet once more after [`SETTLED`]. An
//! expression that may change the page is evaluated once, so one such makes all wait for
//! [`SETTLED`]. A page that never comes to rest is looked at when `idle_timeout` is over.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::browser::{
    BrowserContextId, SetDownloadBehaviorBehavior, SetDownloadBehaviorParams,
};
use chromiumoxide::cdp::browser_protocol::fetch::{
    ContinueRequestParams, EnableParams as EnableFetch, EventRequestPaused, FulfillRequestParams, HeaderEntry,
    RequestPattern,
};
use chromiumoxide::cdp::browser_protocol::inspector::EnableParams as EnableInspector;
use chromiumoxide::cdp::browser_protocol::page::{
    CaptureScreenshotFormat, CaptureScreenshotParams, HandleJavaScriptDialogParams,
};
use chromiumoxide::cdp::browser_protocol::target::{
    CreateBrowserContextParams, CreateTargetParams, DisposeBrowserContextParams,
};
use chromiumoxide::cdp::js_protocol::runtime::TerminateExecutionParams;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered, SelectAll};
use ports::Site;
use shared_types::FailedRequest;
use tokio::time::timeout;
use url::Url;

use super::evaluate::{Hung, Outcome, evaluate};
use super::events::{PageEvent, listen};
use super::process::{Running, bounded};
use super::question::Question;
use super::recorder::Recorder;
use crate::serve::{Served, content_type, resolve};
use crate::{Error, Options};

/// Silence before the first look.
const FIRST_LOOK: Duration = Duration::from_millis(100);

/// Silence after which graders look.
const SETTLED: Duration = Duration::from_millis(500);

/// What a picture may take.
const SCREENSHOT_TIMEOUT: Duration = Duration::from_secs(3);

/// What ending a page and its context may take; a hung page's process is killed by then.
const DISPOSE_TIMEOUT: Duration = Duration::from_secs(3);

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

/// What was seen.
#[derive(Debug)]
pub(crate) struct PageReport {
    /// Product and version of the browser.
    pub browser: String,
    /// One a question, in order.
    pub outcomes: Vec<Outcome>,
    pub console_errors: Vec<String>,
    pub failed_requests: Vec<FailedRequest>,
    /// PNG.
    pub screenshot: Option<Bytes>,
}

/// Runs `job`. A page that hangs or throws is a report; an error is the browser's.
pub(crate) async fn run(running: &Arc<Running>, job: &Job, options: &Options) -> Result<PageReport, Error> {
    let context = Context::open(running).await?;
    let report = Box::pin(context.run(job, options)).await;
    context.dispose().await;
    report
}

/// A browser context: its own cookies, storage and cache; pages and pop-ups end with it.
struct Context {
    running: Arc<Running>,
    id: Option<BrowserContextId>,
}

impl Context {
    async fn open(running: &Arc<Running>) -> Result<Self, Error> {
        let browser = running.browser();
        let params = CreateBrowserContextParams::builder().dispose_on_detach(true).build();
        let id = bounded("Target.createBrowserContext", browser.create_browser_context(params)).await?;
        let context = Self { running: Arc::clone(running), id: Some(id.clone()) };
        let mut downloads = SetDownloadBehaviorParams::new(SetDownloadBehaviorBehavior::Deny);
        downloads.browser_context_id = Some(id);
        bounded("Browser.setDownloadBehavior", browser.execute(downloads)).await?;
        Ok(context)
    }

    async fn run(&self, job: &Job, options: &Options) -> Result<PageReport, Error> {
        let mut target = CreateTargetParams::new("about:blank");
        target.browser_context_id = self.id.clone();
        let page = bounded("Target.createTarget", self.running.browser().new_page(target)).await?;
        let mut events = listen(&page).await?;
        bounded("Inspector.enable", page.execute(EnableInspector::default())).await?;
        if job.files.is_some() {
            let pattern =
                RequestPattern::builder().url_pattern(format!("{}*", literal(job.pages_url.as_str()))).build();
            bounded("Fetch.enable", page.execute(EnableFetch::builder().pattern(pattern).build())).await?;
        }
        let recorder = Recorder::new(job.address.clone());
        let mut progress = Progress { outcomes: vec![None; job.questions.len()], screenshot: None, fault: None };
        let looked = async { timeout(options.page_timeout, look(&page, job, &recorder, options, &mut progress)).await };
        tokio::select! {
            biased;
            looked = looked => if !matches!(looked, Ok(Ok(()))) {
                // Ends the loop in which the page hangs, so that it can be closed like any other.
                let _ = timeout(DISPOSE_TIMEOUT, page.execute(TerminateExecutionParams::default())).await;
            },
            () = pump(&page, &mut events, job, &recorder) => return Err(Error::Crashed { what: "the page's process" }),
            () = self.running.ended() => return Err(Error::Crashed { what: "the browser" }),
        }
        Ok(progress.report(self.running.product(), &recorder))
    }

    async fn dispose(mut self) {
        if let Some(id) = self.id.take() {
            let command = self.running.browser().execute(DisposeBrowserContextParams::new(id));
            // Where it fails the browser is broken, and the next run finds that out for itself.
            let _ = timeout(DISPOSE_TIMEOUT, command).await;
        }
    }
}

impl Drop for Context {
    /// A run that is dropped half-way leaves its page to a task of its own.
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) {
            let running = Arc::clone(&self.running);
            runtime.spawn(async move {
                let _ = timeout(DISPOSE_TIMEOUT, running.browser().execute(DisposeBrowserContextParams::new(id))).await;
            });
        }
    }
}

/// What a run has so far; it outlives the run when that is cut short.
struct Progress {
    outcomes: Vec<Option<Outcome>>,
    screenshot: Option<Bytes>,
    /// Why no expression could be evaluated.
    fault: Option<String>,
}

impl Progress {
    fn report(self, browser: &str, recorder: &Recorder) -> PageReport {
        let rest = Outcome::failed(self.fault.as_deref().unwrap_or("timed out: the page does not answer"));
        PageReport {
            browser: browser.to_owned(),
            outcomes: self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| rest.clone())).collect(),
            console_errors: recorder.errors(),
            failed_requests: recorder.failed_requests(),
            screenshot: self.screenshot,
        }
    }
}

async fn look(
    page: &Page,
    job: &Job,
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
        evaluate_all(page, job, progress).await?;
        let failing = progress.outcomes.iter().any(|outcome| outcome.as_ref().is_none_or(|outcome| !outcome.passed));
        if failing && !acting && opened.is_ok() {
            // Where the page never settles, the time is over: what is true then counts.
            let _ = tokio::time::timeout_at(idle_until, recorder.at_rest(SETTLED)).await;
            evaluate_all(page, job, progress).await?;
        }
    }
    progress.screenshot = screenshot(page).await;
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
async fn evaluate_all(page: &Page, job: &Job, progress: &mut Progress) -> Result<(), Hung> {
    for (question, outcome) in job.questions.iter().zip(&mut progress.outcomes) {
        if outcome.as_ref().is_none_or(|outcome| !outcome.passed) {
            *outcome = Some(evaluate(page, question).await?);
        }
    }
    Ok(())
}

async fn screenshot(page: &Page) -> Option<Bytes> {
    let params = CaptureScreenshotParams::builder().format(CaptureScreenshotFormat::Png).optimize_for_speed(true);
    let answer = timeout(SCREENSHOT_TIMEOUT, page.execute(params.build())).await.ok()?.ok()?;
    BASE64.decode(AsRef::<[u8]>::as_ref(&answer.result.data)).ok().map(Bytes::from)
}

/// Answers the page's requests and dialogs and takes note of the rest. Returns when the page is gone.
async fn pump(page: &Page, events: &mut SelectAll<BoxStream<'static, PageEvent>>, job: &Job, recorder: &Recorder) {
    let mut answers: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            event = events.next() => match event {
                None | Some(PageEvent::Crashed) => return,
                Some(event) => {
                    recorder.note(&event);
                    match event {
                        PageEvent::Paused(paused) => answers.push(Box::pin(answer(page, job, paused))),
                        PageEvent::Dialog => answers.push(Box::pin(dismiss(page))),
                        _ => {}
                    }
                }
            },
            Some(()) = answers.next(), if !answers.is_empty() => {}
        }
    }
}

async fn dismiss(page: &Page) {
    // A dialog that is gone already needs no answer.
    let _ = page.execute(HandleJavaScriptDialogParams::new(false)).await;
}

/// Answers one request from the files; what does not lie below the site's URL goes on to the network.
async fn answer(page: &Page, job: &Job, paused: Arc<EventRequestPaused>) {
    let url = Url::parse(&paused.request.url).ok();
    let served = job.files.as_ref().zip(url).and_then(|(files, url)| resolve(files, &job.pages_url, &url));
    let id = paused.request_id.clone();
    let header = |name: &str, value: &str| HeaderEntry { name: name.to_owned(), value: value.to_owned() };
    let reply = |status: i64, headers: Vec<HeaderEntry>, body: &[u8]| {
        let mut reply = FulfillRequestParams::new(id.clone(), status);
        reply.response_headers = Some(headers);
        reply.body = Some(BASE64.encode(body).into());
        reply
    };
    // Pages hosts allow any origin to read.
    let open = header("access-control-allow-origin", "*");
    let reply = match served {
        None => {
            let _ = page.execute(ContinueRequestParams::new(id)).await;
            return;
        }
        Some(Served::File { path, bytes }) => {
            reply(200, vec![header("content-type", &content_type(&path)), open], bytes)
        }
        Some(Served::Redirect(to)) => reply(301, vec![header("location", to.as_str())], &[]),
        Some(Served::Missing) => {
            let page = job.files.as_ref().and_then(|files| files.get("404.html"));
            reply(404, vec![header("content-type", "text/html; charset=utf-8")], page.map_or(b"404", |page| page))
        }
    };
    let _ = page.execute(reply).await;
}

/// `text` with the pattern language's signs escaped.
fn literal(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '*' | '?' | '\\').then_some('\\').into_iter().chain([c])).collect()
}
