//! Checks as they are understood, and the report of a site held against them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Confidence, Digest, Judgement, Oracle, Round, SitePath};

/// One item of a request's `checks`, with the reading that Sitewright gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// The round whose request brought it.
    pub round: Round,
    /// Its place in that request's list, from 0.
    pub index: u32,
    /// The item as it came: the text, or the expression of a `{"js": ...}` object.
    pub source: String,
    /// How it is decided.
    pub oracle: Oracle,
    /// How sure that reading is.
    #[serde(default)]
    pub confidence: Confidence,
    /// Why no honest site can meet it: the attachments or another check say the opposite.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unsatisfiable: Option<String>,
    /// How it came out in its own round, when a later one is at work.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub earlier: Option<Earlier>,
}

impl Check {
    /// The item at `index` of the list of `round`, read as `oracle`, with nothing known beyond that.
    #[must_use]
    pub fn new(round: Round, index: u32, source: impl Into<String>, oracle: Oracle) -> Self {
        let confidence = Confidence::Certain;
        Self { round, index, source: source.into(), oracle, confidence, unsatisfiable: None, earlier: None }
    }
}

/// How a check of an earlier round came out when that round was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Earlier {
    /// It passed: it must go on passing.
    Passed,
    /// It failed, or nothing decided it: it holds nothing up now.
    NotPassed,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// Nothing here can decide it.
    Unjudged,
    /// It needs a browser and none ran, or a public host that did not answer; the evidence says which.
    NotRun,
    /// No honest site can meet it; the evidence says why.
    Unsatisfiable,
}

/// One check and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// Passed, failed, unjudged, not run or unsatisfiable.
    pub verdict: Verdict,
    /// Whether the strictest graders agree: the value was exactly `true`; the served HTML holds it without a script
    /// running; the whole title or number is as asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub strict: Option<bool>,
    /// What was seen: a value, an exception, the name of a missing file. At most 500 characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<String>,
}

impl CheckResult {
    /// Whether an earlier round's check passed then and fails now.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        self.verdict == Verdict::Failed && self.check.earlier == Some(Earlier::Passed)
    }

    /// Whether the site should not go out like this: the check fails, and is one of this round or passed earlier.
    #[must_use]
    pub fn is_blocking(&self) -> bool {
        self.verdict == Verdict::Failed && self.check.earlier != Some(Earlier::NotPassed)
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// The page is likely to be broken.
    Error,
    /// It must not be published.
    Blocker,
}

/// Something wrong with the site that no check asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Whether it may be published as it is.
    pub severity: Severity,
    /// Name of the rule, such as `html.parse`, `js.syntax`, `link.broken`, `secret.github_token`.
    pub rule: String,
    /// The file it is in.
    pub path: SitePath,
    /// Line from 1, when known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// What is wrong, for people and models. Never quotes a secret.
    pub message: String,
}

/// A request of the page that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedRequest {
    /// Its URL, without query.
    pub url: String,
    /// The HTTP status or the browser's reason.
    pub reason: String,
    /// What kind of failure it is; reports of older versions do not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<FailureCause>,
}

/// Who or what kept a request from succeeding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureCause {
    /// It was answered with a status of 400 or more.
    Status,
    /// Pages may not go there: a private address, or one that `VERIFY_EGRESS` leaves out.
    Blocked,
    /// Nobody answered.
    NoAnswer,
    /// The browser refused it or gave it up: an origin's rules, an integrity attribute, a broken address.
    Refused,
}

/// Whether a browser looked at the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BrowserRun {
    /// It did.
    Ran {
        /// Product and version, as the browser says.
        browser: String,
    },
    /// It did not; JavaScript checks are `not_run`, never `passed`.
    NotRun {
        /// Why, and what to do about it.
        reason: String,
    },
}

/// Which state of the site a report speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// As first generated, before publishing.
    Candidate,
    /// After a repair, before publishing.
    Repaired,
    /// At its public URL.
    Live,
}

impl Phase {
    /// The name in JSON and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Repaired => "repaired",
            Self::Live => "live",
        }
    }
}

/// A site held against its checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckReport {
    /// Candidate, repaired or live.
    pub phase: Phase,
    /// Whether a browser ran.
    pub browser: BrowserRun,
    /// One result a check, in the order of rounds and lists.
    pub checks: Vec<CheckResult>,
    /// What lint, link and secret rules found.
    pub findings: Vec<Finding>,
    /// What a model says where no program decides. Counted nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub judgements: Vec<Judgement>,
    /// Errors the page wrote to its console or threw. At most 20.
    pub console_errors: Vec<String>,
    /// Requests of the page that failed. At most 20.
    pub failed_requests: Vec<FailedRequest>,
    /// PNG of the page on a desktop, 1280 by 800 pixels, as a blob.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub screenshot: Option<Digest>,
    /// PNG of the page on a phone, 390 by 844 pixels, as a blob.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone_screenshot: Option<Digest>,
    /// Wall time of the verification in milliseconds.
    pub duration_ms: u64,
}

impl CheckReport {
    /// Checks with the verdict passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.count(Verdict::Passed)
    }

    /// Checks in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.checks.len()
    }

    /// Checks with the verdict `verdict`.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|result| result.verdict == verdict).count()
    }

    /// Checks that fail and should not: those of this round, and earlier ones that passed.
    pub fn blocking(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|result| result.is_blocking())
    }

    /// Checks of earlier rounds that passed then and fail now.
    pub fn regressions(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|result| result.is_regression())
    }

    /// The greatest severity found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}
