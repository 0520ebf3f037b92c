//! The whole way with a real browser: what goes in, what is published, what the evaluator gets.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, case};
use lab::model::{Reply, Script};
use shared_types::http::{Outcome, TaskView};
use shared_types::{BrowserRun, Oracle, Verdict};

/// A round takes about two seconds; the rest is for a busy machine.
const ROUND: Duration = Duration::from_secs(90);

/// Posts all rounds of a case in turn; gives the finished tasks.
async fn play(server: &Instance, outside: &Outside, name: &str) -> Result<Vec<TaskView>> {
    let mut tasks = Vec::new();
    for (index, round) in case(name)?.rounds.iter().enumerate() {
        let path = if index == 0 { "/build" } else { "/revise" };
        let receipt = outside.post(server, path, &round.request).await?;
        let task = server.finished(receipt.id, ROUND).await?;
        ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{name} round {}: {task:#?}", index + 1);
        tasks.push(task);
    }
    Ok(tasks)
}

/// Clones with stock git; gives the files of each commit of the branch, oldest first.
fn clone(pages: &url::Url, task: &TaskView, into: &Path) -> Result<Vec<BTreeMap<String, Vec<u8>>>> {
    let repo_url = task.repo_url.as_deref().context("no repository")?;
    let path: Vec<_> = repo_url.trim_end_matches('/').rsplit('/').take(2).collect();
    let name = path[0].trim_end_matches(".git");
    let address = format!("{pages}git/{}/{name}.git", path[1]);
    let git = |arguments: &[&str], folder: &Path| -> Result<Vec<u8>> {
        let output = Command::new("git").args(arguments).current_dir(folder).output().context("run git")?;
        ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    };
    git(&["clone", "--quiet", &address, "clone"], into)?;
    let folder = into.join("clone");
    let commits = String::from_utf8(git(&["rev-list", "--reverse", "HEAD"], &folder)?)?;
    let mut history = Vec::new();
    for commit in commits.lines() {
        let names = String::from_utf8(git(&["ls-tree", "-r", "--name-only", commit], &folder)?)?;
        let files =
            names.lines().map(|name| Ok((name.to_owned(), git(&["show", &format!("{commit}:{name}")], &folder)?)));
        history.push(files.collect::<Result<_>>()?);
    }
    ensure!(
        commits.lines().last() == task.commit_sha.as_ref().map(|sha| sha.as_str()),
        "the branch is at the last commit"
    );
    Ok(history)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_rounds_of_sales_summary() -> Result<()> {
    let (server, outside) = (Instance::start(Launch::dry_run()).await?, Outside::new()?);
    let tasks = play(&server, &outside, "sales-summary").await?;

    let report = tasks[0].report.as_ref().context("no report")?;
    ensure!(matches!(report.browser, BrowserRun::Ran { .. }), "{:?}", report.browser);
    ensure!((report.passed(), report.total()) == (3, 3), "{report:#?}");
    ensure!(report.checks.iter().all(|result| result.strict == Some(true)), "{report:#?}");
    ensure!(report.screenshot.is_some());

    let folder = tempfile::tempdir()?;
    let history = clone(&server.pages()?, &tasks[2], folder.path())?;
    ensure!(history.len() == 3, "one commit a round, got {}", history.len());
    for (round, files) in history.iter().enumerate() {
        for name in ["LICENSE", "README.md", ".nojekyll", "index.html", "data.csv"] {
            ensure!(files.contains_key(name), "round {}: {name} is missing", round + 1);
        }
        ensure!(String::from_utf8_lossy(&files["LICENSE"]).contains("is hereby granted"));
    }
    let attached = case("sales-summary")?.rounds[0].attachments()?;
    ensure!(history[2]["data.csv"] == attached[0].bytes, "attachments stay byte for byte");

    let received = outside.evaluator.received();
    ensure!(received.len() == 3 && received.iter().all(|item| item.accepted().is_some()), "{received:#?}");
    for (task, item) in tasks.iter().zip(&received) {
        let sent = item.accepted().context("not accepted")?;
        ensure!(Some(&sent.commit_sha) == task.commit_sha.as_ref() && Some(&sent.repo_url) == task.repo_url.as_ref());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_is_handed_in_and_keeps_its_attachments() -> Result<()> {
    let (server, outside) = (Instance::start(Launch::dry_run()).await?, Outside::new()?);
    for name in lab::cases::Case::names(&e2e::fixtures())? {
        let tasks = play(&server, &outside, &name).await?;
        let folder = tempfile::tempdir()?;
        let history = clone(&server.pages()?, tasks.last().context("no rounds")?, folder.path())?;
        ensure!(history.len() == tasks.len(), "{name}: one commit a round");
        for round in &case(&name)?.rounds {
            for file in round.attachments()? {
                let kept = history.last().and_then(|files| files.get(&file.name));
                ensure!(kept.is_some_and(|bytes| *bytes == file.bytes), "{name}: {} is kept byte for byte", file.name);
            }
        }
        for task in &tasks {
            let report = task.report.as_ref().context("no report")?;
            let wrong = report
                .checks
                .iter()
                .find(|result| result.check.oracle == Oracle::Judge && result.verdict != Verdict::Unjudged);
            ensure!(wrong.is_none(), "{name}: what nobody judged is unjudged: {wrong:?}");
        }
    }
    Ok(())
}

/// A model's first page fails its checks; the evidence brings a second that passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_models_page_is_repaired_before_it_is_published() -> Result<()> {
    let mut outside = Outside::new()?;
    let page = |title: &str| {
        let total = "fetch('data.csv').then(r => r.text()).then(t => { document.getElementById('total-sales').textContent = \
                     t.trim().split('\\n').slice(1).reduce((a, l) => a + Number(l.split(',')[4]), 0).toFixed(2); });";
        format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <link rel=\"stylesheet\" href=\"https://cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/css/bootstrap.min.css\">\
             </head><body><p id=\"total-sales\"></p><script>{total}</script></body></html>\n"
        )
    };
    let files = |title: &str| Reply::Files(vec![("index.html".to_owned(), page(title))]);
    let script = Script::new().otherwise([files("Wrong"), files("Sales Summary 7f3a9")]);
    let (seen, launch) = outside.model(script, Launch::dry_run())?;
    let server = Instance::start(launch).await?;

    let receipt = outside.post(&server, "/build", &case("sales-summary")?.rounds[0].request).await?;
    let task = server.finished(receipt.id, ROUND).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    let report = task.report.as_ref().context("no report")?;
    ensure!((report.passed(), report.total()) == (3, 3), "{report:#?}");
    ensure!(seen.requests().len() == 2, "one answer, one repair");
    Ok(())
}

/// A stop in the middle of a page that never rests: nothing of the browser stays behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_removes_what_was_temporary() -> Result<()> {
    let (outside, temporary) = (Outside::new()?, tempfile::tempdir()?);
    let folder = temporary.path().to_str().context("a folder that is no text")?;
    let mut server = Instance::start(Launch::dry_run().with("TMPDIR", folder)).await?;
    let mut request = case("sales-summary")?.rounds[0].request.clone();
    request.insert("checks".to_owned(), serde_json::json!(["js: new Promise(() => {})", "js: document.title"]));
    let receipt = outside.post(&server, "/build", &request).await?;
    let has_profile = || std::fs::read_dir(temporary.path()).is_ok_and(|mut entries| entries.next().is_some());
    server
        .task_until(receipt.id, ROUND, |task| {
            has_profile() && task.steps.iter().any(|step| step.step == "verify" && step.started_at.is_some())
        })
        .await?;
    let (status, took) = server.terminate().await?;
    ensure!(status.success() && took < Duration::from_secs(30), "{status} after {took:?}");
    ensure!(!has_profile(), "the browser's profile is still there");
    ensure!(std::fs::read_dir(server.data().join("data/blobs/tmp")).is_ok_and(|mut entries| entries.next().is_none()));
    server.up().await?;
    let task = server.finished(receipt.id, ROUND).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    Ok(())
}
