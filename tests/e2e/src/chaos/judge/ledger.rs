//! What the ledger says of one request.

use std::collections::BTreeMap;

use shared_types::Payload;
use shared_types::http::{Outcome, TaskState};

use super::super::plan;
use super::{Asked, Rule, Told, Violation};

/// Violations that the ledger's own account shows.
pub(super) fn judge(request: &Asked, told: Option<&Told>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut add = |rule, seen| {
        found.push(Violation { task: request.task.clone(), round: request.round, rule, seen });
    };
    let Some(told) = told else {
        add(Rule::NothingIsLost, format!("{} was answered with 200 and is not in the ledger", request.id));
        return found;
    };
    let summary = &told.view.summary;
    if (summary.state, summary.outcome) != (TaskState::Finished, Some(Outcome::HandedIn)) {
        let (state, outcome, notes) = (summary.state, summary.outcome, &told.view.notes);
        add(Rule::NothingIsLost, format!("{state:?} {outcome:?} {:?}, {notes:?}", reason(told)));
    }
    let accepted = told.view.notifications.iter().filter(|attempt| attempt.verdict == "accepted").count();
    if accepted != 1 {
        add(Rule::OneAcceptance, format!("{accepted} acceptances on record"));
    }
    let resumed = resumed(told);
    let times: u32 = resumed.values().sum();
    if let Some(cuts) = request.cuts.filter(|cuts| *cuts != times) {
        add(Rule::Resumed, format!("went on {times} times and was cut off {cuts} times"));
    }
    let (begun, ended) = (begun(told), ended(told));
    for (index, step) in plan::steps(request.round).iter().enumerate() {
        let before = index.checked_sub(1).map_or("", |before| plan::steps(request.round)[before]);
        let cut_off = resumed.get(before).copied().unwrap_or(0);
        let (begun, ended) = (begun.get(*step).copied().unwrap_or(0), ended.get(*step).copied().unwrap_or(0));
        if ended != 1 || !(1..=1 + cut_off).contains(&begun) {
            add(
                Rule::StepsOnce,
                format!("{step} began {begun} times, was cut off {cut_off} times, ended {ended} times"),
            );
        }
    }
    found
}

/// Why it ended as it did.
fn reason(told: &Told) -> Option<&str> {
    told.events.iter().rev().find_map(|event| match event.payload.as_ref()? {
        Payload::TaskFinished(finished) => Some(finished.reason.as_str()),
        _ => None,
    })
}

/// How often the flow went on after each step; the empty name stands for its beginning.
fn resumed(told: &Told) -> BTreeMap<&str, u32> {
    count(told, |payload| match payload {
        Payload::FlowResumed(resumed) => Some(&resumed.after_step),
        _ => None,
    })
}

/// How often each step began; tries of it that failed do not count.
pub(super) fn begun(told: &Told) -> BTreeMap<&str, u32> {
    count(told, |payload| match payload {
        Payload::StepStarted(started) if started.attempt == 1 => Some(&started.step),
        _ => None,
    })
}

fn ended(told: &Told) -> BTreeMap<&str, u32> {
    count(told, |payload| match payload {
        Payload::StepFinished(finished) => Some(&finished.step),
        _ => None,
    })
}

fn count(told: &Told, name: impl Fn(&Payload) -> Option<&String>) -> BTreeMap<&str, u32> {
    let mut counts = BTreeMap::new();
    for name in told.events.iter().filter_map(|event| name(event.payload.as_ref()?)) {
        *counts.entry(name.as_str()).or_insert(0) += 1;
    }
    counts
}
