//! `cargo xtask test`: the whole check, in the order that fails soonest.
//!
//! Stages that need no build come first. Everything after clippy shares one build of the workspace:
//! each command selects the whole workspace, because another selection would give dependencies other
//! features and compile them again. The first failing stage ends the run; the table is printed anyway.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use regex::Regex;

use crate::finding::{self, Finding};
use crate::process;
use crate::tree::Tree;
use crate::{contracts, demo, layers, openapi, schemathesis, setup, tidy};

/// Tests that need a browser have this module in their path.
const WITHOUT_BROWSER: &str = r"not test(/(^|::)browser::/)";
/// Nextest's report, as `.config/nextest.toml` asks for it.
const REPORT: &str = "nextest/default/junit.xml";

/// Arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave out the tests that need a browser.
    #[arg(long)]
    quick: bool,
}

/// One part of the check. `run` returns what to say about it in the table.
struct Stage {
    name: &'static str,
    run: fn(&Context<'_>) -> Result<String>,
}

const STAGES: &[Stage] = &[
    Stage { name: "set-up", run: set_up },
    Stage { name: "format", run: format },
    Stage { name: "layers", run: layers },
    Stage { name: "tidy", run: tidy },
    Stage { name: "clippy", run: clippy },
    Stage { name: "build", run: build },
    Stage { name: "contracts", run: contracts },
    Stage { name: "schemathesis", run: generated_requests },
    Stage { name: "doc tests", run: doc_tests },
    Stage { name: "tests, end-to-end included", run: tests },
];

struct Context<'a> {
    tree: &'a Tree,
    quick: bool,
}

enum Outcome {
    Passed(String, Duration),
    Failed(Duration),
    NotRun,
}

