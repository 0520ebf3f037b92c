//! What a ledger does.

use std::time::Duration;

use futures::future::join_all;
use shared_types::events::NotificationAttempted;
use shared_types::http::{NotificationAttempt, Outcome, TaskState};
use shared_types::{Digest, Envelope, Payload, TaskId};

use super::given::{accepted, at, claim, event, request};
use super::run_cases;
use crate::{
    Acceptance, Bucket, Closing, FlowQueue, Ledger, OverLimit, Policy, RepoChoice, RepoName, TaskPage, TaskRecord,
    Verdict,
};

/// Runs the cases of a [`Ledger`]. It must be a [`FlowQueue`] too, since flows write the events.
pub async fn ledger<L: Ledger + FlowQueue>(make: impl AsyncFn() -> L) {
    run_cases!(make:
        a_task_reads_as_it_was_accepted,
        fifty_identical_accepts_make_one,
        another_body_is_a_conflict,
        a_preview_says_what_accepting_would_and_stores_nothing,
        a_full_bucket_refuses_what_is_new_and_only_that,
        later_rounds_join_the_newest_repository,
        a_repository_of_another_task_is_refused,
        pages_are_newest_first,
        events_are_numbered_in_order,
        a_cursor_never_goes_back,
        attempts_are_read_from_events,
        a_finished_task_keeps_its_notification_and_takes_events,
    );
}

async fn a_task_reads_as_it_was_accepted<L: Ledger>(ledger: L) {
    let new = request(1, "ann", 1);
    let expected = TaskRecord {
        id: new.id,
        trace_id: new.trace_id.clone(),
        email: new.email.clone(),
        task: new.task.clone(),
        round: new.round,
        nonce: new.nonce.clone(),
        brief: new.brief.clone(),
        checks: new.checks.clone(),
        evaluation_url: new.evaluation_url.clone(),
        attachments: new.attachments.clone(),
        repo: repo("ann-1"),
        repo_known: false,
        accepted_at: new.accepted_at,
        deadline_at: new.deadline_at,
        attempt: crate::Attempt::FIRST,
        state: TaskState::Queued,
        outcome: None,
        finished_at: None,
        report: None,
        repo_url: None,
        commit_sha: None,
        pages_url: None,
        notes: Vec::new(),
    };
    let id = accepted(&ledger, new).await;
    assert_eq!(ledger.task(id).await.unwrap(), Some(expected));
    assert_eq!(ledger.task(TaskId::from_parts(9, 9)).await.unwrap(), None);
}

async fn fifty_identical_accepts_make_one<L: Ledger + FlowQueue>(ledger: L) {
    // As intake does it: each repeat of a request comes with an id and a trace of its own.
    let repeats = (1..=50).map(|n| {
        let (first, own) = (request(1, "ann", 1), request(n, "ann", 1));
        let new = crate::NewTask { id: own.id, trace_id: own.trace_id, event: own.event, ..first };
        async { (new.id, new.trace_id.clone(), ledger.accept(new).await.unwrap()) }
    });
    let answers = join_all(repeats).await;
    let new: Vec<_> = answers.iter().filter(|(.., answer)| *answer == Acceptance::New).collect();
    let [(id, trace_id, _)] = new[..] else { panic!("{} requests were new", new.len()) };
    let repeat = Acceptance::Repeat { id: *id, trace_id: trace_id.clone(), state: TaskState::Queued };
    assert_eq!(answers.iter().filter(|(.., answer)| *answer == repeat).count(), 49);
    assert_eq!(ledger.events_after(0, 100).await.unwrap().len(), 1);
    assert_eq!(ledger.depth().await.unwrap().queued, 1);
}

async fn another_body_is_a_conflict<L: Ledger>(ledger: L) {
    let id = accepted(&ledger, request(1, "ann", 1)).await;
    let other = request(2, "ann", 1);
    let same_nonce = request(1, "ann", 1).nonce;
    let other = crate::NewTask { nonce: same_nonce, fingerprint: Digest::of(b"other"), ..other };
    let refused = other.id;
    assert_eq!(ledger.accept(other).await.unwrap(), Acceptance::Conflict { id });
    assert_eq!(ledger.task(refused).await.unwrap(), None);
    assert_eq!(ledger.events_after(0, 100).await.unwrap().len(), 1);
}

