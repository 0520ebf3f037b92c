//! What models cost: the rows, what they come to, and what the service says that it served are the same.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, case, program};
use lab::model::{Reply, Script};
use shared_types::http::{ModelRunList, ModelRunTotals, RunStatus};
use tokio::process::Command;

/// Long enough for a flow on a busy machine.
const ROUND: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn rows_totals_and_what_was_served_are_the_same() -> Result<()> {
    let mut outside = Outside::new()?;
    let script = Script::new().otherwise([Reply::Busy(1), Reply::Status(500, String::new()), Reply::Instant]);
    let (model, launch) = outside.model(script, Launch::dry_run().without_browser())?;
    let server = Instance::start(launch).await?;
    let receipt = outside.post(&server, "/build", &case("sales-summary")?.rounds[0].request).await?;
    server.finished(receipt.id, ROUND).await?;

    let list: ModelRunList = serde_json::from_str(&server.get("v1/model-runs?limit=200").await?)?;
    let sums = list.runs.iter().fold(ModelRunTotals::default(), ModelRunTotals::plus);
    ensure!(list.totals == sums, "{list:#?}");
    let served = model.served();
    ensure!(served.answers > 0 && list.runs.len() == model.requests().len(), "{served:?} {list:#?}");
    let (read, cached, wrote) = (sums.input_tokens, sums.cached_input_tokens, sums.output_tokens);
    ensure!(
        (read, cached, wrote) == (served.prompt_tokens, served.cached_tokens, served.completion_tokens),
        "{served:?} {sums:?}"
    );
    let first: Vec<_> = list.runs.iter().rev().take(3).map(|run| run.status).collect();
    ensure!(first == [RunStatus::Error, RunStatus::Error, RunStatus::Ok], "{list:#?}");
    ensure!(list.runs.iter().all(|run| run.task == receipt.id), "{list:#?}");

    // The same on the command line, while the service works in the folder.
    let mut command = Command::new(program());
    command.args(["runs", "--json", "--limit", "200", "--data-dir"]).arg(server.data().join("data"));
    let shown = command.output().await.context("run `sitewright runs`")?;
    ensure!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    ensure!(
        serde_json::from_slice::<ModelRunList>(&shown.stdout)? == list,
        "{}",
        String::from_utf8_lossy(&shown.stdout)
    );
    Ok(())
}
