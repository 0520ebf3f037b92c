//! What the witness saw of one task.

use std::collections::{BTreeMap, BTreeSet};

use lab::witness::{Commit, Effect, Entry};
use shared_types::TaskId;

use super::{Asked, Rule, Told, Violation, ledger, notification, task_of_repo};

/// A branch that moved.
struct Move<'a> {
    n: u64,
    to: &'a str,
    commit: &'a Commit,
}

/// A notification.
struct Sent<'a> {
    n: u64,
    id: Option<&'a str>,
    body: &'a str,
    status: u16,
    round: u32,
    commit: String,
}

/// Violations that the witness's log shows; `requests` are the rounds in order.
pub(super) fn judge(task: &str, requests: &[&Asked], told: &BTreeMap<TaskId, Told>, log: &[Entry]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut add = |round, rule, seen| found.push(Violation { task: task.to_owned(), round, rule, seen });
    let repos: Vec<_> = log.iter().filter_map(|entry| made(task, entry)).collect();
    if repos.len() != 1 {
        add(0, Rule::OneRepository, format!("{repos:?}"));
    }
    let moves: Vec<_> = log.iter().filter_map(|entry| moved(task, "refs/heads/main", entry)).collect();
    let mut head = None;
    for moved in &moves {
        if moved.commit.parents.first().map(String::as_str) != head {
            add(0, Rule::RoundsInOrder, format!("{} follows {:?}, not {head:?}", moved.to, moved.commit.parents));
        }
        head = Some(moved.to);
    }
    for name in log.iter().filter_map(|entry| strange_ref(task, requests, entry)) {
        add(0, Rule::OneCommitARound, format!("{name} was made"));
    }
    let sent: Vec<_> = log.iter().filter_map(|entry| sent(task, entry)).collect();
    let mut last = 0;
    for request in requests {
        let round = request.round;
        let ours: Vec<_> = moves.iter().filter(|moved| is_of(moved.commit, task, round)).collect();
        let shas: Vec<_> = ours.iter().map(|moved| moved.to).collect();
        let tag = format!("refs/tags/round-{round}");
        let tags: Vec<_> = log.iter().filter_map(|entry| moved(task, &tag, entry)).map(|tag| tag.to).collect();
        if shas.len() != 1 || tags != shas {
            add(round, Rule::OneCommitARound, format!("commits {shas:?}, tags {tags:?}"));
        }
        let told = told.get(&request.id);
        for ours in &ours {
            if ours.n < last {
                add(round, Rule::RoundsInOrder, format!("{} came before the end of the round before", ours.to));
            }
            let accepted_at = told.map(|told| told.view.summary.accepted_at.unix_ms() / 1000);
            if accepted_at.is_some_and(|at| at != ours.commit.authored_at_s) {
                let dated = ours.commit.authored_at_s;
                add(round, Rule::DatesFollowFromTheRequest, format!("{} says {dated}, not {accepted_at:?}", ours.to));
            }
        }
        let sent: Vec<_> = sent.iter().filter(|sent| sent.round == round).collect();
        let bytes: BTreeSet<_> = sent.iter().map(|sent| (sent.id, sent.body)).collect();
        if bytes.len() > 1 {
            add(round, Rule::SameBytes, format!("{bytes:?}"));
        }
        for sent in &sent {
            if !ours.iter().any(|ours| ours.to == sent.commit && ours.n < sent.n) {
                add(round, Rule::ToldWhatIsThere, format!("{} was named before it was there", sent.commit));
            }
        }
        let accepted = sent.iter().filter(|sent| sent.status == 200).count();
        let begun = || told.map_or(1, |told| ledger::begun(told).get("notify").copied().unwrap_or(1));
        let most = request.retold.map_or_else(begun, |retold| 1 + retold);
        if accepted < 1 || accepted > most as usize {
            add(round, Rule::OneAcceptance, format!("the evaluator accepted {accepted} times"));
        }
        last = sent.iter().map(|sent| sent.n).max().unwrap_or(last);
    }
    found
}

fn made<'a>(task: &str, entry: &'a Entry) -> Option<&'a str> {
    match &entry.effect {
        Effect::RepoMade { repo } if task_of_repo(repo) == task => Some(repo),
        _ => None,
    }
}

fn moved<'a>(task: &str, wanted: &str, entry: &'a Entry) -> Option<Move<'a>> {
    match &entry.effect {
        Effect::RefMoved { repo, name, to, commit: Some(commit) } if name == wanted && task_of_repo(repo) == task => {
            Some(Move { n: entry.n, to, commit })
        }
        _ => None,
    }
}

/// A ref that is neither the branch nor the tag of a round.
fn strange_ref<'a>(task: &str, requests: &[&Asked], entry: &'a Entry) -> Option<&'a str> {
    let Effect::RefMoved { repo, name, .. } = &entry.effect else { return None };
    let of_a_round = requests.iter().any(|request| *name == format!("refs/tags/round-{}", request.round));
    (task_of_repo(repo) == task && name != "refs/heads/main" && !of_a_round).then_some(name)
}

fn sent<'a>(task: &str, entry: &'a Entry) -> Option<Sent<'a>> {
    let Effect::Notified { id, body, status } = &entry.effect else { return None };
    let read = notification(body).filter(|read| read.task.as_str() == task)?;
    let (round, commit) = (read.round.get(), read.commit_sha.to_string());
    Some(Sent { n: entry.n, id: id.as_deref(), body, status: *status, round, commit })
}

/// Whether a commit says that it is of this round.
fn is_of(commit: &Commit, task: &str, round: u32) -> bool {
    commit.message.lines().any(|line| line == format!("Sitewright-Task: {task} round {round}"))
}
