//! `kill -9` in the middle of a step, then a new start: the task ends handed in, with one
//! repository, one commit for the round, and one accepted notification on record.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, case};
use lab::evaluator::Answer;
use lab::github::{Fault, When};
use lab::model::{Reply, Script};
use shared_types::http::{Outcome, StepState, TaskView};

const SOON: Duration = Duration::from_secs(60);

/// Longer than a test waits for the kill, shorter than a step's budget.
const STALL: Duration = Duration::from_secs(20);

fn is_running(task: &TaskView, step: &str) -> bool {
    task.steps.iter().any(|view| view.step == step && view.state == StepState::Running)
}

/// Starts a task, kills the server while `step` runs, starts it again, and waits for the end.
async fn kill_during(step: &str, server: &mut Instance, outside: &Outside) -> Result<TaskView> {
    let receipt = outside.post(server, "/build", &case("sales-summary")?.rounds[0].request).await?;
    server.task_until(receipt.id, SOON, |task| is_running(task, step)).await?;
    server.kill().await?;
    server.up().await?;
    let task = server.finished(receipt.id, SOON).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    let accepted = task.notifications.iter().filter(|attempt| attempt.verdict == "accepted").count();
    ensure!(accepted == 1, "one acceptance on record: {:#?}", task.notifications);
    ensure!(server.log().contains("flow goes on where it was"), "it was resumed, not begun anew");
    Ok(task)
}

/// The repositories below the data folder, with the number of commits of each.
fn local_repositories(server: &Instance) -> Result<Vec<usize>> {
    let mut counts = Vec::new();
    for owner in std::fs::read_dir(server.data().join("data/repos"))? {
        for repo in std::fs::read_dir(owner?.path())? {
            let repo = repo?.path();
            if repo.extension().is_some_and(|extension| extension == "git") {
                let output = std::process::Command::new("git")
                    .args(["rev-list", "--count", "HEAD"])
                    .current_dir(repo)
                    .output()?;
                counts.push(String::from_utf8(output.stdout)?.trim().parse().context("count commits")?);
            }
        }
    }
    Ok(counts)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_generate() -> Result<()> {
    let mut outside = Outside::new()?;
    let page = ("index.html".to_owned(), "<!DOCTYPE html><title>x</title><p>hello</p>\n".to_owned());
    let script = Script::new().otherwise([Reply::Stall(STALL), Reply::Files(vec![page])]);
    let (_, launch) = outside.model(script, Launch::dry_run().without_browser())?;
    let mut server = Instance::start(launch).await?;
    kill_during("generate", &mut server, &outside).await?;
    ensure!(local_repositories(&server)? == [1], "one repository with one commit");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_publish() -> Result<()> {
    let mut outside = Outside::new()?;
    let (handle, launch) = outside.github("any-token-will-do")?;
    // The branch moves, but the answer does not come before the kill.
    handle.inject(When::matching("PATCH", "/repos/*/*/git/refs/**"), Fault::Delay(STALL));
    let mut server = Instance::start(launch).await?;
    let task = kill_during("publish", &mut server, &outside).await?;
    let repos = handle.repos();
    ensure!(repos.len() == 1, "one repository: {repos:#?}");
    let ours: Vec<_> = repos[0].commits.iter().filter(|commit| commit.message.starts_with("feat: Build")).collect();
    ensure!(ours.len() == 1, "one commit of the round: {:#?}", repos[0].commits);
    ensure!(Some(ours[0].sha.as_str()) == task.commit_sha.as_ref().map(|sha| sha.as_str()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_notify() -> Result<()> {
    let outside = Outside::new()?;
    outside.evaluator.script([Answer::after(200, STALL)]);
    let mut server = Instance::start(Launch::dry_run().without_browser()).await?;
    kill_during("notify", &mut server, &outside).await?;
    ensure!(local_repositories(&server)? == [1], "one repository with one commit");
    let received = outside.evaluator.received();
    ensure!(received.iter().all(|item| item.body == received[0].body), "the same bytes on each attempt");
    Ok(())
}

/// The database is gone, the repositories are not: later rounds go on where the code host is.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_finds_the_repository_again() -> Result<()> {
    let outside = Outside::new()?;
    let mut server = Instance::start(Launch::dry_run().without_browser()).await?;
    let sample = case("sales-summary")?;
    let first = outside.post(&server, "/build", &sample.rounds[0].request).await?;
    let first = server.finished(first.id, SOON).await?;
    server.terminate().await?;
    std::fs::remove_file(server.data().join("data/sitewright.db"))?;
    server.up().await?;
    for round in &sample.rounds[1..] {
        let receipt = outside.post(&server, "/revise", &round.request).await?;
        let task = server.finished(receipt.id, SOON).await?;
        ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
        ensure!(task.repo_url == first.repo_url, "{:?} is not {:?}", task.repo_url, first.repo_url);
        // Once it was found, the new ledger knows where it is.
        let found = task.notes.iter().any(|note| note.contains("found at the code host"));
        ensure!(found == (task.summary.round.get() == 2), "round {}: {:?}", task.summary.round, task.notes);
    }
    ensure!(local_repositories(&server)? == [3], "three commits in one repository");
    Ok(())
}
