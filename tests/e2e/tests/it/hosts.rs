//! One host accepts and has the ledger, two others work: what they do together over NATS.

mod rebuild;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Outside, case, free_port};
use lab::evaluator::Answer;
use lab::github::{Fault, Handle, When};
use shared_types::TaskId;
use shared_types::http::{Outcome, StepState, TaskView};
use tempfile::TempDir;
use tokio::process::Child;

use crate::nats::broker;

const SOON: Duration = Duration::from_secs(60);

/// A lease, and what it takes until the next runner has the flow.
const AFTER_A_LEASE: Duration = Duration::from_secs(120);

/// Longer than a runner is left alive with it.
const STALL: Duration = Duration::from_secs(50);

/// An intake, two runners, GitHub, and a broker that may be away.
struct Hosts {
    outside: Outside,
    github: Handle,
    intake: Instance,
    runners: Vec<Instance>,
    port: u16,
    broker: Option<Child>,
    store: TempDir,
}

impl Hosts {
    /// All of it, with the broker up.
    async fn start() -> Result<Self> {
        let (store, port) = (tempfile::tempdir()?, free_port()?);
        let broker = Some(broker(port, store.path()).await?);
        let mut outside = Outside::new()?;
        let (github, launch) = outside.github("any-token-will-do")?;
        let launch = launch.with("NATS_URL", format!("nats://127.0.0.1:{port}"));
        let role = |role: &str| launch.clone().with("ROLES", role);
        let intake = Instance::start(role("intake")).await?;
        let runners = vec![Instance::start(role("runner")).await?, Instance::start(role("runner")).await?];
        Ok(Self { outside, github, intake, runners, port, broker, store })
    }

    /// Posts the round `round` of a sample.
    async fn post(&self, sample: &str, round: usize) -> Result<TaskId> {
        let request = &case(sample)?.rounds[round].request;
        Ok(self.outside.post(&self.intake, "/tasks", request).await?.id)
    }

    async fn handed_in(&self, id: TaskId, within: Duration) -> Result<TaskView> {
        let logs = || self.runners.iter().map(Instance::log).collect::<Vec<_>>().join("\n---\n");
        let task = self.intake.finished(id, within).await.with_context(logs)?;
        ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
        let accepted = task.notifications.iter().filter(|attempt| attempt.verdict == "accepted").count();
        ensure!(accepted == 1, "one acceptance on record: {:#?}", task.notifications);
        Ok(task)
    }

    /// Which runner works on `id`, by its log.
    fn runner_of(&self, id: TaskId) -> Result<usize> {
        let named = id.to_string();
        self.runners.iter().position(|runner| runner.log().contains(&named)).context("no runner has it")
    }

    /// Commits of rounds, for each repository.
    fn rounds(&self) -> Vec<usize> {
        let ours = |message: &str| message.starts_with("feat: ");
        let repos = self.github.repos();
        repos.iter().map(|repo| repo.commits.iter().filter(|commit| ours(&commit.message)).count()).collect()
    }
}

fn is_running(task: &TaskView, step: &str) -> bool {
    task.steps.iter().any(|view| view.step == step && view.state == StepState::Running)
}

/// Several tasks at once, and later rounds of one; the runners have no database.
#[tokio::test(flavor = "multi_thread")]
async fn three_processes_do_the_job_together() -> Result<()> {
    let hosts = Hosts::start().await?;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(hosts.post("sales-summary", 0).await?);
    }
    for id in ids {
        hosts.handed_in(id, SOON).await?;
    }
    let first = hosts.post("sales-summary", 1).await?;
    let second = hosts.post("sales-summary", 2).await?;
    hosts.handed_in(first, SOON).await?;
    let last = hosts.handed_in(second, SOON).await?;
    ensure!(last.summary.round.get() == 3, "{last:#?}");
    let mut rounds = hosts.rounds();
    rounds.sort_unstable();
    ensure!(rounds == [1, 1, 1, 3], "{rounds:?}");
    for runner in &hosts.runners {
        ensure!(!runner.data().join("data/sitewright.db").exists(), "a runner has a database");
    }
    Ok(())
}

