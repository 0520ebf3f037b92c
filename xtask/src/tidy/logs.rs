//! Every event of the log has a stable name, and `docs/logging.md` is the dictionary of what is really logged: names,
//! levels and further fields agree both ways.
//!
//! The first thirteen fields are the same on every line and are no matter of single events. Spans count as well: what
//! they hold is on the lines within them.

mod calls;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use regex::Regex;

use self::calls::{Call, Kind};
use super::sources::product_lines;
use crate::finding::Finding;
use crate::tree::Tree;

const DICTIONARY: &str = "docs/logging.md";

/// A stand-in for the outside world, whose lines nobody filters.
const NO_PRODUCT: &str = "crates/lab/";

/// The name of events of libraries, which nobody here logs.
const UNNAMED: &str = "log";

const EVENT_NAME: &str = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$";

/// Of the first thirteen fields, those that events and spans set.
const HEAD: [&str; 9] = ["event", "trace_id", "session_id", "actor", "task", "round", "nonce", "status", "latency_ms"];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut calls = Vec::new();
    for path in tree.files("crates", "rs")? {
        if path.split('/').nth(2) == Some("src") && !path.starts_with(NO_PRODUCT) {
            calls.extend(calls_in(&path, &tree.read(&path)?)?);
        }
    }
    let dictionary = Dictionary::read(&tree.read_if_present(DICTIONARY)?.unwrap_or_default());
    compare(&calls, &dictionary)
}

fn calls_in(path: &str, text: &str) -> Result<Vec<Call>> {
    let product: Vec<&str> = product_lines(text).map(|(_, line)| line).collect();
    calls::find(path, &product.join("\n")).with_context(|| format!("read {path} as Rust"))
}

/// What the document says.
#[derive(Debug, Default)]
struct Dictionary {
    /// Level and further fields, by the event's name.
    events: BTreeMap<String, (String, BTreeSet<String>)>,
    further: BTreeSet<String>,
}

impl Dictionary {
    /// Reads the rows of the tables below the headings `Events` and `Further fields`.
    fn read(text: &str) -> Self {
        let mut dictionary = Self::default();
        let mut heading = "";
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('#') {
                heading = name.trim_start_matches('#').trim();
            }
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let Some(name) = cells.get(1).and_then(|cell| quoted(cell).next()) else { continue };
            match (heading, cells.as_slice()) {
                ("Events", [_, _, level, _, fields, ..]) => {
                    let fields = quoted(fields).map(str::to_owned).collect();
                    dictionary.events.insert(name.to_owned(), ((*level).to_owned(), fields));
                }
                ("Further fields", _) => {
                    dictionary.further.insert(name.to_owned());
                }
                _ => {}
            }
        }
        dictionary
    }
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn compare(calls: &[Call], dictionary: &Dictionary) -> Result<Vec<Finding>> {
    let form = Regex::new(EVENT_NAME).context("compile the pattern of event names")?;
    let mut findings = Vec::new();
    let mut logged: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut fields_seen: BTreeSet<&str> = BTreeSet::new();
    for call in calls {
        let further: BTreeSet<&str> =
            call.fields.iter().map(String::as_str).filter(|name| !HEAD.contains(name)).collect();
        fields_seen.extend(&further);
        for name in &further {
            if !dictionary.further.contains(*name) {
                let detail = format!("the field `{name}` is not in {DICTIONARY}");
                findings.push(Finding::new(&call.place, "log-field", detail, "add it to \"Further fields\" there"));
            }
        }
        match (call.kind, &call.event) {
            (Kind::Span, _) => {}
            (Kind::Attribute, _) => {
                let detail = "`#[instrument]` logs every argument, secrets among them";
                let next = "make a span with the fields that are wanted";
                findings.push(Finding::new(&call.place, "log-instrument", detail, next));
            }
            (Kind::Event(_), None) => {
                let next = "add `event = \"subject.what_happened\"` as its first field";
                findings.push(Finding::new(&call.place, "log-event", "an event without a name", next));
            }
            (Kind::Event(level), Some(event)) => {
                logged.entry(event).or_default().extend(&further);
                findings.extend(check_event(call, level, event, &form, dictionary));
            }
        }
    }
    for (event, (_, documented)) in &dictionary.events {
        let Some(fields) = logged.get(event.as_str()) else {
            if event != UNNAMED {
                findings.push(stale(format!("the event `{event}` is logged nowhere")));
            }
            continue;
        };
        let unused = documented.iter().filter(|name| !fields.contains(name.as_str()));
        findings.extend(unused.map(|name| stale(format!("`{event}` never has the field `{name}`"))));
    }
    let unused = dictionary.further.iter().filter(|name| !fields_seen.contains(name.as_str()));
    findings.extend(unused.map(|name| stale(format!("the field `{name}` is on no event"))));
    Ok(findings)
}