/// Runs the stages up to the first that fails, then prints the table.
pub(crate) fn run(tree: &Tree, args: &Args) -> Result<ExitCode> {
    let context = Context { tree, quick: args.quick };
    let began = Instant::now();
    let mut outcomes = Vec::new();
    let mut failed = false;
    for stage in STAGES {
        let outcome = if failed { Outcome::NotRun } else { run_stage(stage, &context) };
        failed |= matches!(outcome, Outcome::Failed(_));
        outcomes.push((stage.name, outcome));
    }
    print!("{}", table(&outcomes, began.elapsed()));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn run_stage(stage: &Stage, context: &Context<'_>) -> Outcome {
    println!("\n=== {}", stage.name);
    let began = Instant::now();
    match (stage.run)(context) {
        Ok(note) => {
            println!("--- {}: {}", stage.name, seconds(began.elapsed()));
            Outcome::Passed(note, began.elapsed())
        }
        Err(error) => {
            eprintln!("--- {}: {error:#}", stage.name);
            Outcome::Failed(began.elapsed())
        }
    }
}

fn table(outcomes: &[(&str, Outcome)], total: Duration) -> String {
    let width = outcomes.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = String::from("\n");
    for (name, outcome) in outcomes {
        let (state, took, note) = match outcome {
            Outcome::Passed(note, took) => ("ok", seconds(*took), note.as_str()),
            Outcome::Failed(took) => ("FAILED", seconds(*took), ""),
            Outcome::NotRun => ("not run", String::new(), ""),
        };
        let line = format!("{name:width$}  {state:7}  {took:>9}  {note}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!("total {}\n", seconds(total)));
    text
}

fn set_up(context: &Context<'_>) -> Result<String> {
    if !process::succeeds(process::cargo().args(["clippy", "--version"])) {
        bail!("clippy is missing: rustup component add clippy rustfmt");
    }
    println!("nats-server: {}", setup::NATS.ensure()?.display());
    println!("strace: {}", setup::STRACE.ensure()?.display());
    println!("schemathesis: {}", schemathesis::ensure(context.tree)?.display());
    println!("GitHub's API description: {}", openapi::ensure(context.tree)?.display());
    let note = if context.quick {
        "without the browser"
    } else {
        println!("browser: {}", setup::CHROMIUM.ensure()?.display());
        ""
    };
    // Last, because it may take minutes: what cannot be had at all has been said by then.
    setup::ensure_nextest()?;
    Ok(note.to_owned())
}

fn format(context: &Context<'_>) -> Result<String> {
    run_cargo(context, &["fmt", "--all", "--check"]).context("cargo fmt --all puts it right")
}

fn layers(context: &Context<'_>) -> Result<String> {
    without_findings("layers", &layers::check(context.tree)?)
}

fn tidy(context: &Context<'_>) -> Result<String> {
    without_findings("tidy", &tidy::check(context.tree)?)
}

fn clippy(context: &Context<'_>) -> Result<String> {
    run_cargo(context, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn build(context: &Context<'_>) -> Result<String> {
    run_cargo(context, &["build", "--workspace", "--all-targets"])
}

fn contracts(context: &Context<'_>) -> Result<String> {
    let report = contracts::check(context.tree)?;
    report.print();
    if !report.holds() {
        bail!("cargo xtask contracts check shows this again");
    }
    Ok(String::new())
}

fn generated_requests(context: &Context<'_>) -> Result<String> {
    schemathesis::run(context.tree, schemathesis::Effort::Bounded)
        .context("cargo xtask fuzz --bounded shows this again")
}

fn doc_tests(context: &Context<'_>) -> Result<String> {
    run_cargo(context, &["test", "--doc", "--workspace"])
}

fn tests(context: &Context<'_>) -> Result<String> {
    let target = demo::target_folder(context.tree)?;
    let binaries = target.join("debug");
    let mut nextest = process::cargo();
    nextest.args(["nextest", "run", "--workspace"]).current_dir(context.tree.root());
    if context.quick {
        nextest.args(["--filterset", WITHOUT_BROWSER]);
    }
    // The end-to-end cases start these as processes.
    nextest.env("SITEWRIGHT_BIN", binaries.join(demo::program("sitewright")));
    nextest.env("SITEWRIGHT_LAB_BIN", binaries.join(demo::program("sitewright-lab")));
    nextest.env("SITEWRIGHT_CHAOS_BIN", binaries.join(demo::program("sitewright-chaos")));
    // The lab's GitHub and our client are held against it.
    nextest.env("SITEWRIGHT_GITHUB_OPENAPI", openapi::ensure(context.tree)?);
    process::run(&mut nextest)?;
    let report = std::fs::read_to_string(target.join(REPORT)).unwrap_or_default();
    Ok(executed(&report)?.map_or_else(String::new, |count| format!("{count} tests ran")))
}

/// How many tests a JUnit report counts.
fn executed(report: &str) -> Result<Option<u64>> {
    let pattern = Regex::new(r#"<testsuites [^>]*\btests="(\d+)""#).context("compile the pattern of the report")?;
    Ok(pattern.captures(report).and_then(|found| found[1].parse().ok()))
}

fn run_cargo(context: &Context<'_>, words: &[&str]) -> Result<String> {
    process::run(process::cargo().args(words).current_dir(context.tree.root()))?;
    Ok(String::new())
}

fn without_findings(check: &str, findings: &[Finding]) -> Result<String> {
    finding::report(check, findings);
    if !findings.is_empty() {
        bail!("cargo xtask {check} shows this again");
    }
    Ok(String::new())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_table_says_what_did_not_run() {
        let outcomes = [
            ("format", Outcome::Passed(String::new(), Duration::from_millis(1_234))),
            ("tests", Outcome::Passed("12 tests ran".to_owned(), Duration::from_secs(61))),
            ("contracts", Outcome::Failed(Duration::from_millis(90))),
            ("doc tests", Outcome::NotRun),
        ];
        expect![[r#"

            format     ok           1.2 s
            tests      ok          61.0 s  12 tests ran
            contracts  FAILED       0.1 s
            doc tests  not run
            total 62.4 s
        "#]]
        .assert_eq(&table(&outcomes, Duration::from_millis(62_400)));
    }

    #[test]
    fn the_report_is_counted() {
        let report =
            r#"<?xml version="1.0"?><testsuites name="nextest-run" tests="42" failures="0"><testsuite tests="3"/>"#;
        assert_eq!(executed(report).unwrap(), Some(42));
        assert_eq!(executed("").unwrap(), None);
    }
}
