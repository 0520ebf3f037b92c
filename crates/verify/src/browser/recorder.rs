//! What a page did: its requests, its errors, and whether it has come to rest.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::log::{LogEntryLevel, LogEntrySource};
use chromiumoxide::cdp::browser_protocol::network::{EventRequestWillBeSent, EventResponseReceived, ResourceType};
use chromiumoxide::cdp::browser_protocol::page::FrameId;
use chromiumoxide::cdp::js_protocol::runtime::{ConsoleApiCalledType, ExceptionDetails, RemoteObject};
use shared_types::{FailedRequest, FailureCause};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::events::PageEvent;
use super::requests::{Part, Unanswered, Why, cause, is_busy, public_name};
use crate::Egress;
use crate::text::brief;

/// Errors and failed requests kept of one run.
const KEPT: usize = 20;

/// Longest error text, in characters.
const ERROR_CHARS: usize = 500;

/// Longest URL of a failed request, in characters.
const URL_CHARS: usize = 300;

/// Requests followed in one run. A page with more is never at rest.
const FOLLOWED: usize = 5_000;

/// Written to by the event pump, asked by the run.
#[derive(Debug)]
pub(super) struct Recorder {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    requests: HashMap<String, Request>,
    open: HashSet<String>,
    /// Kept apart since an end may arrive before its beginning.
    ended: HashSet<String>,
    /// URLs of the workers that have begun.
    workers: HashSet<String>,
    main_frame: Option<FrameId>,
    failures: Vec<Failure>,
    errors: Vec<String>,
    loaded: bool,
    last_change: Instant,
    /// The URL opened and the status it was answered with.
    opened: Url,
    status: Option<i64>,
    egress: Egress,
}

/// A request that was made.
#[derive(Debug)]
struct Request {
    url: String,
    kind: Option<ResourceType>,
}

#[derive(Debug)]
struct Failure {
    /// The request's.
    id: String,
    reason: String,
    cause: FailureCause,
    /// When it was answered.
    status: Option<i64>,
}

