//! Confirm: the checks once more, at the public URL, as the grader will see it.

use ports::TaskUpdate;
use shared_types::{CheckReport, Phase};

use super::verify::{inspect, summary, verified_event};
use super::{Context, Done, Error};
use crate::journal::{self, Outcome, Progress};

pub(super) async fn run(ctx: &Context, progress: &Progress) -> Result<Done, Error> {
    let served = progress.served()?;
    if !served.live {
        return Ok(Done::new(Outcome::Confirm(None), "not live yet"));
    }
    if progress.published()?.pull_request.is_some() {
        return Ok(Done::new(Outcome::Confirm(None), "the change waits in a pull request"));
    }
    let (made, before) = progress.best()?;
    let site = journal::load(ctx.ports.blobs.as_ref(), &made.site).await?;
    let report = inspect(ctx, progress.prepared()?, site, Phase::Live, &served.url).await?;
    // The files are the same, so what was held of them still is.
    let report = CheckReport { judgements: before.judgements.clone(), ..report };
    let event = verified_event(&report);
    let update = TaskUpdate {
        report: Some(report.clone()),
        notes: difference(before, &report).into_iter().collect(),
        ..TaskUpdate::default()
    };
    Ok(Done::new(Outcome::Confirm(Some(report.clone())), summary(&report)).event(event).update(update))
}

/// The live site could not be looked at: the verdict from before publishing stands.
pub(super) fn not_done(reason: &str) -> Done {
    Done::new(Outcome::Confirm(None), "not confirmed").note(format!("the live site could not be looked at: {reason}"))
}

fn difference(before: &CheckReport, after: &CheckReport) -> Option<String> {
    (before.passed() != after.passed())
        .then(|| format!("before publishing {} checks passed, on the live site {}", before.passed(), after.passed()))
}
