//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! | command | does | exit |
//! |---|---|---|
//! | `contracts gen` | writes the generated event types and the OpenAPI document | 0 |
//! | `contracts check` | compares both with their sources and with the released promise | 4 stale, 100 breaking |
//! | `contracts release` | freezes today's contracts and migrations as the promise | 4 stale, 100 breaking |
//! | `layers` | checks who uses whom against the table in `layers.rs` | 1 on a finding |
//! | `tidy` | checks what no compiler checks: READMEs, sizes, migrations, packaging | 1 on a finding |
//! | `demo` | builds the release binaries and shows one task from POST to callback | the lab's |
//! | `test` | the whole check, set-up included | 1 on the first failing stage |
//! | `fuzz` | long runs of schemathesis and of the targets in fuzz/ | 1 on a finding |
//! | `bench NAME` | one benchmark, in release mode | the benchmark's |
//! | `chaos` | real processes killed, paused and lied to, and what remains judged | 1 on a violation |
//!
//! Thin on purpose: it compiles none of the project's crates, so that it is ready in seconds and can
//! still speak when one of them does not compile. What judges (`contracts/*_rules.rs`, `layers/*`,
//! `tidy/*`) is pure and takes text; what runs other programs is in `process.rs` and its callers.

mod bench;
mod chaos;
mod contracts;
mod demo;
mod finding;
mod fuzz;
mod layers;
mod openapi;
mod process;
mod schemathesis;
mod setup;
mod suite;
mod tidy;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::tree::Tree;

/// Sitewright's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_version_flag = true)]
struct Cli {
    /// Check this checkout instead of the one that xtask was built from.
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Generate, check or release the contracts: proto/ and openapi/.
    Contracts(contracts::Args),
    /// Check who may use whom, and who owns which heavy dependency.
    Layers,
    /// Check what no compiler checks: READMEs, file sizes, migrations, packaging.
    Tidy,
    /// Show the whole way of a task: build, start, POST each round, print what came out.
    ///
    /// Starts a server on embedded defaults (no account, no key) in a fresh data folder, POSTs each round of a task,
    /// shows every step, prints a table of what the evaluator got, and goes on serving the pages until Ctrl-C.
    Demo(demo::Args),
    /// Run the whole check, set-up included; CI runs exactly this.
    Test(suite::Args),
    /// Throw generated requests at a running server for long, then run the targets of fuzz/.
    Fuzz(fuzz::Args),
    /// Fetch GitHub's description of its API, which tests hold our client against.
    Openapi,
    /// Run one benchmark in release mode; it writes target/bench/NAME.json.
    Bench(bench::Args),
    /// Kill, pause and lie to real processes, and judge what remains; writes target/chaos.json.
    #[command(disable_help_flag = true)]
    Chaos(chaos::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let tree = Tree::open(cli.root)?;
    match cli.command {
        Command::Contracts(args) => contracts::run(&tree, &args),
        Command::Layers => Ok(finding::report("layers", &layers::check(&tree)?)),
        Command::Tidy => Ok(finding::report("tidy", &tidy::check(&tree)?)),
        Command::Demo(args) => demo::run(&tree, &args),
        Command::Test(args) => suite::run(&tree, &args),
        Command::Fuzz(args) => fuzz::run(&tree, &args),
        Command::Openapi => {
            println!("{}", openapi::ensure(&tree)?.display());
            Ok(ExitCode::SUCCESS)
        }
        Command::Bench(args) => bench::run(&tree, &args),
        Command::Chaos(args) => chaos::run(&tree, &args),
    }
}
