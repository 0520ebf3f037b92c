//! Holds what happened outside, and what the ledger says of it, against the promise of the architecture.
//!
//! Offline and pure: it reads the witness's log and the ledger's end state after everything is over. Each rule is one
//! sentence of the promise; what breaks it is named with the task, so that trials without a violation can be counted.

mod ledger;
mod outside;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lab::witness::{Effect, Entry};
use shared_types::http::{Notification, TaskView};
use shared_types::{Envelope, TaskId};

/// A request that was answered with 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The instructor's name of the task; another one for each task.
    pub task: String,
    /// The round.
    pub round: u32,
    /// As the receipt says.
    pub id: TaskId,
    /// How often its flow was cut off before its end, when that is known.
    pub cuts: Option<u32>,
    /// How often it was cut off between the evaluator's answer and the record of it, when that is known.
    pub retold: Option<u32>,
}

/// What the ledger says of a task at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// As operators see it.
    pub view: TaskView,
    /// All its events, in order.
    pub events: Vec<Envelope>,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Of which task.
    pub task: String,
    /// Of which round; 0 when it is about all of them.
    pub round: u32,
    /// The broken rule.
    pub rule: Rule,
    /// What was seen.
    pub seen: String,
}

/// The sentences of the promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// What was answered with 200 is in the ledger and ends handed in.
    NothingIsLost,
    /// Nothing is in the ledger or outside that nobody asked for.
    NothingIsInvented,
    /// A task has one repository.
    OneRepository,
    /// A round is one commit on the branch, one tag, and nothing else.
    OneCommitARound,
    /// Rounds follow each other.
    RoundsInOrder,
    /// A commit's date is the time of acceptance.
    DatesFollowFromTheRequest,
    /// The evaluator is told of what is there.
    ToldWhatIsThere,
    /// All notifications of a round are the same bytes under the same id.
    SameBytes,
    /// A round is accepted once, or once more for each time that its notifying was cut off.
    OneAcceptance,
    /// A step ends once, and begins once more for each time that it was cut off.
    StepsOnce,
    /// A flow goes on once for each time that it was cut off.
    Resumed,
}

/// Every violation, in order of tasks.
#[must_use]
pub fn judge(asked: &[Asked], told: &BTreeMap<TaskId, Told>, log: &[Entry]) -> Vec<Violation> {
    let mut rounds: BTreeMap<&str, Vec<&Asked>> = BTreeMap::new();
    for request in asked {
        rounds.entry(&request.task).or_default().push(request);
    }
    let mut found = invented(asked, told, log, &rounds);
    for (task, mut requests) in rounds {
        requests.sort_by_key(|request| request.round);
        for request in &requests {
            found.extend(ledger::judge(request, told.get(&request.id)));
        }
        found.extend(outside::judge(task, &requests, told, log));
    }
    found.sort();
    found
}

/// What nobody asked for.
fn invented(
    asked: &[Asked],
    told: &BTreeMap<TaskId, Told>,
    log: &[Entry],
    rounds: &BTreeMap<&str, Vec<&Asked>>,
) -> Vec<Violation> {
    let known: BTreeSet<TaskId> = asked.iter().map(|request| request.id).collect();
    let mut found = Vec::new();
    let mut add = |task: &str, seen: String| {
        found.push(Violation { task: task.to_owned(), round: 0, rule: Rule::NothingIsInvented, seen });
    };
    for (id, told) in told.iter().filter(|(id, _)| !known.contains(id)) {
        add(told.view.summary.task.as_str(), format!("task {id} is in the ledger"));
    }
    for entry in log {
        let (task, what) = match &entry.effect {
            Effect::RepoMade { repo } => (task_of_repo(repo).to_owned(), format!("repository {repo}")),
            Effect::RefMoved { repo, name, .. } => (task_of_repo(repo).to_owned(), format!("{name} of {repo}")),
            Effect::Notified { body, .. } => match notification(body) {
                Some(read) => (read.task.to_string(), "a notification".to_owned()),
                None => (String::new(), format!("a notification that is none: {body}")),
            },
        };
        if !rounds.contains_key(task.as_str()) {
            add(&task, what);
        }
    }
    found
}

/// The task of `owner/<task>-<8 digits>`.
fn task_of_repo(repo: &str) -> &str {
    let name = repo.split_once('/').map_or(repo, |(_, name)| name);
    name.rsplit_once('-').map_or(name, |(task, _)| task)
}

fn notification(body: &str) -> Option<Notification> {
    serde_json::from_str(body).ok()
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken by {} round {}: {}", self.rule, self.task, self.round, self.seen)
    }
}

#[cfg(test)]
mod tests;
