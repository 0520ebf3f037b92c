//! The operator's command line beside a running server, and on its folder once it has stopped.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, case, program};
use shared_types::TaskId;
use shared_types::http::{Outcome, TaskList};
use tokio::process::Command;

const SOON: Duration = Duration::from_secs(60);

/// What a command said, and whether it succeeded.
struct Said {
    good: bool,
    out: String,
    err: String,
}

async fn sitewright(data: &Path, arguments: &[&str]) -> Result<Said> {
    let mut command = Command::new(program());
    command.args(arguments).arg("--data-dir").arg(data).env_clear();
    let output = command.output().await.context("run sitewright")?;
    let text = |bytes| String::from_utf8(bytes).context("it is no text");
    Ok(Said { good: output.status.success(), out: text(output.stdout)?, err: text(output.stderr)? })
}

async fn dead(data: &Path) -> Result<Vec<TaskId>> {
    let said = sitewright(data, &["task", "list", "--show", "dead", "--json"]).await?;
    ensure!(said.good, "{}", said.err);
    let list: TaskList = serde_json::from_str(&said.out)?;
    Ok(list.tasks.iter().map(|task| task.id).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_found_and_delivered() -> Result<()> {
    let outside = Outside::new()?;
    outside.evaluator.script([500, 500, 500]);
    let launch = Launch::dry_run().without_browser().with("RETRY_MAX_ATTEMPTS", "1");
    let mut server = Instance::start(launch).await?;
    let data = server.data().join("data");
    let receipt = outside.post(&server, "/build", &case("sales-summary")?.rounds[0].request).await?;
    let id = receipt.id.to_string();
    let task = server.finished(receipt.id, SOON).await?;
    ensure!(task.summary.outcome == Some(Outcome::Undelivered), "{task:#?}");
    ensure!(dead(&data).await? == [receipt.id]);

    // By the server: once more in vain, then as a new attempt, which the third 500 ends too.
    let said = sitewright(&data, &["task", "renotify", &id]).await?;
    ensure!(said.good && said.out.contains("answer 500, again"), "{} {}", said.out, said.err);
    let said = sitewright(&data, &["task", "retry", &id]).await?;
    ensure!(said.good && said.out.contains("waits as attempt 2"), "{} {}", said.out, said.err);
    let task = server.task_until(receipt.id, SOON, |task| task.notifications.len() == 3).await?;
    ensure!(task.summary.attempt == 2, "{task:#?}");
    server.finished(receipt.id, SOON).await?;
    let said = sitewright(&data, &["task", "cancel", &id]).await?;
    ensure!(!said.good && said.err.contains("has ended already: undelivered"), "{}", said.err);

    // Without one, in the folder: the next start goes on with it.
    server.terminate().await?;
    let said = sitewright(&data, &["task", "renotify", &id]).await?;
    ensure!(!said.good && said.err.contains("start `sitewright serve`"), "{}", said.err);
    let said = sitewright(&data, &["task", "retry", &id]).await?;
    ensure!(said.good && said.out.contains("waits as attempt 3"), "{} {}", said.out, said.err);
    server.up().await?;
    let task = server.finished(receipt.id, SOON).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    ensure!(dead(&data).await?.is_empty());
    let sent = outside.evaluator.received();
    ensure!(sent.iter().all(|one| one.body == sent[0].body), "the same bytes each time");
    let ids: Vec<_> = sent.iter().filter_map(|one| one.header("webhook-id")).collect();
    ensure!(ids == [id.clone(), id.clone(), format!("{id}-2"), format!("{id}-3")], "{ids:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_server_becomes_another_one() -> Result<()> {
    let outside = Outside::new()?;
    let mut server = Instance::start(Launch::dry_run().without_browser()).await?;
    let data = server.data().join("data");
    let receipt = outside.post(&server, "/build", &case("sales-summary")?.rounds[0].request).await?;
    let before = server.finished(receipt.id, SOON).await?;
    let said = sitewright(&data, &["backup"]).await?;
    ensure!(said.good, "{} {}", said.out, said.err);
    let path = said.out.split(": ").next().context("it says where")?.to_owned();
    let verified = Command::new(program()).args(["backup", "verify", &path]).output().await?;
    let text = String::from_utf8(verified.stdout)?;
    ensure!(verified.status.success() && text.contains(&format!("task {} reads whole", receipt.id)), "{text}");

    let said = sitewright(&data, &["restore", &path]).await?;
    ensure!(!said.good && said.err.contains("is in use by another process"), "{}", said.err);
    server.terminate().await?;
    let said = sitewright(&data, &["restore", &path]).await?;
    ensure!(!said.good && said.err.contains("overwrites nothing"), "{}", said.err);
    for name in ["sitewright.db", "sitewright.db-wal", "sitewright.db-shm"] {
        let _ = std::fs::remove_file(data.join(name));
    }
    std::fs::remove_dir_all(data.join("blobs"))?;
    let said = sitewright(&data, &["restore", &path]).await?;
    ensure!(said.good, "{}", said.err);
    server.up().await?;
    let after = server.task(receipt.id).await?;
    ensure!(after == before, "{after:#?}");
    Ok(())
}

/// What was done for a person a moment ago may still be under way: nothing is removed before, and nobody else is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_not_forgotten_while_something_is_under_way() -> Result<()> {
    let outside = Outside::new()?;
    let server = Instance::start(Launch::dry_run().without_browser()).await?;
    let data = server.data().join("data");
    let request = &case("sales-summary")?.rounds[0].request;
    let email = request["email"].as_str().context("an address")?;
    let receipt = outside.post(&server, "/build", request).await?;
    let task = server.finished(receipt.id, SOON).await?;
    for arguments in [&["forget", email][..], &["forget", email, "--repos"]] {
        let said = sitewright(&data, arguments).await?;
        ensure!(!said.good && said.err.contains("ask again then"), "{} {}", said.out, said.err);
        ensure!(server.task(receipt.id).await? == task);
    }
    // Of somebody else there is nothing to remove, and that is no fault.
    let said = sitewright(&data, &["forget", "nobody@example.com"]).await?;
    ensure!(said.good && said.out.contains("\"tasks\": 0"), "{} {}", said.out, said.err);
    ensure!(server.task(receipt.id).await? == task);
    let said = sitewright(&data, &["forget", "nobody"]).await?;
    ensure!(!said.good && said.err.contains("invalid value"), "{}", said.err);
    Ok(())
}
