//! GitHub in place of the local host: three rounds over HTTP against the lab's GitHub.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Outside, case};
use shared_types::http::{Outcome, TaskState, TaskView};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_enough() -> Result<()> {
    let mut outside = Outside::new()?;
    let token = ["a", "-token-", "to-look-for"].concat();
    let (handle, launch) = outside.github(&token)?;
    let server = Instance::start(launch).await?;
    for (index, round) in case("sales-summary")?.rounds.iter().enumerate() {
        let receipt = outside.post(&server, "/tasks", &round.request).await?;
        let task = server.finished(receipt.id, Duration::from_secs(60)).await?;
        ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
        let live = task.steps.iter().find(|step| step.step == "pages").and_then(|step| step.summary.clone());
        ensure!(live.as_deref() == Some("live"), "round {}: {live:?}, {:?}", index + 1, task.notes);
    }
    let repos = handle.repos();
    ensure!(repos.len() == 1, "{repos:#?}");
    let rounds = repos[0].commits.iter().filter(|commit| commit.message.starts_with("feat: ")).count();
    ensure!(rounds == 3, "{:#?}", repos[0].commits);
    ensure!(repos[0].files.contains_key("LICENSE") && repos[0].files.contains_key("data.csv"));
    ensure!(!server.log().contains(&token), "the token is in the log");
    let found = grep(server.data(), token.as_bytes())?;
    ensure!(found.is_empty(), "the token is in {found:?}");
    let found = grep(server.data(), e2e::SECRET.as_bytes())?;
    ensure!(found.is_empty(), "the student's secret is in {found:?}");
    let published =
        repos[0].files.values().any(|bytes| bytes.windows(token.len()).any(|window| window == token.as_bytes()));
    ensure!(!published, "the token is published");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_parks_the_flow_until_another_one_is_set() -> Result<()> {
    let mut outside = Outside::new()?;
    let token = ["a", "-good-", "token"].concat();
    let (handle, launch) = outside.github(&token)?;
    let revoked =
        launch.clone().with("GITHUB_TOKEN", ["a", "-revoked-", "token"].concat()).with("RETRY_MAX_ATTEMPTS", "1");
    let mut server = Instance::start(revoked).await?;
    let receipt = outside.post(&server, "/build", &case("sales-summary")?.rounds[0].request).await?;
    let is_parked = |task: &TaskView| task.summary.state == TaskState::Queued && server.log().contains("flow.parked");
    server.task_until(receipt.id, Duration::from_secs(30), is_parked).await?;
    ensure!(handle.repos().is_empty());

    server.terminate().await?;
    server.relaunch(launch);
    server.up().await?;
    let task = server.finished(receipt.id, Duration::from_secs(60)).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    ensure!(handle.repos().len() == 1);
    Ok(())
}

/// Each bad day of pages and limits that ends within minutes; those that end with the deadline are
/// tested by core-flows, with a clock that is paused.
#[tokio::test(flavor = "multi_thread")]
async fn bad_days_end_as_stated() -> Result<()> {
    let mut outside = Outside::new()?;
    let (handle, launch) = outside.github(&["a", "-token"].concat())?;
    let server = Instance::start(launch.without_limits()).await?;
    for day in e2e::github_days::days() {
        day.play(&outside, &server, &handle).await?;
    }
    let health = server.get("health").await?;
    ensure!(health.contains("\"github\""), "{health}");
    Ok(())
}

/// A custom domain of the account: the evaluator is told what GitHub says, and that is what was seen live.
#[tokio::test(flavor = "multi_thread")]
async fn a_custom_domain_is_told_and_proven() -> Result<()> {
    let mut outside = Outside::new()?;
    let (handle, launch) = outside.github(&["a", "-token"].concat())?;
    let domain = handle.sites_url().replace("http://127.0.0.1", "localhost");
    handle.give_account_domain("student", &domain);
    let server = Instance::start(launch).await?;
    let receipt = outside.post(&server, "/build", &case("sales-summary")?.rounds[0].request).await?;
    let task = server.finished(receipt.id, Duration::from_secs(60)).await?;
    let live = task.steps.iter().find(|step| step.step == "pages").and_then(|step| step.summary.clone());
    ensure!(live.as_deref() == Some("live"), "{live:?} {:?}", task.notes);
    let repo = handle.repos().pop().context("no repository")?;
    let expected = format!("http://{domain}/{}/", repo.name);
    let received = outside.evaluator.received();
    let told = received.iter().find_map(|item| item.accepted()).context("nobody was told")?;
    ensure!(told.pages_url == expected && repo.homepage == Some(expected), "{told:?} {:?}", repo.homepage);
    Ok(())
}

/// Files below `folder` that hold `needle`.
pub(crate) fn grep(folder: &std::path::Path, needle: &[u8]) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(grep(&path, needle)?);
        } else if std::fs::read(&path)?.windows(needle.len()).any(|window| window == needle) {
            found.push(path);
        }
    }
    Ok(found)
}
