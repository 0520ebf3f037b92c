//! What a queue of flows does.

use std::collections::BTreeSet;

use futures::future::join_all;
use shared_types::events::StepStarted;
use shared_types::http::{Outcome, TaskState};
use shared_types::{BrowserRun, CheckReport, Envelope, Epoch, Payload, Phase, TaskId};

use super::given::{LEASE, accepted, at, claim, event, request, step};
use super::run_cases;
use crate::{Closing, FlowQueue, Lease, LeaseError, Ledger, QueueDepth, TaskUpdate};

/// Runs the cases of a [`FlowQueue`] of one process. It must be a [`Ledger`] too, since accepting fills it.
pub async fn flow_queue<Q: Ledger + FlowQueue>(make: impl AsyncFn() -> Q) {
    common(&make).await;
    run_cases!(make: orphans_wait_again);
}

/// Runs the cases of a [`FlowQueue`] of several hosts: all of [`flow_queue`], but that a start adopts nothing.
pub async fn shared_flow_queue<Q: Ledger + FlowQueue>(make: impl AsyncFn() -> Q) {
    common(&make).await;
    run_cases!(make: a_start_takes_nothing_from_others);
}

async fn common<Q: Ledger + FlowQueue>(make: &impl AsyncFn() -> Q) {
    run_cases!(make:
        the_oldest_flow_is_claimed_first,
        rounds_of_a_repository_run_in_order,
        claims_at_once_get_different_repositories,
        a_released_flow_waits_for_its_time,
        a_lease_lasts_until_its_end,
        a_zombie_changes_nothing,
        the_first_record_of_a_step_stays,
        the_journal_and_the_site_are_kept,
        a_finished_flow_is_closed,
        an_unknown_flow_is_lost,
    );
}

async fn the_oldest_flow_is_claimed_first<Q: Ledger + FlowQueue>(queue: Q) {
    assert!(claim(&queue, at(0)).await.is_none());
    for (n, who) in [(1, "ann"), (2, "bob"), (3, "cyd")] {
        accepted(&queue, request(n, who, 1)).await;
    }
    for n in 1..=3 {
        let claimed = claim(&queue, at(10)).await.unwrap();
        assert_eq!(claimed.lease, Lease { task: id(n), epoch: Epoch(1) });
        assert_eq!((claimed.task.id, claimed.task.state, claimed.journal.len()), (id(n), TaskState::Running, 0));
    }
    assert!(claim(&queue, at(10)).await.is_none());
}

async fn rounds_of_a_repository_run_in_order<Q: Ledger + FlowQueue>(queue: Q) {
    for (n, who, round) in [(1, "ann", 1), (2, "ann", 2), (3, "ann", 3), (4, "bob", 1)] {
        accepted(&queue, request(n, who, round)).await;
    }
    let first = claim(&queue, at(10)).await.unwrap().lease;
    assert_eq!(first.task, id(1));
    // The second and third round wait for the first; another student does not.
    assert_eq!(claim(&queue, at(10)).await.unwrap().lease.task, id(4));
    assert!(claim(&queue, at(10)).await.is_none());
    assert_eq!(queue.depth().await.unwrap(), QueueDepth { queued: 2, running: 2 });
    // Given back, the first still goes before the second.
    queue.release(first, at(20), Vec::new()).await.unwrap();
    assert!(claim(&queue, at(19)).await.is_none());
    let first = claim(&queue, at(20)).await.unwrap().lease;
    queue.finish(first, closing(), Vec::new()).await.unwrap();
    let second = claim(&queue, at(20)).await.unwrap().lease;
    assert_eq!(second.task, id(2));
    assert!(claim(&queue, at(20)).await.is_none());
    queue.finish(second, closing(), Vec::new()).await.unwrap();
    assert_eq!(claim(&queue, at(20)).await.unwrap().lease.task, id(3));
    assert_eq!(queue.depth().await.unwrap(), QueueDepth { queued: 0, running: 2 });
}

async fn claims_at_once_get_different_repositories<Q: Ledger + FlowQueue>(queue: Q) {
    for n in 1..=20 {
        let (who, round) = (["ann", "bob", "cyd", "dan"][n as usize % 4], if n <= 4 { 1 } else { 2 });
        accepted(&queue, request(n, who, round)).await;
    }
    let claims = join_all((0..16).map(|_| claim(&queue, at(30)))).await;
    let repos: Vec<_> = claims.into_iter().flatten().map(|claim| claim.task.repo).collect();
    assert_eq!((repos.len(), repos.iter().collect::<BTreeSet<_>>().len()), (4, 4));
}

