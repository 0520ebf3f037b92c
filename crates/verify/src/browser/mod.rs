//! A warm browser, and pages that run in it: each in a context of its own, each bounded in time.
//!
//! Invariants: at most one browser is the current one; a browser that failed a run is current no
//! more, and ends with its last page; no page outlives its run.

mod discover;
mod evaluate;
mod events;
mod page;
mod process;
mod question;
mod recorder;

use std::path::PathBuf;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use ports::ErrorChain;
use tokio::sync::{Mutex, Semaphore};
use tracing::{info, warn};

pub(crate) use evaluate::Outcome;
pub(crate) use page::{Job, PageReport};
use process::Running;
pub(crate) use question::Question;

use crate::{Error, Options};

/// What each browser command but navigation may take; a healthy browser needs a few milliseconds.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs of one page before giving up on a browser that keeps going away.
const ATTEMPTS: u32 = 2;

/// The browser as one knows it without asking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It runs; product and version.
    Warm(String),
    /// It will be started on first use.
    Ready(PathBuf),
    /// It is being started or ended right now.
    Busy,
    /// It could not be found or started: why.
    Absent(String),
}

/// Starts, keeps and replaces the warm browser.
#[derive(Debug)]
pub(crate) struct Browsers {
    options: Options,
    current: Mutex<Option<Arc<Running>>>,
    pages: Semaphore,
    last_failure: StdMutex<Option<String>>,
}

impl Browsers {
    pub(crate) fn new(options: Options) -> Self {
        let pages = Semaphore::new(options.concurrency.max(1));
        Self { options, current: Mutex::new(None), pages, last_failure: StdMutex::new(None) }
    }

    /// Opens the page of `job` and reports what was seen. A browser that ends meanwhile is replaced
    /// once; an error means that no browser could do it.
    pub(crate) async fn look(&self, job: &Job) -> Result<PageReport, Error> {
        // Never closed, so a permit always comes.
        let _permit = self.pages.acquire().await.ok();
        let mut attempt = 1;
        loop {
            let browser = self.warm().await?;
            match page::run(&browser, job, &self.options).await {
                Ok(report) => return Ok(report),
                Err(error) => {
                    self.discard(&browser).await;
                    if attempt == ATTEMPTS {
                        return Err(error);
                    }
                    let error = ErrorChain(&error);
                    warn!(event = "browser.retrying", attempt, %error, "page run failed, trying in a new browser");
                    attempt += 1;
                }
            }
        }
    }

    /// How the browser is; does not wait for it.
    pub(crate) fn condition(&self) -> Condition {
        if let Some(failure) = self.failure().clone() {
            return Condition::Absent(failure);
        }
        match self.current.try_lock() {
            Err(_) => Condition::Busy,
            Ok(current) => match current.as_ref().filter(|running| running.is_alive()) {
                Some(running) => Condition::Warm(running.product().to_owned()),
                None => match discover::find(&self.options.program) {
                    Ok(path) => Condition::Ready(path),
                    Err(error) => Condition::Absent(error.to_string()),
                },
            },
        }
    }

    /// Ends the browser; a later look starts another.
    pub(crate) async fn close(&self) {
        let running = self.current.lock().await.take();
        if let Some(running) = running {
            running.close().await;
        }
    }

    async fn warm(&self) -> Result<Arc<Running>, Error> {
        let mut current = self.current.lock().await;
        if let Some(running) = current.as_ref().filter(|running| running.is_alive()) {
            return Ok(Arc::clone(running));
        }
        let started = match discover::find(&self.options.program) {
            Ok(path) => Box::pin(Running::start(path, &self.options)).await,
            Err(error) => Err(error),
        };
        *self.failure() = started.as_ref().err().map(|error| ErrorChain(error).to_string());
        let running = Arc::new(started?);
        info!(event = "browser.started", browser = running.product(), "browser started");
        *current = Some(Arc::clone(&running));
        Ok(running)
    }

    /// Makes `browser` current no more, unless another is already.
    async fn discard(&self, browser: &Arc<Running>) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|running| Arc::ptr_eq(running, browser)) {
            *current = None;
        }
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
