//! Chaos in brief, and the mistakes that it must notice: `cargo xtask chaos` does the same at length.

use anyhow::{Result, ensure};
use e2e::chaos::kills::{self, Trial};
use e2e::chaos::plan::{Blow, Cut, Moment};
use e2e::chaos::tally::Tally;
use e2e::chaos::world::Options;

fn holds(tally: &Tally) -> Result<()> {
    ensure!(tally.trials > 0 && tally.held() == tally.trials, "{tally:#?}");
    Ok(())
}

/// A few moments of each plan; every one of them is a matter of minutes.
fn some(engine: &str, of: usize) -> Vec<Trial> {
    let mut trials = kills::trials(engine, 0..1);
    trials.truncate(of);
    trials
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_on_one_host() -> Result<()> {
    holds(&kills::on_one_host("test-x1-sqlite", &some("sqlite", 8), 2, Options::default()).await?)
}

/// A task whose rounds are cut off at these moments, in a service with a mistake.
async fn with_bug(bug: &'static str, cuts: [Option<(&str, Moment)>; 2]) -> Result<String> {
    let cut = |(step, moment): (&str, Moment)| Cut { step: step.to_owned(), moment, blow: Blow::Kill };
    let trial = Trial { task: format!("bug-{bug}"), cuts: cuts.map(|at| at.map(cut)) };
    let options = Options { bug: Some(bug), ..Options::default() };
    let tally = kills::on_one_host(&format!("test-bug-{bug}"), &[trial], 1, options).await?;
    Ok(format!("{:#?}", tally.violations))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_commit_date_is_noticed() -> Result<()> {
    let seen = with_bug("random-commit-date", [Some(("commit", Moment::Done)), None]).await?;
    ensure!(seen.contains("DatesFollowFromTheRequest"), "{seen}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_before_the_journal_is_noticed() -> Result<()> {
    let seen = with_bug("publish-before-journal", [Some(("publish", Moment::Effect)), None]).await?;
    ensure!(seen.contains("OneCommitARound"), "{seen}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restamped_notification_is_noticed() -> Result<()> {
    let seen = with_bug("restamp-notification", [Some(("notify", Moment::Effect)), None]).await?;
    ensure!(seen.contains("SameBytes"), "{seen}");
    Ok(())
}
