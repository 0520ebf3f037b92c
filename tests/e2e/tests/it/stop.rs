//! How a server starts and stops.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Instance, Launch, Outside, case};
use shared_types::http::Outcome;

#[test]
fn without_configuration_it_says_what_is_missing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = Command::new(e2e::program()).arg("serve").env_clear().current_dir(folder.path()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(64), "{}: {said}", output.status);
    for name in ["STUDENT_SECRET", "GITHUB_TOKEN", "LLM_API_KEY", "LLM_MODEL", "DRY_RUN=1"] {
        ensure!(said.contains(name), "{name} is not named: {said}");
    }
    ensure!(std::fs::read_dir(folder.path())?.next().is_none(), "nothing was written");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_loses_nothing() -> Result<()> {
    let outside = Outside::new()?;
    // The flow waits between two attempts when the signal comes.
    outside.evaluator.script([500, 500, 500]);
    let mut server = Instance::start(Launch::dry_run().without_browser()).await?;
    let receipt = outside.post(&server, "/build", &case("sales-summary")?.rounds[0].request).await?;
    outside.evaluator.wait_for(2, Duration::from_secs(60)).await?;
    let (status, took) = server.terminate().await?;
    ensure!(status.success(), "{status}: {}", server.log());
    ensure!(took < Duration::from_secs(30), "{took:?}");
    ensure!(!server.data().join("data/sitewright.db-wal").exists(), "the database was closed");
    server.up().await?;
    let task = server.finished(receipt.id, Duration::from_secs(60)).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_data_folder_has_one_server() -> Result<()> {
    let server = Instance::start(Launch::dry_run().without_browser()).await?;
    let second = Instance::start(
        Launch::dry_run().without_browser().with("DATA_DIR", server.data().join("data").display().to_string()),
    )
    .await;
    let Err(error) = second else { anyhow::bail!("a second server started") };
    ensure!(error.to_string().contains("in use") || error.to_string().contains("lock"), "{error}");
    Ok(())
}
