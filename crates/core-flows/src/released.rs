//! What released versions wrote into journals, held against what this one reads.
//!
//! A flow that began under the version before goes on under this one: so every journal on somebody's disk must be read
//! as it was meant. `crates/core-flows/released/` keeps one of each round for each version;
//! `cargo xtask contracts check` runs `examples/replay.rs` over them.

use ports::StepRecord;
use serde_json::Value;
use shared_types::Round;

use crate::journal::{Outcome, Progress};
use crate::plan::Plan;

/// What this version does not read as it was written, in words; empty is how it must be.
///
/// A step is read and written again: what it said before must all be said again, whatever was added.
#[must_use]
pub fn unread(round: Round, journal: &[StepRecord]) -> Vec<String> {
    let steps = Plan::for_round(round).steps();
    let mut findings = Vec::new();
    for record in journal {
        let Some(step) = steps.iter().copied().find(|step| step.as_str() == record.step) else {
            findings.push(format!("step `{}` is in no plan of this round: it would run as if it had not", record.step));
            continue;
        };
        match Outcome::read(step, record) {
            Err(error) => findings.push(format!("{}", ports::ErrorChain(&error))),
            Ok(None) => findings.push(format!("step `{step}` leaves no record in this version")),
            Ok(Some(outcome)) => {
                let (before, after) = (serde_json::from_str(&record.outcome), outcome.to_json());
                let after = after.and_then(|text| serde_json::from_str(&text));
                match (before, after) {
                    (Ok(before), Ok(after)) => lost(&before, &after, step.as_str(), &mut findings),
                    (Err(error), _) | (_, Err(error)) => findings.push(format!("step `{step}`: {error}")),
                }
            }
        }
    }
    if let Err(error) = Progress::replay(steps, journal) {
        findings.push(format!("{}", ports::ErrorChain(&error)));
    }
    findings
}

/// What `before` says and `after` does not.
fn lost(before: &Value, after: &Value, place: &str, findings: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before.iter().filter(|(_, value)| !value.is_null()) {
                match after.get(name) {
                    Some(now) => lost(value, now, &format!("{place}/{name}"), findings),
                    None => findings.push(format!("{place}/{name} is not read any more")),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (at, (value, now)) in before.iter().zip(after).enumerate() {
                lost(value, now, &format!("{place}/{at}"), findings);
            }
        }
        (before, after) if before == after => {}
        (before, after) => findings.push(format!("{place} was {before} and reads as {after}")),
    }
}

#[cfg(test)]
mod tests {
    use shared_types::Timestamp;

    use super::*;

    fn check(step: &str, outcome: &str, expected: &[&str]) {
        let at = Timestamp::from_unix_ms(0);
        let (step, outcome) = (step.to_owned(), outcome.to_owned());
        let record = StepRecord { step, outcome, summary: String::new(), started_at: at, finished_at: at, attempts: 1 };
        let found = unread(Round::FIRST, &[record]);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }

    /// What a careless change of this program would do to what the version before wrote.
    #[test]
    fn what_is_read_otherwise_is_found() {
        check("decide", "{\"chosen\":\"scaffold\"}", &[]);
        check("decide", "{\"chosen\":\"scaffold\",\"why\":\"no model\"}", &["decide/why is not read any more"]);
        check("decide", "{\"picked\":\"scaffold\"}", &["missing field `chosen`", "missing field `chosen`"]);
        check("polish", "{}", &["step `polish` is in no plan"]);
        check("repair", "null", &[]);
    }
}
