//! `kill -9` in the middle of a step, then a new start: the task ends handed in, with one
//! repository, one commit for the round, and one accepted notification on record.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, case};
use lab::evaluator::Answer;
use lab::github::{Fault, LabGitHub, When};
use lab::model::{ModelServer, Reply, Script};
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
    let model = ModelServer::bind(([127, 0, 0, 1], 0).into(), script)?;
    let launch =
        Launch::dry_run().without_browser().with("LLM_BASE_URL", model.base_url()).with("LLM_MODEL", "scripted");
    let stop = outside.stopping();
    outside.run(async move {
        model.run(stop).await.ok();
    });
    let mut server = Instance::start(launch).await?;
    kill_during("generate", &mut server, &outside).await?;
    ensure!(local_repositories(&server)? == [1], "one repository with one commit");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_publish() -> Result<()> {
    let mut outside = Outside::new()?;
    let github = LabGitHub::bind(([127, 0, 0, 1], 0).into(), lab::github::Options::default())?;
    let handle = github.handle();
    let model = ModelServer::bind(([127, 0, 0, 1], 0).into(), Script::instant())?;
    let launch = Launch::default()
        .with("STUDENT_SECRET", e2e::SECRET)
        .with("GITHUB_TOKEN", "any-token-will-do")
        .with("GITHUB_API_URL", github.api_url().as_str())
        .with("ALLOW_INSECURE_EVALUATORS", "1")
        .with("LLM_BASE_URL", model.base_url())
        .with("LLM_MODEL", "scripted")
        .without_browser();
    let stop = outside.stopping();
    outside.run({
        let stop = stop.clone();
        async move {
            github.run(stop).await.ok();
        }
    });
    outside.run(async move {
        model.run(stop).await.ok();
    });
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
