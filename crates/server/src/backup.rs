//! `sitewright backup`, `sitewright backup verify` and `sitewright restore`.
//!
//! They read and write folders themselves, beside a service that works in the data folder or without one; a restore
//! wants a folder without a database.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use ports::{Clock as _, ErrorChain};
use storage::backup::{self, Made, Verified};
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::SystemClock;
use crate::console_out;

/// What to back up, where to, and how often.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// The data folder; wins over the setting DATA_DIR.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Folder that the backups go to, best on another disk [default: backups in the data folder].
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Make one now and then one each time this has passed, such as 30m, 6h or 1d, until SIGTERM or Ctrl-C.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    every: Option<Duration>,
    /// Keep so many, the newest.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    keep: u16,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Restore a backup into a scratch folder and look through it: SQLite's own checks, tables and rows, a task, every
    /// blob.
    Verify {
        /// The backup's own folder, `sitewright-<time>`.
        path: PathBuf,
    },
}

/// What to restore, and where to.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup's own folder, `sitewright-<time>`.
    path: PathBuf,
    /// The data folder, which must have no database; wins over the setting DATA_DIR.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

impl Options {
    /// Does it; gives the process's exit code. `default` is the data folder when none is named.
    #[must_use]
    pub fn run(&self, default: impl FnOnce() -> PathBuf) -> ExitCode {
        if let Some(Command::Verify { path }) = &self.command {
            return told("backup verify", backup::verify(path).map(|verified| good("is good", path, &verified)));
        }
        let data_dir = self.data_dir.clone().unwrap_or_else(default);
        let to = self.to.clone().unwrap_or_else(|| data_dir.join("backups"));
        match self.every {
            None => self.once(&data_dir, &to),
            Some(every) => self.again_and_again(&data_dir, &to, every),
        }
    }

    fn once(&self, data_dir: &Path, to: &Path) -> ExitCode {
        let made = backup::backup(data_dir, to, self.keep.into(), SystemClock.now());
        let is_whole = made.as_ref().is_ok_and(|made| made.damaged.is_empty());
        let code = told("backup", made.map(|made| summary(&made)));
        // Whoever looks at the exit code alone shall hear of what could not be saved.
        if is_whole { code } else { ExitCode::FAILURE }
    }

    /// One that fails is said, and the next one is tried at its time.
    fn again_and_again(&self, data_dir: &Path, to: &Path, every: Duration) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return told("backup", Err(error)),
        };
        let ended: std::io::Result<()> = runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut times = tokio::time::interval(every);
            times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                tokio::select! {
                    _ = times.tick() => { self.once(data_dir, to); }
                    _ = terminate.recv() => return Ok(()),
                    _ = interrupt.recv() => return Ok(()),
                }
            }
        });
        told("backup", ended.map(|()| String::new()))
    }
}

impl Restore {
    /// Does it; gives the process's exit code. `default` is the data folder when none is named.
    #[must_use]
    pub fn run(&self, default: impl FnOnce() -> PathBuf) -> ExitCode {
        let data_dir = self.data_dir.clone().unwrap_or_else(default);
        let restored = backup::restore(&self.path, &data_dir);
        told(
            "restore",
            restored.map(|verified| {
                let mut text = good("is restored", &self.path, &verified);
                let _ = writeln!(text, "start the service on it: DATA_DIR={} sitewright serve", data_dir.display());
                text
            }),
        )
    }
}

fn told<E: std::error::Error>(command: &str, done: Result<String, E>) -> ExitCode {
    match done {
        Ok(text) => console_out(&text),
        Err(error) => {
            eprintln!("sitewright {command}: {}", ErrorChain(&error));
            ExitCode::FAILURE
        }
    }
}

fn summary(made: &Made) -> String {
    let Made { path, rows, blobs, linked, damaged, removed } = made;
    let mut text = format!("{}: {rows} rows, {blobs} blobs ({linked} linked to the backup before)\n", path.display());
    for digest in damaged {
        let _ = writeln!(
            text,
            "blob {digest} was altered on the disk and is not in it: take it from an earlier backup, and look at the disk"
        );
    }
    for path in removed {
        let _ = writeln!(text, "removed {}", path.display());
    }
    text
}

fn good(what: &str, path: &Path, verified: &Verified) -> String {
    let Verified { made_at, made_by, tables, rows, blobs, sample } = verified;
    let sample = sample.map_or("no task".to_owned(), |id| format!("task {id} reads whole"));
    format!(
        "{} {what}: made {made_at} by {made_by}; {tables} tables, {rows} rows, {blobs} blobs; {sample}\n",
        path.display()
    )
}

/// `45s`, `30m`, `6h`, `1d`; at least a second.
fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a whole number with a unit, such as 45s, 30m, 6h or 1d".to_owned();
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return Err(expected()),
    };
    let count: u32 = text.trim_end_matches(unit).parse().map_err(|_| expected())?;
    if count == 0 { Err(expected()) } else { Ok(Duration::from_secs(seconds * u64::from(count))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, seconds) in [("45s", Some(45)), ("30m", Some(1800)), ("6h", Some(21_600)), ("1d", Some(86_400))] {
            assert_eq!(duration(text).ok().map(|duration| duration.as_secs()), seconds, "{text}");
        }
        for text in ["", "5", "0s", "-1s", "1.5h", "1w", "s", "5\u{2009}s", "99999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
