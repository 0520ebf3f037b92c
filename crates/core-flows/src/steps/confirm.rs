//! Confirm: the checks once more, at the public URL, as the grader will see it.

use ports::TaskUpdate;
use shared_types::events::LiveSiteDiffered;
use shared_types::{CheckReport, CheckResult, Payload, Phase, Verdict};

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
    let difference = difference(before, &report);
    let update = TaskUpdate {
        report: Some(report.clone()),
        notes: difference.iter().map(note).collect(),
        ..TaskUpdate::default()
    };
    let done = Done::new(Outcome::Confirm(Some(report.clone())), summary(&report)).event(verified_event(&report));
    let done = difference.map(Payload::LiveSiteDiffered).into_iter().fold(done, Done::event);
    Ok(done.update(update))
}

/// The live site could not be looked at: the verdict from before publishing stands.
pub(super) fn not_done(reason: &str) -> Done {
    Done::new(Outcome::Confirm(None), "not confirmed").note(format!("the live site could not be looked at: {reason}"))
}

/// The checks that came out otherwise; `None` when none did. One that no browser ran for says nothing.
fn difference(before: &CheckReport, after: &CheckReport) -> Option<LiveSiteDiffered> {
    let mut differed = LiveSiteDiffered::default();
    for now in &after.checks {
        let same =
            |result: &&CheckResult| (result.check.round, result.check.index) == (now.check.round, now.check.index);
        let Some(then) = before.checks.iter().find(same) else { continue };
        let name = format!("{}/{}", now.check.round, now.check.index);
        match (then.verdict, now.verdict) {
            (Verdict::Passed, Verdict::Failed) => differed.lost.push(name),
            (Verdict::Failed, Verdict::Passed) => differed.gained.push(name),
            _ => {}
        }
    }
    (differed != LiveSiteDiffered::default()).then_some(differed)
}

fn note(differed: &LiveSiteDiffered) -> String {
    let said = |checks: &[String], what: &str| {
        (!checks.is_empty()).then(|| format!("{what}: check {} (round/place)", checks.join(", ")))
    };
    let parts = [
        said(&differed.lost, "passed before publishing, fails on the live site"),
        said(&differed.gained, "failed before publishing, passes on the live site"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use shared_types::{BrowserRun, Check, Oracle, Round};

    use super::*;

    fn report(verdicts: &[Verdict]) -> CheckReport {
        let result = |(index, verdict): (usize, &Verdict)| CheckResult {
            check: Check::new(Round::FIRST, index as u32, "c", Oracle::Judge),
            verdict: *verdict,
            strict: None,
            evidence: None,
        };
        CheckReport {
            phase: Phase::Live,
            browser: BrowserRun::Ran { browser: "fake".to_owned() },
            checks: verdicts.iter().enumerate().map(result).collect(),
            findings: Vec::new(),
            judgements: Vec::new(),
            console_errors: Vec::new(),
            failed_requests: Vec::new(),
            screenshot: None,
            phone_screenshot: None,
            duration_ms: 0,
        }
    }

    #[test]
    fn what_came_out_otherwise_is_named_even_when_the_sum_is_the_same() {
        use Verdict::{Failed, NotRun, Passed};
        let differed = |before: &[Verdict], after: &[Verdict]| {
            difference(&report(before), &report(after)).as_ref().map(note).unwrap_or_default()
        };
        assert_eq!(differed(&[Passed, Failed], &[Passed, Failed]), "");
        assert_eq!(differed(&[Passed, NotRun], &[NotRun, Passed]), "");
        assert_eq!(
            differed(&[Passed, Failed], &[Failed, Passed]),
            "passed before publishing, fails on the live site: check 1/0 (round/place); \
             failed before publishing, passes on the live site: check 1/1 (round/place)"
        );
    }
}
