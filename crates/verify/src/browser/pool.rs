//! The warm browsers: lent to one run at a time, replaced when unfit, ended when nobody needs them.
//!
//! A browser serves one page at a time, so that a page which takes its browser down, or must be ended
//! with it, is nobody else's misfortune. Invariants: at most `Options::browsers` are lent; one that
//! failed a run, or whose run was dropped, ends and is never lent again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::future::join_all;
use metrics::{Unit, describe_gauge, gauge};
use ports::ErrorChain;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{info, warn};

use super::page::{self, Job, PageReport, Scope};
use super::process::Running;
use super::{discover, memory};
use crate::cdn::Cache;
use crate::{Error, Options};

/// Browsers that run.
const BROWSERS: &str = "sitewright_browsers";

/// What they take.
const MEMORY: &str = "sitewright_browser_memory_bytes";

/// Runs of one page before giving up on browsers that keep going away.
const ATTEMPTS: u32 = 2;

/// How often the caretaker looks, at most.
const ROUND: Duration = Duration::from_secs(5);

/// The pool as one knows it without asking a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// One runs at least; product and version.
    Warm(String),
    /// One will be started on first use.
    Ready(PathBuf),
    /// None could be found or started: why.
    Absent(String),
}

/// Starts, lends, replaces and ends browsers.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    cdn: Option<Arc<Cache>>,
    /// One permit a browser that may be lent.
    places: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The one given back last is lent first, so that the others may end.
    idle: Vec<Idle>,
    /// All that run, lent or not.
    all: Vec<Weak<Running>>,
    last_failure: Option<String>,
    has_caretaker: bool,
}

#[derive(Debug)]
struct Idle {
    browser: Arc<Running>,
    since: Instant,
}

impl Pool {
    pub(crate) fn new(options: Options) -> Self {
        describe_gauge!(BROWSERS, "Browsers that run.");
        describe_gauge!(MEMORY, Unit::Bytes, "Memory of all browsers with their pages; shared pages count once.");
        let cdn = options.cdn.as_ref().map(|cdn| Arc::new(Cache::new(cdn.folder.clone(), cdn.max_bytes)));
        let places = Semaphore::new(options.browsers.max(1));
        Self { shared: Arc::new(Shared { options, cdn, places, state: Mutex::default() }) }
    }

    /// Opens the page of `job` and reports what was seen. A browser that ends meanwhile is replaced
    /// once; an error means that no browser could do it.
    pub(crate) async fn look(&self, job: &Job, scope: Scope) -> Result<PageReport, Error> {
        let Shared { options, cdn, places, .. } = self.shared.as_ref();
        // Never closed, so a permit always comes.
        let _place = places.acquire().await.ok();
        let mut attempt = 1;
        loop {
            let browser = self.lend().await?;
            match Box::pin(page::run(&browser, job, scope, options, cdn.as_ref())).await {
                Ok(run) => {
                    if run.fit {
                        self.state().idle.push(Idle { browser, since: Instant::now() });
                    }
                    return Ok(run.report);
                }
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(error) => {
                    let error = ErrorChain(&error);
                    warn!(event = "browser.retrying", attempt, %error, "page run failed, trying in a new browser");
                    attempt += 1;
                }
            }
        }
    }

    /// How the pool is; waits for nothing.
    pub(crate) fn condition(&self) -> Condition {
        let state = self.state();
        if let Some(failure) = &state.last_failure {
            return Condition::Absent(failure.clone());
        }
        match (state.living().first(), discover::find(&self.shared.options.program)) {
            (Some(browser), _) => Condition::Warm(browser.product().to_owned()),
            (None, Ok(path)) => Condition::Ready(path),
            (None, Err(error)) => Condition::Absent(error.to_string()),
        }
    }

    /// What all browsers take now, in bytes; none where the system does not say.
    pub(crate) async fn memory(&self) -> Option<u64> {
        let groups: Vec<u32> = self.state().living().iter().filter_map(|browser| browser.group()).collect();
        tokio::task::spawn_blocking(move || memory::of_groups(&groups)).await.ok().flatten()
    }

    /// Ends all browsers; a later look starts another.
    pub(crate) async fn close(&self) {
        let browsers = {
            let mut state = self.state();
            state.idle.clear();
            state.living()
        };
        join_all(browsers.iter().map(|browser| browser.close())).await;
    }

    async fn lend(&self) -> Result<Arc<Running>, Error> {
        while let Some(idle) = self.take_idle() {
            if idle.is_alive() {
                return Ok(idle);
            }
        }
        let started = match discover::find(&self.shared.options.program) {
            Ok(path) => Box::pin(Running::start(path, &self.shared.options)).await,
            Err(error) => Err(error),
        };
        self.state().last_failure = started.as_ref().err().map(|error| ErrorChain(error).to_string());
        let browser = Arc::new(started?);
        info!(event = "browser.started", browser = browser.product(), "browser started");
        self.note(&browser);
        Ok(browser)
    }

    fn take_idle(&self) -> Option<Arc<Running>> {
        self.state().idle.pop().map(|idle| idle.browser)
    }

    /// Counts a browser among ours, and sees to it that somebody looks after them.
    fn note(&self, browser: &Arc<Running>) {
        let mut state = self.state();
        state.all.retain(|browser| browser.strong_count() > 0);
        state.all.push(Arc::downgrade(browser));
        if !std::mem::replace(&mut state.has_caretaker, true) {
            tokio::spawn(care(Arc::downgrade(&self.shared)));
        }
    }

    /// Takes out the browsers that nobody needed for long.
    fn tired(&self) -> Vec<Arc<Running>> {
        let keep_warm = self.shared.options.keep_warm;
        let (tired, idle) = std::mem::take(&mut self.state().idle)
            .into_iter()
            .partition::<Vec<Idle>, _>(|idle| !idle.browser.is_alive() || idle.since.elapsed() >= keep_warm);
        self.state().idle.extend(idle);
        tired.into_iter().map(|idle| idle.browser).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn living(&self) -> Vec<Arc<Running>> {
        self.all.iter().filter_map(Weak::upgrade).filter(|browser| browser.is_alive()).collect()
    }
}

/// Ends browsers that idle, and says what the others take, until none is left.
async fn care(shared: Weak<Shared>) {
    loop {
        let Some(pool) = shared.upgrade().map(|shared| Pool { shared }) else { return };
        join_all(pool.tired().iter().map(|browser| browser.close())).await;
        let count = {
            let mut state = pool.state();
            let count = state.living().len();
            state.has_caretaker = count > 0;
            count
        };
        gauge!(BROWSERS).set(count as f64);
        // Numbers of bytes are far below what a float holds exactly.
        gauge!(MEMORY).set(if count > 0 { pool.memory().await.unwrap_or(0) as f64 } else { 0.0 });
        if count == 0 {
            return;
        }
        let pause = pool.shared.options.keep_warm.min(ROUND).max(Duration::from_millis(50));
        drop(pool);
        tokio::time::sleep(pause).await;
    }
}
