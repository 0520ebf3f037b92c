//! What lies at the broker for several hosts: names with a version, subjects without any text of a task.
//!
//! A later version of the program that writes another form uses other names; two versions then do not meet.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::object_store;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use shared_types::{Digest, Email, TaskId};

use super::EngineOptions;

/// Offers: one message a repository, deleted by its acknowledgement.
pub(super) const WORK: &str = "SITEWRIGHT_WORK_V1";

/// What runners did: one subject a flow, which is its lease and its journal.
pub(super) const FLOWS: &str = "SITEWRIGHT_FLOWS_V1";

/// Offers that were delivered as often as they may be, as the broker tells of them.
pub(super) const DEAD: &str = "SITEWRIGHT_DEAD_V1";

/// The latest copy of each task of the ledger.
pub(super) const LEDGER: &str = "SITEWRIGHT_LEDGER_V1";

/// The bucket of blobs.
pub(super) const BLOBS: &str = "SITEWRIGHT_BLOBS_V1";

/// The consumer that all runners share.
pub(super) const RUNNERS: &str = "runners";

/// Where the ledger of model calls answers, a queue group.
pub(super) const RUNS: &str = "sitewright.runs.v1";

const WORK_SUBJECTS: &str = "sitewright.work.v1";
const FLOW_SUBJECTS: &str = "sitewright.flows.v1";
const LEDGER_SUBJECTS: &str = "sitewright.ledger.v1";

/// The last part of the subject that says that a person was forgotten; no task has such an id.
const FORGOTTEN: &str = "forgotten";

/// The dispatcher offers again what was lost, so an offer nobody wants need not stay for ever.
const WORK_MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// Longer than any offer of a flow that has ended can lie about: whoever takes one must find the end here.
const FLOWS_MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Copies of tasks, and the blobs that they name, are there for about a term: later rounds lean on earlier ones.
const LEDGER_MAX_AGE: Duration = Duration::from_secs(90 * 24 * 3600);

/// Flows at work on all hosts together.
const MAX_AT_WORK: i64 = 10_000;

/// Digits of a hash in a subject: 64 bits tell a deployment's repositories apart.
const HASH_DIGITS: usize = 16;

/// Where offers of a repository lie.
pub(super) fn work_subject(repo: &str) -> String {
    format!("{WORK_SUBJECTS}.{}", Digest::of(repo.as_bytes()).as_str().get(..HASH_DIGITS).unwrap_or_default())
}

/// Where the flow of a task is told of. The id is random and says nothing of the task.
pub(super) fn flow_subject(task: TaskId) -> String {
    format!("{FLOW_SUBJECTS}.{task}")
}

/// The task whose flow is told of at `subject`.
pub(super) fn task_of(subject: &str) -> Option<TaskId> {
    subject.strip_prefix(FLOW_SUBJECTS)?.strip_prefix('.')?.parse().ok()
}

/// Where copies of a person's tasks lie. A subject is no place for an address, and 64 bits tell a deployment's people
/// apart; capitals make no other person.
fn ledger_subjects_of(email: &Email) -> String {
    let digest = Digest::of(email.as_str().to_lowercase().as_bytes());
    format!("{LEDGER_SUBJECTS}.{}", digest.as_str().get(..HASH_DIGITS).unwrap_or_default())
}

/// Where the copy of a task lies.
pub(super) fn ledger_subject(email: &Email, task: TaskId) -> String {
    format!("{}.{task}", ledger_subjects_of(email))
}

/// Where all copies of a person's tasks lie, and what is left of the person.
pub(super) fn ledger_filter(email: &Email) -> String {
    format!("{}.*", ledger_subjects_of(email))
}

/// Where it is said that a person was forgotten.
pub(super) fn forgotten_subject(email: &Email) -> String {
    format!("{}.{FORGOTTEN}", ledger_subjects_of(email))
}

/// The part of a subject that stands for the person.
pub(super) fn person_of(subject: &str) -> Option<&str> {
    subject.strip_prefix(LEDGER_SUBJECTS)?.strip_prefix('.')?.split('.').next()
}

/// One copy a task: an earlier one goes when a later one comes.
pub(super) fn ledger() -> Config {
    Config {
        name: LEDGER.to_owned(),
        subjects: vec![format!("{LEDGER_SUBJECTS}.*.*")],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_messages_per_subject: 1,
        storage: StorageType::File,
        max_age: LEDGER_MAX_AGE,
        description: Some("The latest copy of each task of Sitewright, JSON".to_owned()),
        ..Config::default()
    }
}

/// A second offer for a repository is refused until the first is acknowledged.
pub(super) fn work() -> Config {
    Config {
        name: WORK.to_owned(),
        subjects: vec![format!("{WORK_SUBJECTS}.*")],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        max_messages_per_subject: 1,
        storage: StorageType::File,
        max_age: WORK_MAX_AGE,
        description: Some("Offers of flows to runners of Sitewright, JSON".to_owned()),
        ..Config::default()
    }
}

pub(super) fn flows() -> Config {
    Config {
        name: FLOWS.to_owned(),
        subjects: vec![format!("{FLOW_SUBJECTS}.*")],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        max_age: FLOWS_MAX_AGE,
        description: Some("Leases and journals of flows of Sitewright, JSON".to_owned()),
        ..Config::default()
    }
}

/// The broker tells of a dead letter once and to whoever listens then; this stream listens always.
pub(super) fn dead() -> Config {
    Config {
        name: DEAD.to_owned(),
        subjects: vec![format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{WORK}.*")],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        max_age: FLOWS_MAX_AGE,
        description: Some("Offers of Sitewright that no runner gets any more".to_owned()),
        ..Config::default()
    }
}

pub(super) fn blobs() -> object_store::Config {
    object_store::Config {
        bucket: BLOBS.to_owned(),
        description: Some("Bytes of Sitewright by SHA-256".to_owned()),
        max_age: LEDGER_MAX_AGE,
        storage: StorageType::File,
        ..object_store::Config::default()
    }
}

pub(super) fn runners(options: &EngineOptions) -> pull::Config {
    pull::Config {
        durable_name: Some(RUNNERS.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: options.ack_wait,
        max_deliver: options.max_deliver,
        max_ack_pending: MAX_AT_WORK,
        ..pull::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_tell_nothing_of_a_task() {
        assert_eq!(work_subject("sales-summary-0a1b2c3d"), "sitewright.work.v1.81604b58591b1bc8");
        let task = TaskId::from_parts(1, 7);
        let subject = flow_subject(task);
        assert_eq!(
            (subject.as_str(), task_of(&subject)),
            ("sitewright.flows.v1.00000000010000000000000007", Some(task))
        );
        assert_eq!(task_of("sitewright.work.v1.0123"), None);
        let person = |address: &str| address.parse::<Email>().unwrap();
        let subject = ledger_subject(&person("Ann@example.com"), task);
        assert_eq!(subject, ledger_subject(&person("ann@example.com"), task));
        assert_eq!(subject, format!("sitewright.ledger.v1.{}.{task}", person_of(&subject).unwrap()));
        assert!(!subject.contains("ann") && !subject.contains("example"), "{subject}");
        assert_eq!(person_of(&forgotten_subject(&person("ann@example.com"))), person_of(&subject));
    }
}
