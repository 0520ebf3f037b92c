//! `cargo xtask bench NAME`: one benchmark, never part of the tests.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::tree::Tree;
use crate::{demo, process};

/// Each benchmark is a program `bench-NAME` of the e2e package.
const PROGRAMS: &str = "tests/e2e/src/bin";
const PREFIX: &str = "bench-";

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Benchmark to run, such as `flow`.
    name: String,
    /// Arguments for the benchmark.
    #[arg(last = true, value_name = "ARGS")]
    rest: Vec<String>,
}

/// Builds the benchmark in release mode and becomes it.
pub(crate) fn run(tree: &Tree, args: &Args) -> Result<ExitCode> {
    let known = names(&tree.names(PROGRAMS)?);
    if !known.contains(&args.name) {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        bail!("there is no benchmark `{}` in {PROGRAMS}; known: {known}", args.name);
    }
    let program = format!("{PREFIX}{}", args.name);
    // The server that it measures must be built as well, and as it is shipped. In one selection, since each other one
    // gives dependencies other features and compiles them again.
    let packages = ["-p", "server", "-p", "lab", "-p", "e2e"];
    let programs = ["--bin", "sitewright", "--bin", "sitewright-lab", "--bin", &program];
    process::run(process::cargo().args(["build", "--release"]).args(packages).args(programs).current_dir(tree.root()))?;
    let mut benchmark =
        std::process::Command::new(demo::target_folder(tree)?.join("release").join(demo::program(&program)));
    process::become_program(benchmark.args(&args.rest).current_dir(tree.root()))
}

/// Names of the benchmarks among file names: `bench-NAME.rs` or a folder `bench-NAME`.
fn names(files: &[String]) -> Vec<String> {
    let name = |file: &String| {
        let stem = file.strip_suffix(".rs").unwrap_or(file);
        stem.strip_prefix(PREFIX).map(str::to_owned)
    };
    files.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_are_known_by_their_file() {
        let files = ["bench-flow.rs", "bench-load", "other.rs"].map(str::to_owned);
        assert_eq!(names(&files), ["flow", "load"]);
    }
}
