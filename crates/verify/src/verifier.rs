//! The adapter: puts lint, rules and the browser's report together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ports::{ErrorChain, HealthPart, Inspection, Target, Verification, Verifier};
use shared_types::http::{CheckBody, Part, PartState};
use shared_types::{BrowserRun, Check, CheckReport, CheckResult, Finding, Oracle, Round, Verdict};
use tracing::warn;

use crate::browser::{Browsers, Condition, Job, PageReport};
use crate::decide::{self, Decision};
use crate::text::brief;
use crate::{Error, compile, lint, script};

/// Longest evidence of a check, in characters.
const EVIDENCE_CHARS: usize = 500;

/// How to verify.
#[derive(Debug, Clone)]
pub struct Options {
    /// The browser.
    pub program: Program,
    /// One page from opening to picture, at most.
    pub page_timeout: Duration,
    /// From opening until the page is looked at although it does not rest; below `page_timeout`.
    pub idle_timeout: Duration,
    /// Pages open at the same time; at least 1.
    pub concurrency: usize,
    /// Whether the browser confines its pages.
    pub sandbox: Sandbox,
    /// A SOCKS5 proxy on 127.0.0.1, the pages' only way out: it gets every name and every address,
    /// those of this machine too. Without one, pages reach whatever this machine reaches.
    pub proxy: Option<SocketAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            program: Program::InPath,
            page_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(10),
            concurrency: 2,
            sandbox: Sandbox::Auto,
            proxy: None,
        }
    }
}

/// Which browser looks at pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Program {
    /// The first of `chromium`, `chromium-browser`, `google-chrome`, `google-chrome-stable` in `PATH`.
    #[default]
    InPath,
    /// This one.
    At(PathBuf),
    /// None: checks that need one are not run.
    Off,
}

/// Chromium's own sandbox, which needs user namespaces and refuses root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// On, unless the process runs as root.
    #[default]
    Auto,
    /// Off: for containers that forbid user namespaces and confine the process themselves.
    Off,
}

/// Holds sites against their checks, with a warm browser that starts on first use.
#[derive(Debug)]
pub struct SiteVerifier {
    browsers: Browsers,
}

impl SiteVerifier {
    /// Starts nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { browsers: Browsers::new(options) }
    }

    /// Ends the browser and removes its profile. Dropping the verifier does so too, without waiting.
    pub async fn close(&self) {
        self.browsers.close().await;
    }
}

#[async_trait]
impl Verifier for SiteVerifier {
    fn compile(&self, round: Round, checks: &[CheckBody]) -> Vec<Check> {
        compile::compile(round, checks)
    }

    async fn verify(&self, inspection: Inspection) -> Result<Verification, ports::Error> {
        let began = Instant::now();
        let inspection = Arc::new(inspection);
        let files = tokio::task::spawn_blocking({
            let inspection = Arc::clone(&inspection);
            move || read_files(&inspection)
        });
        let page = async {
            let job = job(&inspection);
            self.browsers.look(&job).await
        };
        let (files, page) = tokio::join!(files, page);
        let files = files.map_err(Error::Lint)?;
        if let Err(error) = &page {
            warn!(event = "browser.absent", error = %ErrorChain(error), "site verified without a browser");
        }
        Ok(report(&inspection, files, page, began))
    }
}

#[async_trait]
impl HealthPart for SiteVerifier {
    async fn look(&self) -> Part {
        let (state, detail) = match self.browsers.condition() {
            Condition::Warm(product) => (PartState::Up, product),
            Condition::Ready(path) => (PartState::Up, format!("{}, starts on first use", path.display())),
            Condition::Busy => (PartState::Up, "starting or ending".to_owned()),
            Condition::Absent(reason) => (PartState::Degraded, format!("JavaScript checks are not run: {reason}")),
        };
        Part { name: "browser".to_owned(), state, needed: false, detail }
    }
}

/// What the files alone say.
struct FromFiles {
    findings: Vec<Finding>,
    /// One a check; none where no rule decides it.
    decisions: Vec<Option<Decision>>,
}

fn read_files(inspection: &Inspection) -> FromFiles {
    let Inspection { site, pages_url, attachments, leaks, checks, .. } = inspection;
    let decide = |check: &Check| match &check.oracle {
        Oracle::JavaScript { .. } | Oracle::Judge => None,
        Oracle::Licence => Some(decide::licence(site)),
        Oracle::Readme => Some(decide::readme(site)),
        Oracle::FilesExist { paths } => Some(decide::files_exist(site, paths)),
        Oracle::FileLinked { path } => Some(decide::file_linked(site, pages_url, path)),
        Oracle::FileEqualsAttachment { path } => Some(decide::equals_attachment(site, attachments, path)),
    };
    FromFiles {
        findings: lint::lint(site, pages_url, attachments, leaks),
        decisions: checks.iter().map(decide).collect(),
    }
}

fn job(inspection: &Inspection) -> Job {
    let expressions = inspection.checks.iter().filter_map(|check| match &check.oracle {
        Oracle::JavaScript { expression } => Some(script::runnable(expression)),
        _ => None,
    });
    Job {
        pages_url: inspection.pages_url.clone(),
        files: match inspection.target {
            Target::Files => Some(inspection.site.clone()),
            Target::Network => None,
        },
        expressions: expressions.collect(),
    }
}

fn report(inspection: &Inspection, files: FromFiles, page: Result<PageReport, Error>, began: Instant) -> Verification {
    let (browser, outcomes, console_errors, failed_requests, screenshot) = match page {
        Ok(page) => {
            let ran = BrowserRun::Ran { browser: page.browser };
            (ran, Some(page.outcomes), page.console_errors, page.failed_requests, page.screenshot)
        }
        Err(error) => (BrowserRun::NotRun { reason: ErrorChain(&error).to_string() }, None, vec![], vec![], None),
    };
    let mut outcomes = outcomes.map(Vec::into_iter);
    let result = |(check, decision): (&Check, Option<Decision>)| {
        let (verdict, strict, evidence) = match (&check.oracle, decision) {
            (Oracle::JavaScript { .. }, _) => match outcomes.as_mut().and_then(Iterator::next) {
                Some(outcome) if outcome.passed => (Verdict::Passed, Some(outcome.strict), Some(outcome.evidence)),
                Some(outcome) => (Verdict::Failed, Some(outcome.strict), Some(outcome.evidence)),
                None => (Verdict::NotRun, None, Some("no browser ran".to_owned())),
            },
            (_, Some(decision)) => (decision.verdict, None, Some(decision.evidence)),
            (_, None) => (Verdict::Unjudged, None, None),
        };
        let evidence = evidence.map(|text| brief(&text, EVIDENCE_CHARS));
        CheckResult { check: check.clone(), verdict, strict, evidence }
    };
    let checks = inspection.checks.iter().zip(files.decisions).map(result).collect();
    let report = CheckReport {
        phase: inspection.phase,
        browser,
        checks,
        findings: files.findings,
        console_errors,
        failed_requests,
        screenshot: None,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    Verification { report, screenshot }
}
