//! The contracts as files: what is generated from them, and what was promised.
//!
//! - `proto/` is written by hand; the Rust in `crates/shared-types/src/gen/` is generated from it.
//! - `openapi/sitewright.v1.json` is generated from the `api` crate.
//! - `crates/core-flows/released/` holds journals, events and what lies at a broker as released versions wrote
//!   them.
//! - `proto/released/` and `openapi/released/` hold the promise to those who already built on v1.
//!
//! Invariant: the promise is compared with what the sources say now, never with a checked-in copy,
//! so that a stale file cannot hide a breaking change.

mod breaking;
mod journals;
mod openapi;
mod openapi_rules;
mod proto;
mod proto_rules;
mod schema;
mod schema_rules;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::finding::Finding;
use crate::tidy::migrations;
use crate::tree::{Tree, Written};

/// Exit code when a generated file is not what its source generates.
const STALE: u8 = 4;
/// Exit code when a contract breaks its promise; the same that `buf breaking` uses.
const BREAKING: u8 = 100;

/// Arguments of `cargo xtask contracts`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    /// Take this OpenAPI document instead of asking the api crate for it. Nothing is built then, so released journals
    /// are not replayed either.
    #[arg(long, global = true, value_name = "FILE")]
    openapi: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum Action {
    /// Write what is generated.
    Gen,
    /// Exit 4 when a generated file is stale, 100 when a contract breaks its promise.
    Check,
    /// Freeze today's contracts and migrations as the promise; refused when they break the last one.
    Release,
}

/// What `check` found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    stale: Vec<Finding>,
    breaking: Vec<Finding>,
}

/// Runs one action and prints what it did or found.
pub(crate) fn run(tree: &Tree, args: &Args) -> Result<ExitCode> {
    let openapi = args.openapi.as_deref();
    match args.action {
        Action::Gen => {
            generate(tree, openapi)?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Check => Ok(Sources::load(tree, openapi)?.check(tree)?.print()),
        Action::Release => Sources::load(tree, openapi)?.release(tree),
    }
}

/// `contracts check` as a stage of the whole check.
pub(crate) fn check(tree: &Tree) -> Result<Report> {
    Sources::load(tree, None)?.check(tree)
}

impl Report {
    pub(crate) fn holds(&self) -> bool {
        self.stale.is_empty() && self.breaking.is_empty()
    }

    /// Prints all findings. A broken promise is the graver one, so its exit code wins.
    pub(crate) fn print(&self) -> ExitCode {
        for finding in self.breaking.iter().chain(&self.stale) {
            eprintln!("{finding}");
        }
        if !self.breaking.is_empty() {
            eprintln!("contracts: {} breaking change(s)", self.breaking.len());
            return ExitCode::from(BREAKING);
        }
        if !self.stale.is_empty() {
            eprintln!("contracts: {} stale file(s)", self.stale.len());
            return ExitCode::from(STALE);
        }
        println!("contracts: generated files are fresh and v1 keeps its promise");
        ExitCode::SUCCESS
    }
}

/// Writes the events before the document is asked for: what prints it compiles with them.
fn generate(tree: &Tree, openapi: Option<&std::path::Path>) -> Result<()> {
    let events = proto::Events::compile(tree)?;
    say(proto::GENERATED, tree.write(proto::GENERATED, &events.rust)?);
    let openapi = openapi::Document::load(tree, openapi)?;
    say(openapi::GENERATED, tree.write(openapi::GENERATED, &openapi.text)?);
    Ok(())
}

/// What the sources say now.
struct Sources {
    events: proto::Events,
    openapi: openapi::Document,
    /// Whether what needs a build is asked at all.
    builds: bool,
}

impl Sources {
    fn load(tree: &Tree, openapi: Option<&std::path::Path>) -> Result<Self> {
        // The proto files first: they answer at once, the document may need a build.
        let events = proto::Events::compile(tree)?;
        Ok(Self { events, builds: openapi.is_none(), openapi: openapi::Document::load(tree, openapi)? })
    }

    fn check(&self, tree: &Tree) -> Result<Report> {
        let mut report = Report::default();
        for (path, text) in [(proto::GENERATED, &self.events.rust), (openapi::GENERATED, &self.openapi.text)] {
            let found = tree.read_if_present(path)?;
            if found.as_deref() != Some(text) {
                let detail = if found.is_some() { "it is not what its source generates" } else { "it is missing" };
                report.stale.push(Finding::new(path, "stale", detail, "cargo xtask contracts gen"));
            }
        }
        self.compare_with_promise(tree, &mut report)?;
        if self.builds {
            report.breaking.extend(journals::breaks(tree)?);
        }
        Ok(report)
    }

    fn compare_with_promise(&self, tree: &Tree, report: &mut Report) -> Result<()> {
        match tree.read_if_present(proto::RELEASED)? {
            None => report.stale.push(not_released(proto::RELEASED)),
            Some(text) => {
                let breaks = proto_rules::breaks(&proto::Promise::parse(&text)?, &self.events.promise);
                report.breaking.extend(breaks.into_iter().map(|found| found.into_finding(proto::SOURCE)));
            }
        }
        match tree.read_if_present(openapi::RELEASED)? {
            None => report.stale.push(not_released(openapi::RELEASED)),
            Some(text) => {
                let breaks = openapi_rules::breaks(&openapi::parse(&text)?, &self.openapi.value);
                report.breaking.extend(breaks.into_iter().map(|found| found.into_finding(openapi::GENERATED)));
            }
        }
        Ok(())
    }

    fn release(&self, tree: &Tree) -> Result<ExitCode> {
        let mut report = self.check(tree)?;
        // A promise that does not exist yet is exactly what this writes.
        report.stale.retain(|finding| finding.rule != NOT_RELEASED);
        if !report.holds() {
            return Ok(report.print());
        }
        let altered = migrations::check(tree)?;
        let altered: Vec<_> = altered.into_iter().filter(|finding| finding.rule != migrations::NOT_RELEASED).collect();
        if !altered.is_empty() {
            return Ok(crate::finding::report("migrations", &altered));
        }
        say(proto::RELEASED, tree.write(proto::RELEASED, &self.events.promise.to_text()?)?);
        say(openapi::RELEASED, tree.write(openapi::RELEASED, &self.openapi.text)?);
        if self.builds {
            journals::release(tree, env!("CARGO_PKG_VERSION"))?;
        }
        if let Some(list) = migrations::list(tree)? {
            say(migrations::RELEASED, tree.write(migrations::RELEASED, &list)?);
        }
        Ok(ExitCode::SUCCESS)
    }
}

const NOT_RELEASED: &str = "not-released";

fn not_released(path: &str) -> Finding {
    Finding::new(
        path,
        NOT_RELEASED,
        "v1 has no promise to compare with",
        "cargo xtask contracts release, and commit it",
    )
}

fn say(path: &str, written: Written) {
    match written {
        Written::Changed => println!("wrote {path}"),
        Written::Unchanged => println!("fresh {path}"),
    }
}
