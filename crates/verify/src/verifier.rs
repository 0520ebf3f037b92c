//! The adapter: puts lint, rules and the browser's report together.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use ports::{Draft, ErrorChain, Fixed, HealthPart, Inspection, Verification, Verifier};
use shared_types::http::{CheckBody, Part, PartState};
use shared_types::{BrowserRun, Check, CheckReport, CheckResult, Finding, Round};
use tracing::warn;

use crate::browser::{Condition, Outcome, PageReport, Pool, Scope, Sight, Unanswered};
use crate::decide::{self, Decision, Ground, Visit};
use crate::text::brief;
use crate::{Error, autofix, compile, findings, lint, outline, python, unanswered};

/// Longest evidence of a check, in characters.
const EVIDENCE_CHARS: usize = 500;

/// However many cores there are: more browsers at once are a decision about memory.
const MAX_DEFAULT_BROWSERS: usize = 4;

/// How to verify.
#[derive(Debug, Clone)]
pub struct Options {
    /// The browser.
    pub program: Program,
    /// One page from opening to picture, at most.
    pub page_timeout: Duration,
    /// From opening until the page is looked at although it does not rest; below `page_timeout`.
    pub idle_timeout: Duration,
    /// One expression of a check, its promise included, at most.
    pub expression_timeout: Duration,
    /// Browsers at most, each with one page at a time; at least 1. One takes about 250 MB.
    pub browsers: usize,
    /// A browser that nobody needed for so long ends.
    pub keep_warm: Duration,
    /// Whether the browser confines its pages.
    pub sandbox: Sandbox,
    /// A SOCKS5 proxy on 127.0.0.1, the pages' only way out: it gets every name and every address,
    /// those of this machine too. Without one, pages reach whatever this machine reaches.
    pub proxy: Option<SocketAddr>,
    /// How far that proxy lets pages go; here it only tells who is to blame for what is missing.
    pub egress: Egress,
    /// Libraries of public CDNs on this machine. Without it they come from the network.
    pub cdn: Option<Cdn>,
}

/// How far pages may go beside their own site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Egress {
    /// To every public address.
    #[default]
    Public,
    /// To [`CDN_HOSTS`].
    Cdn,
    /// Nowhere.
    None,
}

/// The public CDNs whose libraries a [`Cdn`] holds.
pub const CDN_HOSTS: [&str; 3] = ["cdn.jsdelivr.net", "cdnjs.cloudflare.com", "unpkg.com"];

/// A cache of public libraries; its layout is in the crate's README.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cdn {
    /// Need not exist.
    pub folder: PathBuf,
    /// Of what was fetched, at most; packages put there by hand do not count. 0: nothing is kept.
    pub max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            program: Program::InPath,
            page_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(10),
            expression_timeout: Duration::from_secs(5),
            browsers: std::thread::available_parallelism().map_or(1, NonZero::get).clamp(1, MAX_DEFAULT_BROWSERS),
            keep_warm: Duration::from_secs(300),
            sandbox: Sandbox::Auto,
            proxy: None,
            egress: Egress::Public,
            cdn: None,
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

/// Holds sites against their checks, with warm browsers that start on first use.
#[derive(Debug)]
pub struct SiteVerifier {
    browsers: Pool,
}

impl SiteVerifier {
    /// Starts nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { browsers: Pool::new(options) }
    }

    /// What the warm browsers take now, in bytes, pages shared among them counted once; none where the
    /// system does not say. Also the gauge `sitewright_browser_memory_bytes`.
    pub async fn browser_memory(&self) -> Option<u64> {
        self.browsers.memory().await
    }

    /// Ends the browsers and removes their profiles. Dropping the verifier does so too, without waiting.
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
        // The first page is the site as people come to it.
        let scopes = std::iter::once(Scope::Whole).chain(std::iter::repeat(Scope::Answers));
        let pages = join_all(visits.iter().zip(scopes).map(|(visit, scope)| self.browsers.look(&visit.job, scope)));
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

/// What a page said about a check.
struct Seen {
    outcome: Outcome,
    /// What that page did not get.
    unanswered: Vec<Unanswered>,
}

/// The first page is the site's own; the others were opened with a query.
fn report(
    inspection: &Inspection,
    mut files: FromFiles,
    visits: &[Visit],
    pages: Vec<Result<PageReport, Error>>,
    began: Instant,
) -> Verification {
    let mut seen: Vec<Option<Seen>> = inspection.checks.iter().map(|_| None).collect();
    let mut browser = BrowserRun::NotRun { reason: "no page was opened".to_owned() };
    let (mut console_errors, mut failed_requests, mut sight) = (Vec::new(), Vec::new(), Sight::default());
    for (place, (visit, page)) in visits.iter().zip(pages).enumerate() {
        let mut page = match page {
            Ok(page) => page,
            Err(error) if place == 0 => {
                browser = BrowserRun::NotRun { reason: ErrorChain(&error).to_string() };
                continue;
            }
            Err(_) => continue,
        };
        if place == 0 {
            files.findings.extend(findings::of(&page));
            sight = page.sight.take().unwrap_or_default();
            browser = BrowserRun::Ran { browser: page.browser };
            (console_errors, failed_requests) = (page.console_errors, page.failed_requests);
        }
        for (index, outcome) in visit.checks.iter().zip(page.outcomes) {
            if let Some(place) = seen.get_mut(*index) {
                *place = Some(Seen { outcome, unanswered: page.unanswered.clone() });
            }
        }
    }
    let result = |((check, ground), seen): ((&Check, Ground), Option<Seen>)| {
        let (outcome, missed) = seen.map_or((None, Vec::new()), |seen| (Some(seen.outcome), seen.unanswered));
        let Decision { verdict, strict, evidence } =
            unanswered::weighed(check, decide::settle(check, ground, outcome), &missed);
        let evidence = Some(brief(&evidence, EVIDENCE_CHARS)).filter(|text| !text.is_empty());
        CheckResult { check: check.clone(), verdict, strict, evidence }
    };
    let report = CheckReport {
        phase: inspection.phase,
        browser,
        checks: inspection.checks.iter().zip(files.grounds).zip(seen).map(result).collect(),
        findings: files.findings,
        judgements: Vec::new(),
        console_errors,
        failed_requests,
        screenshot: None,
        phone_screenshot: None,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    Verification { report, screenshot: sight.desktop, phone_screenshot: sight.phone }
}