impl Recorder {
    pub(super) fn new(opened: Url, egress: Egress) -> Self {
        let state = State {
            requests: HashMap::new(),
            open: HashSet::new(),
            ended: HashSet::new(),
            workers: HashSet::new(),
            main_frame: None,
            failures: Vec::new(),
            errors: Vec::new(),
            loaded: false,
            last_change: Instant::now(),
            opened,
            egress,
            status: None,
        };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// Takes note of one event.
    pub(super) fn note(&self, event: &PageEvent) {
        self.state().note(event);
        self.changed.notify_waiters();
    }

    /// Returns once the page has loaded and no request was in flight for `window`.
    pub(super) async fn at_rest(&self, window: Duration) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let rest = self.state().rest_since().map(|since| since + window);
            match rest {
                Some(until) if until <= Instant::now() => return,
                Some(until) => tokio::select! {
                    () = sleep_until(until) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// The HTTP status of the page itself.
    pub(super) fn status(&self) -> Option<i64> {
        self.state().status
    }

    /// Errors of the console and exceptions, at most [`KEPT`].
    pub(super) fn errors(&self) -> Vec<String> {
        self.state().errors.clone()
    }

    /// Requests that failed, at most [`KEPT`], each URL and reason once.
    pub(super) fn failed_requests(&self) -> Vec<FailedRequest> {
        let state = self.state();
        let mut failed: Vec<FailedRequest> = Vec::new();
        for failure in &state.failures {
            let Some(url) = state.requests.get(&failure.id).map(|request| shown(&request.url)) else { continue };
            let request = FailedRequest { url, reason: failure.reason.clone(), cause: Some(failure.cause) };
            if failed.len() < KEPT && !failed.contains(&request) {
                failed.push(request);
            }
        }
        failed
    }

    /// Hosts that scripts, data or style sheets were to come from and did not, for want of an answer;
    /// each once, at most [`KEPT`].
    pub(super) fn unanswered(&self) -> Vec<Unanswered> {
        let state = self.state();
        let mut found: Vec<Unanswered> = Vec::new();
        let failed = state.failures.iter().filter_map(|failure| Some((&failure.id, failure.why()?)));
        for (id, why) in failed.chain(state.open.iter().map(|id| (id, Why::Silent))) {
            let unanswered = state.requests.get(id).and_then(|request| state.foreign(request, why));
            if let Some(unanswered) = unanswered.filter(|new| found.len() < KEPT && !found.contains(new)) {
                found.push(unanswered);
            }
        }
        found
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, event: &PageEvent) {
        match event {
            PageEvent::Started(event) => self.started(event),
            PageEvent::Finished(event) => self.ended(event.request_id.as_ref()),
            PageEvent::Failed(event) => {
                self.ended(event.request_id.as_ref());
                // A request that the page itself gave up is no failure; one that was blocked is.
                if event.canceled != Some(true) || event.blocked_reason.is_some() {
                    let request = self.requests.get(event.request_id.as_ref());
                    let cause = cause(event, request.map_or("", |request| &request.url), self.egress);
                    self.fail(event.request_id.as_ref(), event.error_text.clone(), cause, None);
                }
            }
            PageEvent::Responded(event) => self.responded(event),
            PageEvent::Console(event) => {
                if matches!(event.r#type, ConsoleApiCalledType::Error | ConsoleApiCalledType::Assert) {
                    let words: Vec<String> = event.args.iter().map(spoken).collect();
                    self.error(&words.join(" "));
                }
            }
            PageEvent::Thrown(event) => self.error(&exception(&event.exception_details)),
            PageEvent::Logged(event) => {
                // Failed requests are recorded as such, scripts' errors as exceptions.
                let told = matches!(event.entry.source, LogEntrySource::Network | LogEntrySource::Javascript);
                if event.entry.level == LogEntryLevel::Error && !told {
                    self.error(&event.entry.text);
                }
            }
            PageEvent::Loaded => {
                self.loaded = true;
                self.last_change = Instant::now();
            }
            PageEvent::Attached(event) => self.attached(&event.target_info.url),
            PageEvent::Paused(_) | PageEvent::Dialog(_) | PageEvent::Crashed => {}
        }
    }

    fn started(&mut self, event: &EventRequestWillBeSent) {
        let (id, url) = (event.request_id.as_ref(), event.request.url.as_str());
        if self.is_icon(url) {
            return;
        }
        if self.requests.len() < FOLLOWED {
            // Of a data URL only the kind matters, and it may be long.
            let url = url.chars().take(URL_CHARS * 2).collect();
            self.requests.insert(id.to_owned(), Request { url, kind: event.r#type.clone() });
        }
        if self.main_frame.is_none() {
            self.main_frame.clone_from(&event.frame_id);
        }
        // The end of an inner frame's document may be told to nobody but the frame's own process;
        // the page's load event waits for it anyway.
        let inner = event.r#type == Some(ResourceType::Document) && event.frame_id != self.main_frame;
        if !inner && !self.ended.contains(id) && !self.workers.contains(url) {
            self.open.insert(id.to_owned());
        }
        self.last_change = Instant::now();
    }

    /// The end of a worker's script is told to the worker, which has begun, so the script is here.
    fn attached(&mut self, url: &str) {
        if self.workers.len() < FOLLOWED {
            self.workers.insert(url.to_owned());
        }
        let requests = &self.requests;
        self.open.retain(|id| requests.get(id).is_none_or(|open| open.url != url));
        self.last_change = Instant::now();
    }

    /// Whether it is the icon that a browser asks the host for although no page named it.
    fn is_icon(&self, url: &str) -> bool {
        self.opened.join("/favicon.ico").is_ok_and(|icon| icon.as_str() == url)
    }

    fn ended(&mut self, id: &str) {
        self.open.remove(id);
        if self.ended.len() < FOLLOWED {
            self.ended.insert(id.to_owned());
        }
        self.last_change = Instant::now();
    }

    fn responded(&mut self, event: &EventResponseReceived) {
        let status = event.response.status;
        if event.r#type == ResourceType::Document && self.status.is_none() && event.response.url == self.opened.as_str()
        {
            self.status = Some(status);
        }
        if status >= 400 && !self.is_icon(&event.response.url) {
            let request = || Request { url: event.response.url.clone(), kind: Some(event.r#type.clone()) };
            self.requests.entry(event.request_id.as_ref().to_owned()).or_insert_with(request);
            self.fail(event.request_id.as_ref(), status.to_string(), FailureCause::Status, Some(status));
        }
    }

    fn fail(&mut self, id: &str, reason: String, cause: FailureCause, status: Option<i64>) {
        // More than are kept, since some will turn out to be the same.
        if self.failures.len() < KEPT * 10 {
            self.failures.push(Failure { id: id.to_owned(), reason, cause, status });
        }
    }

    /// What the page misses without the answer; nothing when the request was to its own site, or to
    /// an address instead of a name: no public page depends on one.
    fn foreign(&self, request: &Request, why: Why) -> Option<Unanswered> {
        let url = Url::parse(&request.url).ok().filter(|url| url.origin() != self.opened.origin())?;
        Some(Unanswered { host: public_name(&url)?.to_owned(), why, part: Part::of(request.kind.as_ref()?)? })
    }

    fn error(&mut self, text: &str) {
        if self.errors.len() < KEPT {
            self.errors.push(brief(text, ERROR_CHARS));
        }
    }

    fn rest_since(&self) -> Option<Instant> {
        (self.loaded && self.open.is_empty() && self.requests.len() < FOLLOWED).then_some(self.last_change)
    }
}

impl Failure {
    /// Why there was no answer; none where there was one.
    fn why(&self) -> Option<Why> {
        match (self.cause, self.status) {
            (FailureCause::NoAnswer, _) => Some(Why::Silent),
            (FailureCause::Blocked, _) => Some(Why::Kept),
            (FailureCause::Status, Some(status)) if is_busy(status) => Some(Why::Busy(status)),
            _ => None,
        }
    }
}

/// The first line of an exception, and where it was thrown.
pub(super) fn exception(details: &ExceptionDetails) -> String {
    let thrown = details.exception.as_ref().map(spoken);
    let text = thrown.as_deref().unwrap_or(&details.text);
    let first = text.lines().next().unwrap_or_default();
    let file = details.url.as_deref().and_then(|url| url.split(['?', '#']).next()).filter(|url| !url.is_empty());
    match file {
        Some(file) => format!("{first} ({}:{})", brief(file, URL_CHARS), details.line_number + 1),
        None => first.to_owned(),
    }
}

/// A value as the console shows it.
fn spoken(value: &RemoteObject) -> String {
    match (&value.value, &value.description) {
        (Some(serde_json::Value::String(text)), _) => text.clone(),
        (Some(value), _) => value.to_string(),
        (None, Some(description)) => description.clone(),
        (None, None) => "undefined".to_owned(),
    }
}

/// A URL without its query, which may hold what nobody should read.
fn shown(url: &str) -> String {
    match url.split_once(':') {
        Some(("data" | "blob", _)) => format!("{}...", url.chars().take(30).collect::<String>()),
        _ => brief(url.split(['?', '#']).next().unwrap_or_default(), URL_CHARS),
    }
}
