//! `cargo xtask demo`: from a fresh checkout to a page in the browser with one command.
//!
//! Builds the release binaries and becomes the lab, which starts the server and plays the instructor,
//! the evaluator and the code host. What the lab prints and returns is what this prints and returns.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use cargo_metadata::MetadataCommand;

use crate::process;
use crate::setup;
use crate::tree::Tree;

const FIXTURES: &str = "tests/fixtures/requests";

/// Arguments of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sample task to send: a file name of tests/fixtures/requests without `.json` [default: sales-summary].
    #[arg(long, value_name = "NAME", conflicts_with = "request")]
    case: Option<String>,
    /// Your own task instead: one request body, an array of them, or the format of the samples.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Stop after the last round; exit 0 only if every round was handed in and confirmed.
    #[arg(long)]
    exit: bool,
    /// More arguments for `sitewright-lab demo` (see `target/release/sitewright-lab demo --help`).
    #[arg(last = true, value_name = "ARGS")]
    rest: Vec<String>,
}

/// Prepares, builds and becomes the lab.
pub(crate) fn run(tree: &Tree, args: &Args) -> Result<ExitCode> {
    let browser = setup::CHROMIUM.ensure();
    if let Err(missing) = &browser {
        println!("{missing}; going on without a browser, so checks will be `not run`");
    }
    println!("building the release binaries (some minutes the first time)");
    process::run(process::cargo().args(["build", "--release", "-p", "server", "-p", "lab"]).current_dir(tree.root()))?;
    let binaries = target_folder(tree)?.join("release");
    let mut lab = Command::new(binaries.join(program("sitewright-lab")));
    lab.arg("demo");
    lab.arg("--server").arg(binaries.join(program("sitewright")));
    lab.arg("--fixtures").arg(tree.at(FIXTURES));
    if browser.is_err() {
        lab.arg("--no-browser-note");
    }
    lab.args(passed_on(args));
    process::become_program(&mut lab)
}

/// Where cargo puts what it builds for `tree`.
pub(crate) fn target_folder(tree: &Tree) -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .manifest_path(tree.at("Cargo.toml"))
        .no_deps()
        .exec()
        .context("ask `cargo metadata` for the target folder")?;
    Ok(metadata.target_directory.into_std_path_buf())
}

/// The file name of a program of ours.
pub(crate) fn program(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

fn passed_on(args: &Args) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(case) = &args.case {
        words.extend(["--case".to_owned(), case.clone()]);
    }
    if let Some(request) = &args.request {
        // Stays relative to the caller's folder, which the lab inherits.
        words.extend(["--request".to_owned(), request.display().to_string()]);
    }
    if args.exit {
        words.push("--exit".to_owned());
    }
    words.extend(args.rest.iter().cloned());
    words
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn arguments_reach_the_lab() {
        for (line, expected) in [
            (vec!["demo"], vec![]),
            (vec!["demo", "--case", "photo-card", "--exit"], vec!["--case", "photo-card", "--exit"]),
            (vec!["demo", "--request", "my.json"], vec!["--request", "my.json"]),
            (vec!["demo", "--exit", "--", "--port", "0"], vec!["--exit", "--port", "0"]),
        ] {
            assert_eq!(passed_on(&Line::try_parse_from(line).unwrap().args), expected);
        }
        assert!(Line::try_parse_from(["demo", "--case", "a", "--request", "b"]).is_err());
    }
}
