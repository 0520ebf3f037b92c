//! The adapter: puts lint, rules and the browser's report together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use ports::{Draft, ErrorChain, Fixed, HealthPart, Inspection, Verification, Verifier};
use shared_types::http::{CheckBody, Part, PartState};
use shared_types::{BrowserRun, Check, CheckReport, CheckResult, Finding, Round};
use tracing::warn;

use crate::browser::{Browsers, Condition, Outcome, PageReport};
use crate::decide::{self, Decision, Ground, Visit};
use crate::text::brief;
use crate::{Error, autofix, compile, lint, outline, python};

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

    async fn autofix(&self, draft: Draft) -> Result<Fixed, ports::Error> {
        Ok(tokio::task::spawn_blocking(|| autofix::autofix(draft)).await.map_err(Error::Autofix)?)
    }

    async fn verify(&self, inspection: Inspection) -> Result<Verification, ports::Error> {
        let began = Instant::now();
        let inspection = Arc::new(inspection);
        let files = tokio::task::spawn_blocking({
            let inspection = Arc::clone(&inspection);
            move || read_files(&inspection)
        });
        let visits = decide::visits(&inspection);
        let pages = join_all(visits.iter().map(|visit| self.browsers.look(&visit.job)));
        let programs = python::check(&inspection.site, &inspection.attachments);
        let (files, programs, pages) = tokio::join!(files, programs, pages);
        let mut files = files.map_err(Error::Lint)?;
        files.findings.extend(programs);
        if let Some(Err(error)) = pages.first() {
            warn!(event = "browser.absent", error = %ErrorChain(error), "site verified without a browser");
        }
        Ok(report(&inspection, files, &visits, pages, began))
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
    /// One a check.
    grounds: Vec<Ground>,
}

fn read_files(inspection: &Inspection) -> FromFiles {
    let Inspection { site, pages_url, attachments, leaks, checks, .. } = inspection;
    let page = site.text("index.html").map(outline::read);
    FromFiles {
        findings: lint::lint(site, pages_url, attachments, leaks),
        grounds: checks.iter().map(|check| decide::by_files(inspection, page.as_ref(), check)).collect(),
    }
}

/// The first page is the site's own; the others were opened with a query.
fn report(
    inspection: &Inspection,
    files: FromFiles,
    visits: &[Visit],
    pages: Vec<Result<PageReport, Error>>,
    began: Instant,
) -> Verification {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; inspection.checks.len()];
    let mut browser = BrowserRun::NotRun { reason: "no page was opened".to_owned() };
    let (mut console_errors, mut failed_requests, mut screenshot) = (Vec::new(), Vec::new(), None);
    for (place, (visit, page)) in visits.iter().zip(pages).enumerate() {
        let page = match page {
            Ok(page) => page,
            Err(error) if place == 0 => {
                browser = BrowserRun::NotRun { reason: ErrorChain(&error).to_string() };
                continue;
            }
            Err(_) => continue,
        };
        for (index, outcome) in visit.checks.iter().zip(page.outcomes) {
            if let Some(place) = outcomes.get_mut(*index) {
                *place = Some(outcome);
            }
        }
        if place == 0 {
            browser = BrowserRun::Ran { browser: page.browser };
            (console_errors, failed_requests, screenshot) =
                (page.console_errors, page.failed_requests, page.screenshot);
        }
    }
    let result = |((check, ground), outcome): ((&Check, Ground), Option<Outcome>)| {
        let Decision { verdict, strict, evidence } = decide::settle(check, ground, outcome);
        let evidence = Some(brief(&evidence, EVIDENCE_CHARS)).filter(|text| !text.is_empty());
        CheckResult { check: check.clone(), verdict, strict, evidence }
    };
    let report = CheckReport {
        phase: inspection.phase,
        browser,
        checks: inspection.checks.iter().zip(files.grounds).zip(outcomes).map(result).collect(),
        findings: files.findings,
        judgements: Vec::new(),
        console_errors,
        failed_requests,
        screenshot: None,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    Verification { report, screenshot }
}