/// SIGKILL in the middle of a flow: the other runner goes on from the journal.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runner_is_made_up_for() -> Result<()> {
    let mut hosts = Hosts::start().await?;
    // The branch moves, but the answer does not come before the kill.
    hosts.github.inject(When::matching("PATCH", "/repos/*/*/git/refs/**"), Fault::Delay(STALL));
    let id = hosts.post("sales-summary", 0).await?;
    hosts.intake.task_until(id, SOON, |task| is_running(task, "publish")).await?;
    let victim = hosts.runner_of(id)?;
    hosts.runners[victim].kill().await?;
    hosts.handed_in(id, AFTER_A_LEASE).await?;
    ensure!(hosts.rounds() == [1], "one repository, one commit of the round: {:?}", hosts.rounds());
    let other = hosts.runners[1 - victim].log();
    ensure!(other.contains("flow goes on where it was"), "it was resumed, not begun anew");
    ensure!(hosts.outside.accepted(1, SOON).await? == 1, "the evaluator accepted once");
    Ok(())
}

/// A runner that is stopped for longer than its lease wakes up as a zombie: nothing it does counts any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_changes_nothing() -> Result<()> {
    let hosts = Hosts::start().await?;
    // GitHub's answer is what the runner waits for when it is frozen.
    hosts.github.inject(When::matching("PATCH", "/repos/*/*/git/refs/**"), Fault::Delay(Duration::from_secs(5)));
    let id = hosts.post("sales-summary", 0).await?;
    hosts.intake.task_until(id, SOON, |task| is_running(task, "publish")).await?;
    let zombie = &hosts.runners[hosts.runner_of(id)?];
    signal(zombie, "STOP")?;
    let task = hosts.handed_in(id, AFTER_A_LEASE).await?;
    let events = hosts.intake.get(&format!("v1/tasks/{id}/stream?after=0")).await?;
    signal(zombie, "CONT")?;
    let noticed = async {
        while !zombie.log().contains("\"flow.lost\"") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(SOON, noticed).await.with_context(|| zombie.log())?;
    ensure!(hosts.intake.task(id).await? == task, "the task has changed");
    ensure!(hosts.intake.get(&format!("v1/tasks/{id}/stream?after=0")).await? == events, "events were added");
    ensure!(hosts.rounds() == [1], "one commit of the round: {:?}", hosts.rounds());
    ensure!(hosts.outside.accepted(1, SOON).await? == 1, "the evaluator accepted once");
    Ok(())
}

/// A broker that is away holds up work, never an accept; afterwards all goes on. Requirement B-35.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_blocks_no_accept() -> Result<()> {
    let mut hosts = Hosts::start().await?;
    hosts.outside.evaluator.script([Answer::after(200, Duration::from_secs(3))]);
    let under_way = hosts.post("sales-summary", 0).await?;
    hosts.intake.task_until(under_way, SOON, |task| is_running(task, "notify")).await?;
    hosts.broker.take().context("a broker")?.kill().await?;
    let meanwhile = hosts.post("sales-summary", 0).await?;
    hosts.broker = Some(broker(hosts.port, hosts.store.path()).await?);
    for id in [under_way, meanwhile] {
        hosts.handed_in(id, AFTER_A_LEASE).await?;
    }
    ensure!(hosts.rounds() == [1, 1], "{:?}", hosts.rounds());
    Ok(())
}

/// The host with the ledger is killed and comes back: what was done meanwhile is in the ledger then.
#[tokio::test(flavor = "multi_thread")]
async fn an_intake_that_comes_back_catches_up() -> Result<()> {
    let mut hosts = Hosts::start().await?;
    hosts.outside.evaluator.script([Answer::after(200, Duration::from_secs(3))]);
    let id = hosts.post("sales-summary", 0).await?;
    hosts.intake.task_until(id, SOON, |task| is_running(task, "notify")).await?;
    hosts.intake.kill().await?;
    hosts.outside.accepted(1, SOON).await?;
    hosts.intake.up().await?;
    let task = hosts.handed_in(id, SOON).await?;
    ensure!(task.steps.iter().all(|step| step.state == StepState::Done), "{:#?}", task.steps);
    ensure!(hosts.rounds() == [1], "{:?}", hosts.rounds());
    Ok(())
}

fn signal(instance: &Instance, name: &str) -> Result<()> {
    let pid = instance.pid().context("nothing runs")?.to_string();
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status()?;
    ensure!(sent.success(), "kill -{name} {pid}: {sent}");
    Ok(())
}
