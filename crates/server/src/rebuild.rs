//! `sitewright rebuild`: makes a lost ledger anew of what lies at the broker.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use core_flows::rebuild::{self, Summary};
use event_bus::nats::JetSalvage;
use ports::ErrorChain;
use storage::Rebuild;

use crate::settings::{LogFormat, Nats};
use crate::{adapters, app, console_out, task, telemetry};

/// What no copy holds.
const NOT_THERE: &str = "not in the copies: how often something happened (limits count anew), what models were asked and what \
                         it cost (caps of the day count anew), kept answers of models, repositories of a dry run";

/// Where to.
#[derive(Debug, Args)]
pub struct Options {
    /// The data folder, which must have no database; wins over the setting DATA_DIR.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Nothing came of it.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("set NATS_URL to the broker that the lost ledger was copied to")]
    NoBroker,
    #[error(transparent)]
    Broker(Box<app::Error>),
    #[error(transparent)]
    Storage(#[from] storage::Error),
    #[error(transparent)]
    Port(#[from] ports::Error),
    #[error("there is no copy of a task at {0}: is it the broker of the lost ledger, and was NATS_COPY on?")]
    Nothing(String),
    #[error(transparent)]
    Runtime(Box<task::Error>),
}

impl Options {
    /// Does it; gives the process's exit code: 1 also when something could not be restored. `default` is the data folder
    /// when none is named.
    #[must_use]
    pub fn run(&self, default: impl FnOnce() -> PathBuf, nats: Option<Nats>) -> ExitCode {
        let data_dir = self.data_dir.clone().unwrap_or_else(default);
        // What is left out is told line by line.
        let _ = telemetry::start_logs("warn", LogFormat::Text);
        let runtime = task::runtime().map_err(|error| Error::Runtime(Box::new(error)));
        let done = runtime.and_then(|runtime| runtime.block_on(made(&data_dir, nats)));
        match done {
            Ok(summary) => {
                let said = console_out(&text(&summary, &data_dir));
                if summary.missing_blobs + summary.left_out == 0 { said } else { ExitCode::FAILURE }
            }
            Err(error) => {
                eprintln!("sitewright rebuild: {}", ErrorChain(&error));
                ExitCode::FAILURE
            }
        }
    }
}

async fn made(data_dir: &Path, nats: Option<Nats>) -> Result<Summary, Error> {
    let broker = adapters::broker_of(nats.ok_or(Error::NoBroker)?).map_err(|error| Error::Broker(Box::new(error)))?;
    let shown = broker.shown().to_owned();
    let salvage = JetSalvage::new(adapters::archive(broker));
    let ledger = Rebuild::begin(data_dir)?;
    let summary = rebuild::run(&salvage, &ledger, &ledger.blobs()).await?;
    summary.ok_or(Error::Nothing(shown))
}

fn text(summary: &Summary, data_dir: &Path) -> String {
    let Summary { tasks, open, events, late_events, blobs, missing_blobs, forgotten, left_out } = summary;
    let mut text = format!(
        "restored: {tasks} tasks ({open} have not ended and go on), {events} events ({late_events} of them from the \
         mirror alone), {blobs} files\n"
    );
    for (count, what) in [
        (
            *missing_blobs,
            "files that tasks name are no longer at the broker: rounds that need them will fail and say so",
        ),
        (*left_out, "copies cannot be read or contradict others, and are left out: standard error names them"),
        (*forgotten, "copies are of persons that were forgotten, and are left out"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "{count} {what}");
        }
    }
    let _ = writeln!(text, "{NOT_THERE}");
    let _ = writeln!(text, "start the service on it: DATA_DIR={} sitewright serve", data_dir.display());
    text
}
