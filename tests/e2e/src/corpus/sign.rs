//! What tells a planted defect.

use anyhow::{Result, ensure};
use serde::Deserialize;
use shared_types::http::CheckBody;
use shared_types::{Check, CheckReport, Oracle, Verdict};

use super::Proof;

/// Any one of these tells the defect.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sign {
    /// Rules of findings, one of which is enough.
    rules: Vec<String>,
    /// A part of a check that fails.
    check: Option<String>,
    /// A part of a check that passes and does not satisfy the strictest graders.
    strict: Option<String>,
    /// A part of a console error.
    console: Option<String>,
    /// A part of a failed request's URL.
    request: Option<String>,
    /// A rule that mends the site, after which nothing is wrong with it.
    fix: Option<String>,
}

impl Sign {
    /// Whether the checks that it names are among `checks`, and it names anything at all.
    pub(super) fn fits(&self, checks: &[CheckBody]) -> Result<()> {
        let Self { rules, check, strict, console, request, fix } = self;
        let says = [check, strict, console, request, fix].into_iter().any(Option::is_some) || !rules.is_empty();
        ensure!(says, "found_by names nothing");
        for part in check.iter().chain(strict) {
            let named = |check: &CheckBody| matches!(check, CheckBody::Text(text) if text.contains(part.as_str()));
            ensure!(checks.iter().any(named), "no check holds {part:?}");
        }
        Ok(())
    }

    /// Whether only a browser can see it.
    pub(super) fn takes_a_browser(&self, checks: &[Check]) -> bool {
        let Self { rules, check, fix, .. } = self;
        let by_lint = rules.iter().any(|rule| !rule.starts_with("page."));
        let by_files = checks.iter().any(|known| holds(check, &known.source) && is_read_from_files(&known.oracle));
        !by_lint && !by_files && fix.is_none()
    }

    /// Whether a rule mends it.
    pub(super) fn is_a_fix(&self) -> bool {
        self.fix.is_some()
    }

    /// Whether `proof` shows it.
    pub(super) fn shows_in(&self, proof: &Proof) -> bool {
        let Self { rules, check, strict, console, request, fix } = self;
        let CheckReport { findings, checks, console_errors, failed_requests, .. } = &proof.report;
        findings.iter().any(|finding| rules.contains(&finding.rule))
            || checks.iter().any(|result| {
                let source = &result.check.source;
                (result.verdict == Verdict::Failed && holds(check, source))
                    || (result.verdict == Verdict::Passed && result.strict == Some(false) && holds(strict, source))
            })
            || console_errors.iter().any(|line| holds(console, line))
            || failed_requests.iter().any(|failed| holds(request, &failed.url))
            || (proof.fixes.iter().any(|made| fix.as_ref() == Some(&made.rule))
                && proof.mended.as_ref().is_some_and(|mended| complaints(mended).is_empty()))
    }
}

/// Everything that a report says against a site.
pub(super) fn complaints(report: &CheckReport) -> Vec<String> {
    let failed = report.checks.iter().filter(|result| result.verdict == Verdict::Failed);
    let failed = failed
        .map(|result| format!("fails {:?}: {}", result.check.source, result.evidence.as_deref().unwrap_or_default()));
    let findings =
        report.findings.iter().map(|finding| format!("{} {}: {}", finding.rule, finding.path, finding.message));
    let console = report.console_errors.iter().map(|line| format!("console: {line}"));
    let requests = report.failed_requests.iter().map(|failed| format!("request {}: {}", failed.url, failed.reason));
    failed.chain(findings).chain(console).chain(requests).collect()
}

fn holds(part: &Option<String>, text: &str) -> bool {
    part.as_ref().is_some_and(|part| text.contains(part.as_str()))
}

fn is_read_from_files(oracle: &Oracle) -> bool {
    !matches!(
        oracle,
        Oracle::JavaScript { .. }
            | Oracle::Title { .. }
            | Oracle::Elements { .. }
            | Oracle::ElementText { .. }
            | Oracle::PageText { .. }
            | Oracle::Query { .. }
            | Oracle::Judge
    )
}
