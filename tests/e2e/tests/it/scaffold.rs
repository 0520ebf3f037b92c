//! What the scaffold makes of tasks without a model: every check whose answer is in the request holds.
//!
//! The tasks are the samples and the variations of `tests/fixtures/scaffold/variations.json`. Each goes
//! through a real server with a real browser; a table by kind of check says how many held.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::{Instance, Launch, Outside, case, fixtures};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared_types::{CheckReport, Severity, Verdict};

/// All tasks are under way together, two pages at a time, and each page may wait for a CDN in vain.
const TASK: Duration = Duration::from_secs(570);

/// A task in short form.
#[derive(Debug, Deserialize)]
struct Variation {
    id: String,
    rounds: Vec<Round>,
}

#[derive(Debug, Deserialize)]
struct Round {
    brief: String,
    checks: Vec<Value>,
    /// Names with texts.
    attachments: BTreeMap<String, String>,
    /// Places of checks that cannot be met, and why.
    #[serde(default)]
    open: BTreeMap<usize, String>,
}

/// What every page must be, whatever is asked. The forms are none that the scaffold reads ids from.
const HOUSE: [&str; 4] = [
    "[...document.all].filter(e => e.matches('input, select, textarea, button')).every(e => e.labels?.length || e.ariaLabel || e.textContent.trim())",
    "(ids => new Set(ids).size === ids.length)([...document.all].map(e => e.id).filter(id => id))",
    "document.documentElement.scrollWidth <= window.innerWidth",
    "[...document.all].filter(e => e.localName === 'main').length === 1",
];

/// Passed and answerable checks by kind, and those that fail.
#[derive(Debug, Default)]
struct Tally {
    kinds: BTreeMap<String, (usize, usize)>,
    failed: Vec<String>,
}

impl Tally {
    fn count(&mut self, name: &str, report: &CheckReport, open: &dyn Fn(u32, u32) -> bool) -> Result<()> {
        for result in &report.checks {
            let answerable = !matches!(result.verdict, Verdict::Unjudged | Verdict::Unsatisfiable);
            if !answerable || open(result.check.round.get(), result.check.index) {
                continue;
            }
            let kind = serde_json::to_value(&result.check.oracle)?;
            let kind = kind["kind"].as_str().context("an oracle without a kind")?.to_owned();
            let (passed, all) = self.kinds.entry(kind).or_default();
            *all += 1;
            if result.verdict == Verdict::Passed {
                *passed += 1;
            } else {
                let evidence = result.evidence.as_deref().unwrap_or_default();
                self.failed.push(format!("{name}: {:?} {}: {evidence}", result.verdict, result.check.source));
            }
        }
        let wrong = report.findings.iter().filter(|finding| finding.severity > Severity::Notice);
        self.failed
            .extend(wrong.map(|finding| format!("{name}: {} {}: {}", finding.rule, finding.path, finding.message)));
        // No CDN is reached from here.
        let own = report
            .console_errors
            .iter()
            .filter(|line| !line.contains("net::ERR") && !line.contains("Failed to load resource"));
        self.failed.extend(own.map(|line| format!("{name}: console: {line}")));
        Ok(())
    }

    fn table(&self) -> String {
        let row = |(kind, (passed, all)): (&String, &(usize, usize))| format!("{kind:<24} {passed:>4} of {all:>4}\n");
        self.kinds.iter().map(row).collect()
    }
}

fn variations() -> Result<Vec<Variation>> {
    let path = e2e::workspace().join("tests/fixtures/scaffold/variations.json");
    Ok(serde_json::from_str(&std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?)?)
}

/// The wire body of a round.
fn request(variation: &Variation, index: usize, round: &Round) -> Result<Map<String, Value>> {
    let attachment = |(name, text): (&String, &String)| json!({"name": name, "url": format!("data:text/plain;base64,{}", STANDARD.encode(text))});
    let mut checks = round.checks.clone();
    checks.extend(HOUSE.iter().map(|code| json!({ "js": code })));
    let body = json!({
        "email": "student@example.com",
        "task": format!("{}-1a2b3", variation.id),
        "round": index + 1,
        "nonce": "0199c0de-0000-7000-8000-000000000001",
        "brief": round.brief,
        "checks": checks,
        "evaluation_url": "http://127.0.0.1:9000/notify",
        "attachments": round.attachments.iter().map(attachment).collect::<Vec<_>>(),
    });
    body.as_object().cloned().context("a body is an object")
}

/// The rounds of one task in turn; its last report counts the checks of all of them.
async fn play(server: &Instance, outside: &Outside, rounds: &[Map<String, Value>]) -> Result<CheckReport> {
    let mut last = None;
    for (index, round) in rounds.iter().enumerate() {
        let receipt = outside.post(server, if index == 0 { "/build" } else { "/revise" }, round).await?;
        last = server.finished(receipt.id, TASK).await?.report;
    }
    last.context("no report")
}

mod browser {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_check_that_the_request_answers_holds() -> Result<()> {
        let (server, outside) = (Instance::start(Launch::dry_run().without_limits()).await?, Outside::new()?);
        let mut tally = Tally::default();
        let variations = variations()?;
        ensure!(variations.len() >= 25, "only {} variations", variations.len());
        let mut tasks: Vec<(String, Vec<Map<String, Value>>)> = Vec::new();
        for name in lab::cases::Case::names(&fixtures())? {
            let rounds = case(&name)?.rounds.into_iter().map(|round| round.request).collect();
            tasks.push((name, rounds));
        }
        for variation in &variations {
            let rounds = variation.rounds.iter().enumerate().map(|(index, round)| request(variation, index, round));
            tasks.push((variation.id.clone(), rounds.collect::<Result<_>>()?));
        }
        let reports = futures::future::join_all(tasks.iter().map(|(_, rounds)| play(&server, &outside, rounds))).await;
        for ((name, _), report) in tasks.iter().zip(reports) {
            let report = report.with_context(|| name.clone())?;
            let known = variations.iter().find(|variation| variation.id == *name);
            let open = |round: u32, index: u32| {
                let round = known.and_then(|variation| variation.rounds.get(round.checked_sub(1)? as usize));
                round.is_some_and(|round| round.open.contains_key(&(index as usize)))
            };
            tally.count(name, &report, &open)?;
        }
        println!("{}", tally.table());
        ensure!(tally.failed.is_empty(), "{}\n{}", tally.table(), tally.failed.join("\n"));
        Ok(())
    }
}
