//! Verify: holds the candidate against the checks before anything is published.

use std::time::Duration;

use ports::{Inspection, Site, Target, TaskUpdate};
use shared_types::events::SiteVerified;
use shared_types::{BrowserRun, CheckReport, CheckResult, Payload, Phase, Verdict};
use url::Url;

use super::{Context, Done, Error};
use crate::journal::{self, Outcome, Prepared, Progress};
use crate::judging;
use crate::maker::Brief;

pub(super) async fn run(ctx: &Context, progress: &Progress, budget: Duration) -> Result<Done, Error> {
    let site = journal::load(ctx.ports.blobs.as_ref(), &progress.generated()?.site).await?;
    let (prepared, brief, url) =
        (progress.prepared()?, Brief::load(ctx, progress).await?, candidate_url(ctx, progress)?);
    let look = inspect(ctx, prepared, site.clone(), Phase::Candidate, &url);
    let judge = judging::judge(ctx, &brief, &site, &prepared.checks, budget / 2);
    let (report, (judgements, remark)) = tokio::join!(look, judge);
    let report = CheckReport { judgements, ..report? };
    let event = verified_event(&report);
    let update = TaskUpdate { report: Some(report.clone()), ..TaskUpdate::default() };
    let done = Done::new(Outcome::Verify(report.clone()), summary(&report)).event(event).update(update);
    Ok(remark.into_iter().fold(done, Done::note))
}

/// The verdict when the verifier itself failed: nothing is known, and nothing is called passed.
pub(super) fn not_done(progress: &Progress, reason: &str) -> Option<Done> {
    let checks = progress.prepared().ok()?.checks.iter();
    let report = CheckReport {
        phase: Phase::Candidate,
        browser: BrowserRun::NotRun { reason: reason.to_owned() },
        checks: checks
            .map(|check| CheckResult { check: check.clone(), verdict: Verdict::NotRun, strict: None, evidence: None })
            .collect(),
        findings: Vec::new(),
        judgements: Vec::new(),
        console_errors: Vec::new(),
        failed_requests: Vec::new(),
        screenshot: None,
        phone_screenshot: None,
        duration_ms: 0,
    };
    let update = TaskUpdate { report: Some(report.clone()), ..TaskUpdate::default() };
    Some(Done::new(Outcome::Verify(report), "not verified").update(update).note(format!("not verified: {reason}")))
}

/// Holds `site` against all checks and stores the pictures.
pub(super) async fn inspect(
    ctx: &Context,
    prepared: &Prepared,
    site: Site,
    phase: Phase,
    pages_url: &Url,
) -> Result<CheckReport, Error> {
    let inspection = Inspection {
        leaks: ctx.ports.gatekeeper.scan(&site).await?,
        site,
        pages_url: pages_url.clone(),
        target: if phase == Phase::Live { Target::Network } else { Target::Files },
        phase,
        checks: prepared.checks.clone(),
        attachments: prepared.attachments.clone(),
    };
    let verification = ctx.ports.verifier.verify(inspection).await?;
    let mut report = verification.report;
    if let Some(picture) = verification.screenshot {
        report.screenshot = Some(ctx.ports.blobs.put(picture).await?);
    }
    if let Some(picture) = verification.phone_screenshot {
        report.phone_screenshot = Some(ctx.ports.blobs.put(picture).await?);
    }
    Ok(report)
}

/// Where the candidate is served to the browser: any origin will do as long as the path has the
/// form `/<owner>/<repo>/`, which is what absolute links break on.
pub(super) fn candidate_url(ctx: &Context, progress: &Progress) -> Result<Url, Error> {
    if let Some(repo) = progress.fetched().and_then(|fetched| fetched.repo.as_ref()) {
        return Ok(repo.pages_url.clone());
    }
    let name = &ctx.task.repo;
    Url::parse(&format!("https://candidate.invalid/site/{name}/"))
        .map_err(|source| Error::Port(ports::Error::stop(source)))
}

/// The event of a report.
pub(super) fn verified_event(report: &CheckReport) -> Payload {
    Payload::SiteVerified(SiteVerified {
        phase: report.phase.as_str().to_owned(),
        passed: report.passed() as u32,
        total: report.total() as u32,
        browser_ran: matches!(report.browser, BrowserRun::Ran { .. }),
        findings: report.findings.len() as u32,
    })
}

/// `3/5 checks passed, 1 failed (1 held before), 1 unjudged`.
pub(super) fn summary(report: &CheckReport) -> String {
    let mut text = format!("{}/{} checks passed", report.passed(), report.total());
    let not_run = match report.browser {
        BrowserRun::NotRun { .. } => "not run: no browser",
        BrowserRun::Ran { .. } => "not run: a host did not answer",
    };
    for (verdict, word) in [
        (Verdict::Failed, "failed"),
        (Verdict::Unjudged, "unjudged"),
        (Verdict::NotRun, not_run),
        (Verdict::Unsatisfiable, "unsatisfiable"),
    ] {
        match report.count(verdict) {
            0 => {}
            count => text.push_str(&format!(", {count} {word}")),
        }
        match report.regressions().count() {
            count if count > 0 && verdict == Verdict::Failed => text.push_str(&format!(" ({count} held before)")),
            _ => {}
        }
    }
    text
}
