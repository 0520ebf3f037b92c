//! `cargo xtask fuzz`: the long search for input that breaks something.
//!
//! First schemathesis against a running server, with new cases until the time is over; then the targets of `fuzz/`
//! (cargo-fuzz), which share the same time. What is found goes into a test; nothing here is part of the whole check.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::schemathesis::{self, Effort};
use crate::tree::Tree;

const MANIFEST: &str = "fuzz/Cargo.toml";

/// Arguments of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Minutes for schemathesis, and as many for all targets of fuzz/ together.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// Only the run of schemathesis that `cargo xtask test` makes: few cases from a fixed seed.
    #[arg(long, conflicts_with = "minutes")]
    bounded: bool,
}

/// Runs both, the second also when the first has found something.
pub(crate) fn run(tree: &Tree, args: &Args) -> Result<ExitCode> {
    process::run(process::cargo().args(["build", "--workspace", "--bins"]).current_dir(tree.root()))?;
    if args.bounded {
        println!("schemathesis: {}", schemathesis::run(tree, Effort::Bounded)?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut found = Vec::new();
    match schemathesis::run(tree, Effort::Minutes(args.minutes)) {
        Ok(note) => println!("schemathesis: {note}"),
        Err(error) => found.push(format!("schemathesis: {error:#}")),
    }
    let targets = match tree.read_if_present(MANIFEST)? {
        Some(manifest) => targets(&manifest)?,
        None => {
            println!("{MANIFEST} is absent, so there are no targets to run");
            Vec::new()
        }
    };
    if !targets.is_empty() {
        ensure_cargo_fuzz()?;
    }
    let seconds = args.minutes.saturating_mul(60) / u64::try_from(targets.len()).unwrap_or(1).max(1);
    for target in targets {
        let limit = format!("-max_total_time={seconds}");
        let mut fuzz = process::cargo();
        // No sanitizer: our code is safe Rust, and so any toolchain that builds the workspace will do.
        fuzz.args(["fuzz", "run", "--sanitizer", "none", &target, "--", &limit, "-timeout=10", "-rss_limit_mb=2048"]);
        fuzz.current_dir(tree.root());
        if let Err(error) = process::run(&mut fuzz) {
            found.push(format!("{target}: {error:#}"));
        }
    }
    for finding in &found {
        eprintln!("{finding}");
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The names of the programs that a manifest declares.
fn targets(manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse().with_context(|| format!("parse {MANIFEST}"))?;
    let bins = manifest.get("bin").and_then(toml::Value::as_array);
    let names = bins.into_iter().flatten().filter_map(|bin| bin.get("name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}

fn ensure_cargo_fuzz() -> Result<()> {
    if process::succeeds(process::cargo().args(["fuzz", "--version"])) {
        return Ok(());
    }
    bail!("cargo-fuzz is missing: cargo install cargo-fuzz --locked (fuzz/README.md)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_from_the_manifest() {
        let manifest = "[package]\nname = \"fuzz\"\n[[bin]]\nname = \"event\"\n[[bin]]\nname = \"data_uri\"\n";
        assert_eq!(targets(manifest).unwrap(), ["event", "data_uri"]);
        assert_eq!(targets("[package]\n").unwrap(), [""; 0]);
        assert!(targets("[[bin").is_err());
    }
}
