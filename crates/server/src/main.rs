//! `sitewright`: one binary, configured by its environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ports::ErrorChain;
use secrecy::SecretString;
use server::doctor;
use server::runs;
use server::secret;
use server::settings::{self, Settings};
use server::wiring::Wiring;
use server::{backup, forget, process, rebuild, task};

/// The settings are missing or wrong (EX_USAGE of sysexits).
const EXIT_SETTINGS: u8 = 64;

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
                |settings| match process::serve(settings, Wiring::default()) {
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
