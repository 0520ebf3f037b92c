//! Repair: one pass with the failing evidence when a model is configured; the better of the two
//! sites is kept, never simply the last.
//!
//! A site that must not be published as it is (a secret in it) is replaced by the scaffold's.

use std::cmp::Reverse;
use std::time::Duration;

use ports::{Site, TaskUpdate};
use shared_types::{CheckReport, Phase, Severity, Verdict};

use super::verify::{candidate_url, inspect, summary, verified_event};
use super::{Context, Done, Error};
use crate::journal::{self, Made, Outcome, Progress, SCAFFOLD};
use crate::maker::{self, Brief};

/// Kept free to look at whatever comes of it.
const INSPECTION: Duration = Duration::from_secs(25);

pub(super) async fn run(ctx: &Context, progress: &Progress, budget: Duration) -> Result<Done, Error> {
    let (made, report) = (progress.generated()?, progress.verified()?);
    if sound(report) {
        return Ok(Done::new(Outcome::Repair(None), "nothing to repair"));
    }
    if made.source == SCAFFOLD {
        // The last rung: it would make the same site again.
        return Ok(Done::new(Outcome::Repair(None), format!("no model to repair with: {}", summary(report))));
    }
    let brief = Brief::load(ctx, progress).await?;
    let current = journal::load(ctx.ports.blobs.as_ref(), &made.site).await?;
    let asking = budget.saturating_sub(INSPECTION);
    let blocked = report.worst() == Some(Severity::Blocker);
    let (site, source) = match maker::by_repair(ctx, &brief, &made.source, &current, report, asking).await {
        Ok(site) => (site, made.source.clone()),
        Err(_) if blocked => (maker::by_scaffold(&brief)?, SCAFFOLD.to_owned()),
        Err(error) => return Ok(not_done(&ctx.explain(&error))),
    };
    keep_better(ctx, progress, site, source).await
}

/// The repair did not succeed: the candidate goes on as it is.
pub(super) fn not_done(reason: &str) -> Done {
    Done::new(Outcome::Repair(None), "not repaired").note(format!("the repair did not succeed: {reason}"))
}

async fn keep_better(ctx: &Context, progress: &Progress, site: Site, source: String) -> Result<Done, Error> {
    let before = progress.verified()?;
    let manifest = journal::store(ctx.ports.blobs.as_ref(), &site).await?;
    if manifest == progress.generated()?.site {
        return Ok(Done::new(Outcome::Repair(None), format!("the same site again: {}", summary(before))));
    }
    let pages_url = candidate_url(ctx, progress)?;
    let after = inspect(ctx, progress.prepared()?, site, Phase::Repaired, &pages_url).await?;
    let event = verified_event(&after);
    if rank(&after) <= rank(before) {
        let summary = format!("kept the first: the repaired site has {}", summary(&after));
        return Ok(Done::new(Outcome::Repair(None), summary).event(event));
    }
    let summary = format!("repaired: {}", summary(&after));
    let update = TaskUpdate { report: Some(after.clone()), ..TaskUpdate::default() };
    let made = Made { site: manifest, source };
    Ok(Done::new(Outcome::Repair(Some((made, after))), summary).event(event).update(update))
}

/// Checks that cannot hold, and earlier ones that never did, are nothing to repair.
fn sound(report: &CheckReport) -> bool {
    report.blocking().next().is_none() && report.worst().is_none_or(|worst| worst < Severity::Error)
}

/// Orders candidates: blocked, then checks that failed, then broken files; greater is better.
fn rank(report: &CheckReport) -> impl Ord + use<> {
    let blocked = report.worst() == Some(Severity::Blocker);
    let errors = report.findings.iter().filter(|finding| finding.severity >= Severity::Error).count();
    (Reverse(blocked), Reverse(report.count(Verdict::Failed)), Reverse(errors))
}
