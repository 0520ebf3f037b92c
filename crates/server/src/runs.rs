//! `sitewright runs`: the ledger of calls of language models, as a table. Reads the data folder itself, beside a service
//! that works in it or without one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use ports::{ErrorChain, RunId, RunPage, RunReader};
use shared_types::TaskId;
use shared_types::http::{ModelRun, ModelRunTotals};
use storage::Reading;

/// What to show.
#[derive(Debug, Args)]
pub struct Options {
    /// Only calls for this task, by the `id` of its receipt.
    #[arg(long)]
    task: Option<TaskId>,
    /// At most so many calls, newest first.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Only calls before this one.
    #[arg(long)]
    before: Option<u64>,
    /// One JSON document, as `GET /v1/model-runs` answers it.
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Prints the calls in `data_dir`; gives the process's exit code.
    #[must_use]
    pub fn run(&self, data_dir: &Path) -> ExitCode {
        let shown = self.text(data_dir);
        match shown {
            // A closed standard output is no reason to complain.
            Ok(text) => {
                let _ = std::io::stdout().write_all(text.as_bytes());
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("sitewright runs: {}", ErrorChain(&error));
                ExitCode::FAILURE
            }
        }
    }

    fn text(&self, data_dir: &Path) -> Result<String, ports::Error> {
        let reading = Reading::open(data_dir)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ports::Error::stop)?;
        let page = RunPage { task: self.task, before: self.before.map(RunId), limit: self.limit };
        let (mut runs, totals) = runtime.block_on(async {
            let more = RunPage { limit: page.limit.saturating_add(1), ..page };
            Ok::<_, ports::Error>((reading.runs(more).await?, reading.run_totals(self.task).await?))
        })?;
        let asked = self.limit as usize;
        let next_before = (runs.len() > asked).then(|| runs[asked - 1].id);
        runs.truncate(asked);
        if self.json {
            let list = shared_types::http::ModelRunList { runs, totals, next_before };
            return serde_json::to_string_pretty(&list).map(|text| text + "\n").map_err(ports::Error::stop);
        }
        Ok(table(&runs, &totals, next_before))
    }
}

/// Columns for people: the widths fit what stands in them as a rule.
fn table(runs: &[ModelRun], totals: &ModelRunTotals, next_before: Option<u64>) -> String {
    let mut text = String::new();
    let head = ["id", "started", "task", "alias", "model", "status", "in", "cached", "out", "USD", "ms", "first"];
    line(&mut text, head.map(str::to_owned));
    for run in runs {
        line(
            &mut text,
            [
                run.id.to_string(),
                run.started_at.to_string(),
                run.task.to_string(),
                run.alias.clone(),
                run.model.clone(),
                run.status.as_str().to_owned(),
                run.input.to_string(),
                run.cached_input.to_string(),
                run.output.to_string(),
                run.cost_micro_usd.map_or("unknown".to_owned(), usd),
                run.latency_ms.map_or("-".to_owned(), |ms| ms.to_string()),
                run.first_token_ms.map_or("-".to_owned(), |ms| ms.to_string()),
            ],
        );
    }
    let ModelRunTotals { runs, input_tokens, cached_input_tokens, output_tokens, .. } = totals;
    let _ = writeln!(
        text,
        "\n{runs} calls, {input_tokens} tokens in ({cached_input_tokens} cached), {output_tokens} out, {} USD; \
         {} of unknown cost; {} USD count against the caps",
        usd(totals.cost_micro_usd),
        totals.unknown_costs,
        usd(totals.counted_micro_usd),
    );
    if let Some(before) = next_before {
        let _ = writeln!(text, "earlier calls: --before {before}");
    }
    text
}

fn line(text: &mut String, cells: [String; 12]) {
    const WIDTHS: [usize; 12] = [6, 24, 26, 16, 24, 11, 8, 8, 8, 10, 8, 8];
    for (at, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
        // Numbers to the right, so that they can be compared.
        let _ = if at >= 6 { write!(text, "{cell:>width$} ") } else { write!(text, "{cell:<width$} ") };
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// Millionths of a dollar as dollars.
fn usd(micro_usd: u64) -> String {
    format!("{}.{:06}", micro_usd / 1_000_000, micro_usd % 1_000_000)
}
