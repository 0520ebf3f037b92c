//! `sitewright`: one binary, configured by its environment.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use ports::ErrorChain;
use secrecy::SecretString;
use server::app::{self, App};
use server::doctor;
use server::runs;
use server::secret;
use server::settings::{self, Settings};
use server::{backup, forget, rebuild, task, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// The settings are missing or wrong (EX_USAGE of sysexits).
const EXIT_SETTINGS: u8 = 64;

/// A stop that takes longer is cut short: the journal makes up for it at the next start.
const STOP_WITHIN: Duration = Duration::from_secs(28);

/// Builds, proves and publishes small sites from briefs.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Accept tasks and work on them until SIGTERM or Ctrl-C.
    ///
    /// Settings come from the environment, then from sitewright.toml in the working folder, then
    /// from defaults. `DRY_RUN=1 sitewright serve` needs none.
    Serve {
        /// Settings file to read instead of sitewright.toml.
        #[arg(long)]
        config: Option<PathBuf>,
        /// What this process does, some of `intake,runner,relay`; wins over the setting ROLES.
        #[arg(long)]
        roles: Option<String>,
    },
    /// Look at everything that a task will need, and say what to mend.
    ///
    /// Reads the settings of `serve`; ends with 0 when tasks can be done. Best run where no service
    /// works in the data folder.
    Doctor {
        /// Settings file to read instead of sitewright.toml.
        #[arg(long)]
        config: Option<PathBuf>,
        #[command(flatten)]
        look_at: doctor::Options,
    },
    /// Show what language models were asked and what it cost, newest first.
    ///
    /// Reads the data folder itself, also while a service works in it.
    Runs {
        /// The data folder; wins over the setting DATA_DIR.
        #[arg(long)]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        show: runs::Options,
    },
    /// Look at tasks, retry, cancel, and tell an evaluator again.
    ///
    /// Looking reads the data folder itself. What changes something is done by the service that works in that folder,
    /// or, when none does, in the folder directly.
    Task {
        /// The data folder; wins over the setting DATA_DIR.
        #[arg(long, global = true)]
        data_dir: Option<PathBuf>,
        #[command(subcommand)]
        command: task::Command,
    },
    /// Remove what is known of a person: tasks, events, files, kept answers of models. Prints a receipt that names nobody.
    ///
    /// Open tasks are cancelled first; run it again when what was under way is over.
    Forget {
        /// The data folder; wins over the setting DATA_DIR.
        #[arg(long)]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        whom: forget::Options,
    },
    /// Back the data folder up, also while a service works in it: once, or again and again.
    ///
    /// Each backup is a folder of its own that needs nothing else: the ledger, every blob, a manifest. Repositories of
    /// the local code host and caches are not in it.
    Backup(backup::Options),
    /// Make a data folder of a backup. Overwrites nothing.
    Restore(backup::Restore),
    /// Make a lost ledger anew of what lies at the broker (NATS_URL). Overwrites nothing.
    ///
    /// Stop whatever serves on the lost folder first. Tasks that have not ended go on at the next start.
    Rebuild(rebuild::Options),
    /// Work with the secrets of a class (SECRETS_FILE).
    #[command(subcommand)]
    Secret(secret::Command),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve { config, roles } => {
            let mut environment = environment();
            if let Some(roles) = roles {
                environment.insert("ROLES".to_owned(), roles);
            }
            read_settings("start", config.as_deref(), environment).map_or_else(
                |code| code,
                |settings| match serve(settings) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => {
                        eprintln!("sitewright: {error:#}");
                        ExitCode::FAILURE
                    }
                },
            )
        }
        Command::Doctor { config, look_at } => read_settings("look", config.as_deref(), environment())
            .map_or_else(|code| code, |settings| examine(&settings, &look_at)),
        Command::Runs { data_dir, show } => show.run(&data_dir.unwrap_or_else(data_dir_setting)),
        Command::Task { data_dir, command } => {
            command.run(&data_dir.unwrap_or_else(data_dir_setting), admin_token_setting())
        }
        Command::Forget { data_dir, whom } => {
            let nats = settings::nats_alone(&environment());
            whom.run(&data_dir.unwrap_or_else(data_dir_setting), admin_token_setting(), nats)
        }
        Command::Backup(options) => options.run(data_dir_setting),
        Command::Restore(options) => options.run(data_dir_setting),
        Command::Rebuild(options) => options.run(data_dir_setting, settings::nats_alone(&environment())),
        Command::Secret(command) => command.run(),
    }
}

/// The settings; else everything that is wrong with them has been said.
fn read_settings(
    cannot: &str,
    config: Option<&Path>,
    environment: BTreeMap<String, String>,
) -> Result<Settings, ExitCode> {
    settings::read(config, environment).map_err(|error| {
        eprintln!("sitewright cannot {cannot}: {}", ErrorChain(&error));
        ExitCode::from(EXIT_SETTINGS)
    })
}

#[tokio::main]
async fn examine(settings: &Settings, look_at: &doctor::Options) -> ExitCode {
    if doctor::run(settings, look_at).await { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[tokio::main]
async fn serve(settings: Settings) -> anyhow::Result<()> {
    telemetry::start_logs(&settings.log.filter, settings.log.format)?;
    let metrics = telemetry::start_metrics()?;
    // A write beyond the limit of a file's size shall fail, as one on a full disk does, and not end the process.
    let _handled = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut app = App::start(settings, metrics).await?;
    greet(&app);
    let broken = tokio::select! {
        _ = terminate.recv() => { info!(event = "service.stopping", signal = "SIGTERM", "stopping"); None }
        _ = interrupt.recv() => { info!(event = "service.stopping", signal = "SIGINT", "stopping"); None }
        part = app.broken_part() => Some(part),
    };
    tokio::select! {
        stopped = tokio::time::timeout(STOP_WITHIN, app.stop()) => {
            if stopped.is_err() {
                warn!(event = "service.stop_timed_out", "parts did not stop in time; flows go on at the next start");
            }
        }
        _ = interrupt.recv() => {
            warn!(event = "service.stop_forced", "second Ctrl-C: stopping at once; flows go on at the next start");
        }
    }
    // Half a service is worse than none: whoever supervises this process starts it again.
    match broken {
        Some(part) => {
            anyhow::bail!("{part} ended by itself; its reason is in the log, and flows go on at the next start")
        }
        None => Ok(()),
    }
}

/// The environment; a variable that is no text is no setting.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// `DATA_DIR` and nothing else: whoever looks at what was spent need not know the secrets of a service.
fn data_dir_setting() -> PathBuf {
    settings::data_dir(&environment())
}

/// What opens a running service to its operators.
fn admin_token_setting() -> Option<SecretString> {
    settings::alone(&environment(), "admin_token").map(SecretString::from)
}

/// Where to look, for whoever started it by hand. A closed standard output is no reason to stop.
fn greet(app: &App) {
    let api = app::from_here(app.api_addr);
    let mut lines = format!("sitewright is ready\n  API   http://{api}/\n  docs  http://{api}/docs\n");
    if let Some(pages) = app.pages_addr {
        lines.push_str(&format!("  pages http://{}/\n", app::from_here(pages)));
    }
    if app.api_addr.ip().is_unspecified() {
        lines.push_str("  open to the network on all addresses\n");
    }
    let _ = std::io::stdout().write_all(lines.as_bytes());
}