async fn later_rounds_join_the_newest_repository<L: Ledger>(ledger: L) {
    // Number, student, round; then the repository and whether it was known.
    for (n, who, round, name, known) in [
        (1, "ann", 1, "ann-1", false),
        (2, "ann", 1, "ann-2", false),
        (3, "ann", 2, "ann-2", true),
        (4, "bob", 2, "bob-4", false),
        (5, "bob", 3, "bob-4", true),
        (6, "ann", 3, "ann-2", true),
    ] {
        let id = accepted(&ledger, request(n, who, round)).await;
        let task = ledger.task(id).await.unwrap().unwrap();
        assert_eq!((task.repo, task.repo_known), (repo(name), known), "request {n}");
        let first = ledger.task_events(id, 0, 1).await.unwrap().remove(0);
        assert!(matches!(first.payload, Some(Payload::TaskAccepted(told)) if told.repo == name), "request {n}");
    }
    let earlier = ledger.earlier_rounds(request(6, "ann", 3).id).await.unwrap();
    assert_eq!(ids(&earlier), [request(2, "ann", 1).id, request(3, "ann", 2).id]);
    assert_eq!(ledger.earlier_rounds(request(2, "ann", 1).id).await.unwrap(), []);
}

async fn a_repository_of_another_task_is_refused<L: Ledger + FlowQueue>(ledger: L) {
    accepted(&ledger, request(1, "ann", 1)).await;
    let thief = crate::NewTask { repo: RepoChoice::New(repo("ann-1")), ..request(2, "bob", 1) };
    let (id, good) = (thief.id, request(3, "cyd", 1));
    let (stolen, fine) = futures::join!(ledger.accept(thief), ledger.accept(good));
    assert_eq!(stolen.unwrap_err().verdict(), Verdict::GiveUp);
    // A neighbour in the same commit does not suffer.
    assert_eq!(fine.unwrap(), Acceptance::New);
    assert_eq!(ledger.task(id).await.unwrap(), None);
    assert_eq!(ledger.depth().await.unwrap().queued, 2);
}

async fn pages_are_newest_first<L: Ledger>(ledger: L) {
    for n in 1..=5 {
        accepted(&ledger, request(n, "ann", 1)).await;
    }
    let id = |n| request(n, "ann", 1).id;
    let page =
        async |before, limit| ids(&ledger.tasks(TaskPage { before, limit, show: crate::Show::All }).await.unwrap());
    assert_eq!(page(None, 2).await, [id(5), id(4)]);
    assert_eq!(page(Some(id(4)), 9).await, [id(3), id(2), id(1)]);
    assert_eq!(page(Some(id(1)), 9).await, []);
    assert_eq!(page(Some(TaskId::from_parts(9, 9)), 9).await, []);
}