async fn a_released_flow_waits_for_its_time<Q: Ledger + FlowQueue>(queue: Q) {
    accepted(&queue, request(1, "ann", 1)).await;
    let lease = claim(&queue, at(10)).await.unwrap().lease;
    queue.release(lease, at(20), vec![started(1, "generate")]).await.unwrap();
    assert_eq!(queue.task(id(1)).await.unwrap().unwrap().state, TaskState::Queued);
    assert_eq!(queue.task_events(id(1), 0, 9).await.unwrap().len(), 2);
    // Who gave it back holds it no longer.
    check_lost(queue.append(lease, vec![started(1, "late")]).await, lease);
    assert!(claim(&queue, at(19)).await.is_none());
    assert_eq!(claim(&queue, at(20)).await.unwrap().lease.epoch, Epoch(2));
}

async fn a_lease_lasts_until_its_end<Q: Ledger + FlowQueue>(queue: Q) {
    accepted(&queue, request(1, "ann", 1)).await;
    let lease = claim(&queue, at(0)).await.unwrap().lease;
    let end = at(0).plus(LEASE);
    queue.heartbeat(lease, end.plus(LEASE)).await.unwrap();
    assert!(claim(&queue, end).await.is_none());
    let taken = claim(&queue, end.plus(LEASE)).await.unwrap().lease;
    assert_eq!(taken, Lease { epoch: Epoch(2), ..lease });
}

async fn a_zombie_changes_nothing<Q: Ledger + FlowQueue>(queue: Q) {
    accepted(&queue, request(1, "ann", 1)).await;
    let zombie = claim(&queue, at(0)).await.unwrap().lease;
    // A second more than the lease: a claim may have waited for its flow.
    let later = at(1).plus(LEASE);
    let current = claim(&queue, later).await.unwrap().lease;
    let before = (queue.task(id(1)).await.unwrap(), queue.events_after(0, 99).await.unwrap());

    let update = TaskUpdate { notes: vec!["from the grave".to_owned()], ..TaskUpdate::default() };
    let events = || vec![started(1, "late")];
    check_lost(queue.heartbeat(zombie, later.plus(LEASE * 9)).await, zombie);
    check_lost(queue.record(zombie, step("generate"), update, events()).await, zombie);
    check_lost(queue.append(zombie, events()).await, zombie);
    check_lost(queue.release(zombie, at(0), events()).await, zombie);
    check_lost(queue.finish(zombie, closing(), events()).await, zombie);

    assert_eq!((queue.task(id(1)).await.unwrap(), queue.events_after(0, 99).await.unwrap()), before);
    queue.record(current, step("generate"), TaskUpdate::default(), Vec::new()).await.unwrap();
    // Its heartbeat did not prolong the other's lease either.
    let third = claim(&queue, at(2).plus(LEASE * 2)).await.unwrap();
    assert_eq!((third.lease.epoch, third.journal), (Epoch(3), vec![step("generate")]));
}

async fn the_first_record_of_a_step_stays<Q: Ledger + FlowQueue>(queue: Q) {
    accepted(&queue, request(1, "ann", 1)).await;
    let lease = claim(&queue, at(0)).await.unwrap().lease;
    queue.record(lease, step("generate"), TaskUpdate::default(), vec![started(1, "generate")]).await.unwrap();
    let second = crate::StepRecord { outcome: "{}".to_owned(), ..step("generate") };
    let update = TaskUpdate { notes: vec!["twice".to_owned()], ..TaskUpdate::default() };
    check_lost(queue.record(lease, second, update, vec![started(1, "generate")]).await, lease);

    assert_eq!(queue.task(id(1)).await.unwrap().unwrap().notes, [""; 0]);
    assert_eq!(queue.task_events(id(1), 0, 9).await.unwrap().len(), 2);
    queue.release(lease, at(0), Vec::new()).await.unwrap();
    assert_eq!(claim(&queue, at(0)).await.unwrap().journal, [step("generate")]);
}

async fn the_journal_and_the_site_are_kept<Q: Ledger + FlowQueue>(queue: Q) {
    accepted(&queue, request(1, "ann", 1)).await;
    let lease = claim(&queue, at(0)).await.unwrap().lease;
    let updates = [
        (
            "verify",
            TaskUpdate { report: Some(report(1)), notes: vec!["a \"note\"".to_owned()], ..TaskUpdate::default() },
        ),
        ("publish", TaskUpdate { repo_url: url("http://host/ann-1"), commit_sha: commit(), ..TaskUpdate::default() }),
        ("pages", TaskUpdate { pages_url: url("http://pages/ann-1/"), ..TaskUpdate::default() }),
        ("confirm", TaskUpdate { report: Some(report(2)), notes: vec!["b".to_owned()], ..TaskUpdate::default() }),
    ];
    for (name, update) in updates.clone() {
        queue.record(lease, step(name), update, Vec::new()).await.unwrap();
    }
    queue.release(lease, at(0), Vec::new()).await.unwrap();

    let claimed = claim(&queue, at(0)).await.unwrap();
    assert_eq!(claimed.journal, updates.map(|(name, _)| step(name)));
    assert_eq!(claimed.task.report, Some(report(2)));
    assert_eq!(claimed.task.notes, ["a \"note\"", "b"]);
    assert_eq!(claimed.task.repo_url, url("http://host/ann-1"));
    assert_eq!(claimed.task.commit_sha, commit());
    assert_eq!(claimed.task.pages_url, url("http://pages/ann-1/"));
    assert_eq!(queue.task(id(1)).await.unwrap(), Some(claimed.task));
}

