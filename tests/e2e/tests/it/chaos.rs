//! Chaos in brief, and the mistakes that it must notice: `cargo xtask chaos` does the same at length.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::chaos::hosts::Struck;
use e2e::chaos::kills::{self, Load, Trial};
use e2e::chaos::outages::{self, Outage};
use e2e::chaos::plan::{Blow, Cut, Moment};
use e2e::chaos::tally::Tally;
use e2e::chaos::world::Options;
use e2e::chaos::{disk, evaluators, power, storm, zombies};

/// Of flows over a broker: what is waited for is its end.
const SHORT_LEASE: Duration = Duration::from_secs(6);

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
    let trial = Trial { task: format!("bug-{bug}"), cuts: cuts.map(|at| at.map(cut)), resumes: true };
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

/// Killed as soon as the answer is there: a service that answers before it stores has lost the request.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_commit_is_noticed() -> Result<()> {
    for (bug, is_lost) in [(None, false), (Some("ack-early"), true)] {
        let seen = kills::after_the_answer("test-ack", 3, Options { bug, ..Options::default() }).await?;
        let seen = format!("{:#?}", seen.violations);
        ensure!(seen.contains("NothingIsLost") == is_lost, "{bug:?}: {seen}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_on_the_disk_before_its_answer() -> Result<()> {
    for tally in power::run("test-x6", 5).await? {
        holds(&tally)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_evaluator_is_told_as_stated() -> Result<()> {
    holds(&evaluators::run("test-x7", &evaluators::cases(), 1, Options::default()).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_disk_is_refused_or_mended() -> Result<()> {
    for tally in disk::run(1).await? {
        holds(&tally)?;
    }
    Ok(())
}

/// With a broker.
mod nats {
    use super::*;

    /// A runner or the host with the ledger is killed.
    #[tokio::test(flavor = "multi_thread")]
    async fn kills_over_a_broker() -> Result<()> {
        let options = Options { lease: Some(SHORT_LEASE), ..Options::default() };
        let load = Load { deployments: 1, runners: 3, under_way: 4 };
        holds(&kills::on_hosts("test-x1-nats", &some("nats", 4), load, Struck::Runner, options).await?)?;
        let mut trials = kills::trials_of_the_intake("nats-intake", 0..1);
        trials.truncate(2);
        let load = Load { deployments: 1, runners: 1, under_way: 1 };
        holds(&kills::on_hosts("test-x1-intake", &trials, load, Struck::Intake, options).await?)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn zombies_over_a_broker() -> Result<()> {
        let options = Options { lease: Some(SHORT_LEASE), ..Options::default() };
        holds(&zombies::on_hosts("test-x3-nats", &zombies::trials("nats", 4), 4, options).await?)
    }

    /// A zombie that goes on although its epoch is over tells the evaluator once more.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_skipped_epoch_check_is_noticed() -> Result<()> {
        let options = Options { lease: Some(SHORT_LEASE), bug: Some("skip-epoch-check") };
        let cut = Cut { step: "notify".to_owned(), moment: Moment::Begun, blow: Blow::Stop };
        let trial = Trial { task: "bug-skip-epoch-check".to_owned(), cuts: [Some(cut), None], resumes: true };
        let tally = zombies::on_hosts("test-bug-skip-epoch-check", &[trial], 1, options).await?;
        let seen = format!("{:#?}", tally.violations);
        ensure!(seen.contains("OneAcceptance"), "{seen}");
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn lost_streams_are_made_up_for() -> Result<()> {
        let options = Options { lease: Some(SHORT_LEASE), ..Options::default() };
        holds(&outages::run("test-x4-streams", Outage::StreamsDeleted, options).await?)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_storm_loses_nothing() -> Result<()> {
        let options = Options { lease: Some(SHORT_LEASE), ..Options::default() };
        holds(&storm::run("test-x2", 6, Duration::from_secs(12), 0, options).await?)
    }
}
