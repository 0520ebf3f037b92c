//! schemathesis: cases made from the OpenAPI document, thrown at a running server, all its checks on.
//!
//! It lives in an environment of its own below the target folder, made once from
//! `xtask/schemathesis/requirements.txt`, which pins every package by version and hash; afterwards nothing is
//! downloaded. What the document cannot say is in `xtask/schemathesis/hooks.py`. The server is the debug binary on a
//! dry run, with a data folder of its own, no browser, and limits that are never reached.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::tree::Tree;
use crate::{demo, process, setup};

const REQUIREMENTS: &str = "xtask/schemathesis/requirements.txt";
const HOOKS: &str = "xtask/schemathesis";
/// Seed of the bounded run, so that it is the same everywhere.
const SEED: &str = "20261121";
/// Cases an operation and phase, at most; with these a run takes less than a minute.
const CASES: &str = "15";
/// A request that takes longer is a finding.
const REQUEST_TIMEOUT_S: &str = "10";
/// A limit that no run reaches. What is over a limit would hide everything behind it.
const NO_LIMIT: u32 = 1_000_000;

/// How long to go on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Effort {
    /// A fixed number of cases from a fixed seed.
    Bounded,
    /// New cases for so many minutes.
    Minutes(u64),
}

/// The program, installed when it is missing.
pub(crate) fn ensure(tree: &Tree) -> Result<PathBuf> {
    let requirements = tree.read(REQUIREMENTS)?;
    let digest = Sha256::digest(requirements.as_bytes());
    let version: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    // Changed requirements get a new environment, so that what is installed is what they say.
    let environment = folder(tree)?.join(format!("environment-{version}"));
    let (program, complete) = (environment.join("bin/st"), environment.join("complete"));
    if complete.exists() {
        return Ok(program);
    }
    let python = setup::PYTHON.ensure()?;
    println!("installing schemathesis into {} (once)", environment.display());
    process::run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut pip = Command::new(environment.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"]);
    process::run(pip.arg(tree.at(REQUIREMENTS))).context("Python 3.11 or later and a package index are needed")?;
    File::create(&complete).with_context(|| format!("create {}", complete.display()))?;
    Ok(program)
}

/// Runs it against a server of its own; says how many cases ran and what judged them.
pub(crate) fn run(tree: &Tree, effort: Effort) -> Result<String> {
    let program = ensure(tree)?;
    let folder = folder(tree)?;
    let report = folder.join("report.json");
    let server = Server::start(tree, &folder)?;
    let mut command = Command::new(program);
    command.args(["run", &format!("{}openapi.json", server.url), "--checks", "all", "--continue-on-failure"]);
    command.args(["--request-timeout", REQUEST_TIMEOUT_S, "--generation-database", "none", "--no-color"]);
    // There is no secret but that of a dry run, and with it the printed lines repeat a case.
    command.args(["--output-sanitize", "false"]);
    command.args(["--report", "json", "--report-json-path"]).arg(&report);
    match effort {
        Effort::Bounded => command.args(["--seed", SEED, "--max-examples", CASES]),
        Effort::Minutes(minutes) => command.args(["--max-time", &minutes.saturating_mul(60).to_string()]),
    };
    // Its configuration and reports stay out of the checkout.
    command.current_dir(&folder).env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", tree.at(HOOKS));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    process::run(&mut command).with_context(|| format!("the server's log is {}", server.log.display()))?;
    let text = fs::read_to_string(&report).with_context(|| format!("read {}", report.display()))?;
    summary(&text)
}

/// What the report says of a run without failures. A run that tested nothing is one.
fn summary(report: &str) -> Result<String> {
    let report: Value = serde_json::from_str(report).context("parse the report of schemathesis")?;
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let (cases, tested, selected) =
        (number("/test_cases/generated"), number("/operations/tested"), number("/operations/selected"));
    let phases = report.pointer("/phases").and_then(Value::as_object).into_iter().flatten();
    let not_run: Vec<&str> = phases
        .filter(|(_, phase)| phase.get("status").and_then(Value::as_str) != Some("success"))
        .map(|(name, _)| name.as_str())
        .collect();
    if cases == 0 || tested == 0 || tested < selected || !not_run.is_empty() {
        bail!("{cases} cases over {tested} of {selected} operations; without success: {}", not_run.join(", "));
    }
    Ok(format!("{cases} cases over {tested} operations, all checks of schemathesis"))
}

fn folder(tree: &Tree) -> Result<PathBuf> {
    let folder = demo::target_folder(tree)?.join("schemathesis");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    Ok(folder)
}

/// A server of the debug build; it ends with this value.
struct Server {
    process: Child,
    /// Kept open: a server whose standard output is closed has nobody to greet.
    greeting: BufReader<ChildStdout>,
    url: String,
    data: PathBuf,
    log: PathBuf,
}

impl Server {
    fn start(tree: &Tree, folder: &Path) -> Result<Self> {
        let binary = demo::target_folder(tree)?.join("debug").join(demo::program("sitewright"));
        let data = folder.join(format!("data-{}", std::process::id()));
        fs::create_dir_all(&data).with_context(|| format!("create {}", data.display()))?;
        let limits = data.join("limits.toml");
        fs::write(&limits, generous_limits()).with_context(|| format!("write {}", limits.display()))?;
        let log = folder.join("server.log");
        let file = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let mut command = Command::new(&binary);
        // Only these settings, whatever the shell has: nothing may leave the machine.
        command.arg("serve").current_dir(&data).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs([("DRY_RUN", "1"), ("PORT", "0"), ("PAGES_PORT", "0"), ("VERIFY_BROWSER", "off")]);
        command.envs([("RETRY_MAX_ATTEMPTS", "1"), ("LOG_FORMAT", "json")]);
        command.env("DATA_DIR", data.join("data")).env("LIMITS_FILE", &limits);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file).spawn();
        let mut process = spawned.with_context(|| format!("start {} (cargo build makes it)", binary.display()))?;
        let stdout = process.stdout.take().context("read what the server prints")?;
        let mut server = Self { process, greeting: BufReader::new(stdout), url: String::new(), data, log };
        server.url = server.read_url()?;
        Ok(server)
    }

    /// The address that it prints when it is ready.
    fn read_url(&mut self) -> Result<String> {
        let mut line = String::new();
        while self.greeting.read_line(&mut line).context("read what the server prints")? > 0 {
            if let Some(url) = line.trim().strip_prefix("API ") {
                return Ok(url.trim().to_owned());
            }
            line.clear();
        }
        bail!("the server did not start: see {}", self.log.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data is thrown away, so it need not stop with manners.
        let _killed = self.process.kill();
        let _ended = self.process.wait();
        let _removed = fs::remove_dir_all(&self.data);
    }
}

fn generous_limits() -> String {
    let limit = |name: &str| format!("{name} = {{ limit = {NO_LIMIT}, window_s = 60 }}\n");
    let section = |name: &str, limits: &[&str]| {
        let limits: String = limits.iter().map(|name| limit(name)).collect();
        format!("[{name}]\n{limits}")
    };
    [
        section("auth_failures", &["per_client_and_email", "per_email", "per_client"]),
        section("build", &["per_email"]),
        section("revise", &["per_task", "per_email"]),
        section("renotify", &["per_task"]),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_that_tested_less_than_everything_is_a_failure() {
        let report = |cases: u64, tested: u64, stateful: &str| {
            json!({
                "operations": {"selected": 13, "tested": tested},
                "test_cases": {"generated": cases},
                "phases": {"fuzzing": {"status": "success"}, "stateful": {"status": stateful}},
            })
            .to_string()
        };
        let said = summary(&report(1053, 13, "success")).unwrap();
        assert_eq!(said, "1053 cases over 13 operations, all checks of schemathesis");
        for broken in [report(0, 13, "success"), report(10, 12, "success"), report(10, 13, "skip"), "{}".to_owned()] {
            assert!(summary(&broken).is_err(), "{broken}");
        }
    }
}