fn check_event(call: &Call, level: &str, event: &str, form: &Regex, dictionary: &Dictionary) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |detail: String, next: &str| findings.push(Finding::new(&call.place, "log-event", detail, next));
    if !form.is_match(event) {
        add(format!("`{event}` is no name such as `task.accepted`"), "rename it");
    }
    let Some((documented, fields)) = dictionary.events.get(event) else {
        add(format!("the event `{event}` is not in {DICTIONARY}"), "add a row to \"Events\" there");
        return findings;
    };
    if documented != level {
        add(format!("`{event}` is logged as {level} and documented as {documented}"), "make them agree");
    }
    for name in call.fields.iter().filter(|name| !HEAD.contains(&name.as_str()) && !fields.contains(*name)) {
        add(format!("`{event}` has the field `{name}`, and its row does not"), "add it to the last column");
    }
    findings
}

fn stale(detail: String) -> Finding {
    Finding::new(DICTIONARY, "log-dictionary", detail, "remove it there, or log it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
## Events
| event | level | meaning | further fields |
|---|---|---|---|
| `task.accepted` | info | A task. | `task_id` |
| `log` | any | A library. | |
## Further fields
| field | type | meaning | example |
|---|---|---|---|
| `task_id` | text | Its id, with `x`. | `1` |
";

    fn check(code: &str, expected: &[&str]) {
        let calls = calls_in("a.rs", &format!("fn a() {{\n{code}\n}}")).unwrap();
        let findings = compare(&calls, &Dictionary::read(DOCUMENT)).unwrap();
        let found: Vec<String> =
            findings.iter().map(|finding| format!("{}: {}", finding.path, finding.detail)).collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn code_and_dictionary_agree_both_ways() {
        let sound = "info!(event = \"task.accepted\", task_id = %id, status = 1, \"task {accepted}\", a = 1);";
        check(sound, &[]);
        check(
            &format!("{sound} tokio::select! {{ _ = x => tracing::warn!(skipped, \"slow\") }}"),
            &["a.rs:2: the field `skipped` is not in docs/logging.md", "a.rs:2: an event without a name"],
        );
        check(
            "warn!(event = \"task.accepted\", %task_id);",
            &["a.rs:2: `task.accepted` is logged as warn and documented as info"],
        );
        check(
            "info!(event = \"task.accepted\", \"no id\"); error_span!(\"http\", task_id = Empty, trace_id);",
            &["docs/logging.md: `task.accepted` never has the field `task_id`"],
        );
        check(
            &format!("{sound}\n debug!(parent: &span, event = \"Other\");"),
            &[
                "a.rs:3: `Other` is no name such as `task.accepted`",
                "a.rs:3: the event `Other` is not in docs/logging.md",
            ],
        );
        check("record_all!(span, task_id = %id);", &["docs/logging.md: the event `task.accepted` is logged nowhere"]);
        check(
            &format!("{sound}\n// info!(\"in a comment\")\n#[tracing::instrument]\nfn b() {{ \"warn!(x)\"; }}"),
            &["a.rs:4: `#[instrument]` logs every argument, secrets among them"],
        );
    }

    #[test]
    fn tests_may_log_as_they_like() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { info!(\"x\"); }\n}\n";
        assert!(calls_in("a.rs", code).unwrap().is_empty());
    }
}