async fn orphans_wait_again<Q: Ledger + FlowQueue>(queue: Q) {
    for (n, who) in [(1, "ann"), (2, "bob"), (3, "cyd")] {
        accepted(&queue, request(n, who, 1)).await;
    }
    let orphan = claim(&queue, at(0)).await.unwrap().lease;
    claim(&queue, at(0)).await.unwrap();
    let waiting = claim(&queue, at(0)).await.unwrap().lease;
    queue.release(waiting, at(1_000_000), Vec::new()).await.unwrap();
    assert!(claim(&queue, at(0)).await.is_none());
    assert_eq!(queue.adopt_orphans().await.unwrap(), 2);
    assert_eq!(queue.adopt_orphans().await.unwrap(), 0);
    assert_eq!(queue.depth().await.unwrap(), QueueDepth { queued: 3, running: 0 });
    check_lost(queue.append(orphan, vec![started(1, "late")]).await, orphan);
    assert_eq!(claim(&queue, at(0)).await.unwrap().lease, Lease { epoch: Epoch(2), ..orphan });
    claim(&queue, at(0)).await.unwrap();
    assert_eq!(claim(&queue, at(0)).await.unwrap().lease, Lease { epoch: Epoch(2), ..waiting });
}

async fn a_start_takes_nothing_from_others<Q: Ledger + FlowQueue>(queue: Q) {
    accepted(&queue, request(1, "ann", 1)).await;
    let lease = claim(&queue, at(0)).await.unwrap().lease;
    assert_eq!(queue.adopt_orphans().await.unwrap(), 0);
    queue.append(lease, vec![started(1, "generate")]).await.unwrap();
    assert!(claim(&queue, at(0)).await.is_none());
}

async fn a_finished_flow_is_closed<Q: Ledger + FlowQueue>(queue: Q) {
    accepted(&queue, request(1, "ann", 1)).await;
    let lease = claim(&queue, at(0)).await.unwrap().lease;
    queue.finish(lease, closing(), vec![started(1, "record")]).await.unwrap();
    let task = queue.task(id(1)).await.unwrap().unwrap();
    assert_eq!(
        (task.state, task.outcome, task.finished_at),
        (TaskState::Finished, Some(Outcome::HandedIn), Some(at(99)))
    );
    assert_eq!(queue.task_events(id(1), 0, 9).await.unwrap().len(), 2);
    check_lost(queue.finish(lease, closing(), Vec::new()).await, lease);
    assert!(claim(&queue, at(0).plus(LEASE * 2)).await.is_none());
    assert_eq!(queue.adopt_orphans().await.unwrap(), 0);
    assert_eq!(queue.depth().await.unwrap(), QueueDepth::default());
}

async fn an_unknown_flow_is_lost<Q: Ledger + FlowQueue>(queue: Q) {
    let lease = Lease { task: id(1), epoch: Epoch(0) };
    check_lost(queue.append(lease, Vec::new()).await, lease);
    // Accepted, but never claimed: the epoch it begins with is nobody's.
    accepted(&queue, request(1, "ann", 1)).await;
    check_lost(queue.append(lease, Vec::new()).await, lease);
}

fn check_lost(answer: Result<(), LeaseError>, lease: Lease) {
    match answer {
        Err(LeaseError::Lost { task, epoch }) => assert_eq!(Lease { task, epoch }, lease),
        other => panic!("the lease was not lost: {other:?}"),
    }
}

/// Ids do not depend on the student.
fn id(n: u64) -> TaskId {
    request(n, "ann", 1).id
}

fn closing() -> Closing {
    Closing { outcome: Outcome::HandedIn, at: at(99), notification: Some(b"{\"round\":1}".to_vec()) }
}

fn started(n: u64, name: &str) -> Envelope {
    event(n, Payload::StepStarted(StepStarted { step: name.to_owned(), attempt: 1 }))
}

fn report(duration_ms: u64) -> CheckReport {
    CheckReport {
        phase: Phase::Candidate,
        browser: BrowserRun::NotRun { reason: "no browser".to_owned() },
        checks: Vec::new(),
        findings: Vec::new(),
        judgements: Vec::new(),
        console_errors: vec!["it's broken".to_owned()],
        failed_requests: Vec::new(),
        screenshot: None,
        phone_screenshot: None,
        duration_ms,
    }
}

fn url(text: &str) -> Option<url::Url> {
    Some(text.parse().unwrap())
}

fn commit() -> Option<shared_types::CommitSha> {
    Some("c".repeat(40).parse().unwrap())
}