async fn events_are_numbered_in_order<L: Ledger + FlowQueue>(ledger: L) {
    let first = accepted(&ledger, request(1, "ann", 1)).await;
    let second = accepted(&ledger, request(2, "bob", 1)).await;
    let lease = claim(&ledger, at(10)).await.unwrap().lease;
    ledger.append(lease, vec![attempt(1, 1, 500), attempt(1, 2, 200)]).await.unwrap();

    let all = ledger.events_after(0, 100).await.unwrap();
    let numbers: Vec<u64> = all.iter().map(|event| event.seq).collect();
    assert!(numbers[0] > 0 && numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let of: Vec<_> = all.iter().map(|event| event.task_id().unwrap()).collect();
    assert_eq!(of, [first, second, first, first]);

    assert_eq!(ledger.events_after(numbers[0], 2).await.unwrap(), all[1..3]);
    assert_eq!(ledger.events_after(numbers[3], 9).await.unwrap(), []);
    assert_eq!(ledger.task_events(first, numbers[0], 9).await.unwrap(), all[2..]);
    assert_eq!(ledger.task_events(first, numbers[0], 1).await.unwrap(), all[2..3]);
    assert_eq!(ledger.task_events(second, 0, 9).await.unwrap(), all[1..2]);
}

async fn a_cursor_never_goes_back<L: Ledger>(ledger: L) {
    for (moved_to, stands_at) in [(0, 0), (5, 5), (3, 5), (5, 5), (9, 9)] {
        ledger.advance("relay", moved_to).await.unwrap();
        assert_eq!(ledger.cursor("relay").await.unwrap(), stands_at);
    }
    assert_eq!(ledger.cursor("another").await.unwrap(), 0);
}

async fn attempts_are_read_from_events<L: Ledger + FlowQueue>(ledger: L) {
    let id = accepted(&ledger, request(1, "ann", 1)).await;
    accepted(&ledger, request(2, "bob", 1)).await;
    let lease = claim(&ledger, at(10)).await.unwrap().lease;
    ledger.append(lease, vec![attempt(1, 1, 0), attempt(1, 2, 200)]).await.unwrap();
    let expected = |attempt, status, verdict: &str, error: Option<&str>| NotificationAttempt {
        attempt,
        at: at(1),
        status,
        verdict: verdict.to_owned(),
        latency_ms: 12,
        error: error.map(str::to_owned),
    };
    assert_eq!(
        ledger.notification_attempts(id).await.unwrap(),
        [expected(1, None, "again", Some("no answer")), expected(2, Some(200), "accepted", None)]
    );
    assert_eq!(ledger.notification_attempts(request(2, "bob", 1).id).await.unwrap(), []);
}

async fn a_preview_says_what_accepting_would_and_stores_nothing<L: Ledger>(ledger: L) {
    let new = request(1, "ann", 1);
    for _ in 0..2 {
        assert_eq!(ledger.preview(&new).await.unwrap(), Acceptance::New);
    }
    assert_eq!(ledger.task(new.id).await.unwrap(), None);
    let id = accepted(&ledger, new.clone()).await;
    let repeat = Acceptance::Repeat { id, trace_id: new.trace_id.clone(), state: TaskState::Queued };
    assert_eq!(ledger.preview(&new).await.unwrap(), repeat);
    let other = crate::NewTask { fingerprint: Digest::of(b"other"), ..new };
    assert_eq!(ledger.preview(&other).await.unwrap(), Acceptance::Conflict { id });
}

async fn a_full_bucket_refuses_what_is_new_and_only_that<L: Ledger>(ledger: L) {
    let policy = Policy { scope: "build", bucket: "email", limit: 2, window: Duration::from_secs(60) };
    let takes = vec![Bucket { policy, key: Digest::of(b"ann") }];
    let of = |n| crate::NewTask { takes: takes.clone(), ..request(n, "ann", 1) };
    for n in [1, 2] {
        accepted(&ledger, of(n)).await;
    }
    // Requests 1 and 2 came one and two seconds after the beginning; 3 comes a second later.
    let over = Acceptance::OverLimit(OverLimit { policy, resets_in: Duration::from_secs(58) });
    assert_eq!(ledger.preview(&of(3)).await.unwrap(), over);
    assert_eq!(ledger.accept(of(3)).await.unwrap(), over);
    assert_eq!(ledger.task(of(3).id).await.unwrap(), None);
    let repeat = ledger.accept(of(2)).await.unwrap();
    assert!(matches!(repeat, Acceptance::Repeat { id, .. } if id == of(2).id), "{repeat:?}");
    accepted(&ledger, of(61)).await;
}

async fn a_finished_task_keeps_its_notification_and_takes_events<L: Ledger + FlowQueue>(ledger: L) {
    let id = accepted(&ledger, request(1, "ann", 1)).await;
    assert_eq!(ledger.notification(id).await.unwrap(), None);
    let lease = claim(&ledger, at(10)).await.unwrap().lease;
    let closing = Closing { outcome: Outcome::HandedIn, at: at(11), notification: Some(b"{\"a\":1}".to_vec()) };
    ledger.finish(lease, closing, vec![attempt(1, 1, 200)]).await.unwrap();
    assert_eq!(ledger.notification(id).await.unwrap().as_deref(), Some(&b"{\"a\":1}"[..]));
    ledger.add_events(id, vec![attempt(1, 2, 200)]).await.unwrap();
    let attempts = ledger.notification_attempts(id).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.attempt).collect::<Vec<_>>(), [1, 2]);
}

/// An attempt to notify about request `n`; status 0 means that no answer came.
fn attempt(n: u64, attempt: u32, status: u32) -> Envelope {
    let (verdict, error) = if status == 200 { ("accepted", "") } else { ("again", "no answer") };
    let (verdict, error) = (verdict.to_owned(), error.to_owned());
    event(n, Payload::NotificationAttempted(NotificationAttempted { attempt, status, verdict, latency_ms: 12, error }))
}

fn repo(name: &str) -> RepoName {
    name.parse().unwrap()
}

fn ids(tasks: &[TaskRecord]) -> Vec<TaskId> {
    tasks.iter().map(|task| task.id).collect()
}
