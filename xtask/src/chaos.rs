//! `cargo xtask chaos`: kills, pauses and lies to real processes, and judges what remains.

use std::process::ExitCode;

use anyhow::Result;

use crate::demo;
use crate::process;
use crate::setup;
use crate::tree::Tree;

/// The program of the e2e package that does it.
const PROGRAM: &str = "chaos";

/// Arguments of `cargo xtask chaos`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Arguments for the program, such as `--only X1 --seeds 3`; `--help` shows all.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    rest: Vec<String>,
}

/// Builds what the tests are built of as well, and becomes the program. Not in release mode: what overflows or is out of
/// order shall be noticed, and most of the time is waits.
pub(crate) fn run(tree: &Tree, args: &Args) -> Result<ExitCode> {
    println!("nats-server: {}", setup::NATS.ensure()?.display());
    println!("strace: {}", setup::STRACE.ensure()?.display());
    process::run(process::cargo().args(["build", "--workspace", "--all-targets"]).current_dir(tree.root()))?;
    let binaries = demo::target_folder(tree)?.join("debug");
    let mut chaos = std::process::Command::new(binaries.join(demo::program(PROGRAM)));
    chaos.args(&args.rest).current_dir(tree.root());
    chaos.env("SITEWRIGHT_BIN", binaries.join(demo::program("sitewright")));
    chaos.env("SITEWRIGHT_CHAOS_BIN", binaries.join(demo::program("sitewright-chaos")));
    process::become_program(&mut chaos)
}
