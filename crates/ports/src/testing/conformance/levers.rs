//! What the levers of a ledger do.

use std::time::Duration;

use shared_types::events::{TaskFinished, TaskRetried};
use shared_types::http::{Outcome, TaskState};
use shared_types::{Epoch, Payload, TaskId, Timestamp};

use super::given::{LEASE, accepted, at, claim, event, request, step};
use super::run_cases;
use crate::{
    Attempt, Closing, FlowQueue, Lease, LeaseError, Ledger, Levers, Moved, Reopening, Show, TaskPage, TaskUpdate,
};

/// Runs the cases of [`Levers`]. They must be a [`Ledger`] and a [`FlowQueue`] too.
pub async fn levers<L: Ledger + FlowQueue + Levers>(make: impl AsyncFn() -> L) {
    run_cases!(make:
        a_failed_flow_is_opened_again_with_what_it_did,
        a_running_flow_is_not_opened_again,
        of_two_retries_one_counts,
        a_parked_flow_runs_at_once,
        a_cancelled_flow_runs_no_more,
        a_cancelled_worker_changes_nothing,
        the_round_after_a_cancelled_one_waits_for_its_lease,
        an_opened_round_runs_before_the_later_ones,
        a_second_notification_takes_the_first_ones_place,
        a_later_round_that_is_published_is_named,
        dead_letters_and_open_tasks_are_listed,
        what_is_not_there_does_not_move,
    );
}

async fn a_failed_flow_is_opened_again_with_what_it_did<L: Ledger + FlowQueue + Levers>(ledger: L) {
    accepted(&ledger, request(1, "ann", 1)).await;
    let lease = claim(&ledger, at(10)).await.unwrap().lease;
    for name in ["prepare", "generate", "commit"] {
        ledger.record(lease, step(name), TaskUpdate::default(), Vec::new()).await.unwrap();
    }
    ledger.finish(lease, ended(Outcome::Failed), Vec::new()).await.unwrap();

    assert_eq!(ledger.reopen(reopening(1, 1, &["prepare", "generate"])).await.unwrap(), Moved::Yes);
    let task = ledger.task(id(1)).await.unwrap().unwrap();
    assert_eq!((task.state, task.outcome, task.finished_at), (TaskState::Queued, None, None));
    assert_eq!(task.attempt, Attempt { number: 2, began_at: Some(at(50)), epoch: Epoch(1) });
    assert_eq!((task.deadline_at, task.attempt_id()), (at(650), format!("{}-2", id(1))));
    assert_eq!(ledger.task_events(id(1), 0, 9).await.unwrap().last().unwrap().kind(), "task_retried");
    let again = claim(&ledger, at(50)).await.unwrap();
    assert_eq!(again.lease, Lease { task: id(1), epoch: Epoch(2) });
    assert_eq!(again.journal, [step("prepare"), step("generate")]);
    assert_eq!((again.task.attempt.number, again.task.deadline_at), (2, at(650)));
    // Whoever held it before its end holds it no longer, and a step that was taken back may be recorded again.
    check_lost(ledger.append(lease, Vec::new()).await);
    ledger.record(again.lease, step("commit"), TaskUpdate::default(), Vec::new()).await.unwrap();
}

async fn a_running_flow_is_not_opened_again<L: Ledger + FlowQueue + Levers>(ledger: L) {
    accepted(&ledger, request(1, "ann", 1)).await;
    let lease = claim(&ledger, at(10)).await.unwrap().lease;
    assert_eq!(ledger.reopen(reopening(1, 1, &[])).await.unwrap(), Moved::No);
    ledger.heartbeat(lease, at(99)).await.unwrap();
    assert_eq!(ledger.task_events(id(1), 0, 9).await.unwrap().len(), 1);
}

async fn of_two_retries_one_counts<L: Ledger + FlowQueue + Levers>(ledger: L) {
    accepted(&ledger, request(1, "ann", 1)).await;
    let lease = claim(&ledger, at(10)).await.unwrap().lease;
    ledger.finish(lease, ended(Outcome::Failed), Vec::new()).await.unwrap();
    assert_eq!(ledger.reopen(reopening(1, 1, &[])).await.unwrap(), Moved::Yes);
    assert_eq!(ledger.reopen(reopening(1, 1, &[])).await.unwrap(), Moved::No);
    assert_eq!(ledger.task(id(1)).await.unwrap().unwrap().attempt.number, 2);
    assert_eq!(ledger.depth().await.unwrap().queued, 1);
}

async fn a_parked_flow_runs_at_once<L: Ledger + FlowQueue + Levers>(ledger: L) {
    accepted(&ledger, request(1, "ann", 1)).await;
    let lease = claim(&ledger, at(10)).await.unwrap().lease;
    ledger.record(lease, step("prepare"), TaskUpdate::default(), Vec::new()).await.unwrap();
    ledger.release(lease, at(1000), Vec::new()).await.unwrap();
    assert!(claim(&ledger, at(50)).await.is_none());
    ledger.reopen(reopening(1, 1, &["prepare"])).await.unwrap();
    assert_eq!(claim(&ledger, at(50)).await.unwrap().journal, [step("prepare")]);
}

async fn a_cancelled_flow_runs_no_more<L: Ledger + FlowQueue + Levers>(ledger: L) {
    for (n, who, round) in [(1, "ann", 1), (2, "ann", 2)] {
        accepted(&ledger, request(n, who, round)).await;
    }
    assert_eq!(ledger.cancel(id(1), at(20), cancelled(1)).await.unwrap(), Moved::Yes);
    let task = ledger.task(id(1)).await.unwrap().unwrap();
    assert_eq!(
        (task.state, task.outcome, task.finished_at),
        (TaskState::Finished, Some(Outcome::Cancelled), Some(at(20)))
    );
    assert_eq!(ledger.task_events(id(1), 0, 9).await.unwrap().last().unwrap().kind(), "task_finished");
    // The round that waited for it goes on.
    assert_eq!(claim(&ledger, at(20)).await.unwrap().lease.task, id(2));
    assert!(claim(&ledger, at(20)).await.is_none());
    assert_eq!(ledger.cancel(id(1), at(30), cancelled(1)).await.unwrap(), Moved::No);
}

async fn a_cancelled_worker_changes_nothing<L: Ledger + FlowQueue + Levers>(ledger: L) {
    accepted(&ledger, request(1, "ann", 1)).await;
    let zombie = claim(&ledger, at(10)).await.unwrap().lease;
    ledger.cancel(id(1), at(20), cancelled(1)).await.unwrap();
    let before = (ledger.task(id(1)).await.unwrap(), ledger.events_after(0, 99).await.unwrap());
    check_lost(ledger.heartbeat(zombie, at(99)).await);
    check_lost(ledger.record(zombie, step("publish"), TaskUpdate::default(), Vec::new()).await);
    check_lost(ledger.append(zombie, Vec::new()).await);
    check_lost(ledger.release(zombie, at(0), Vec::new()).await);
    check_lost(ledger.finish(zombie, ended(Outcome::HandedIn), Vec::new()).await);
    assert_eq!((ledger.task(id(1)).await.unwrap(), ledger.events_after(0, 99).await.unwrap()), before);
}

async fn the_round_after_a_cancelled_one_waits_for_its_lease<L: Ledger + FlowQueue + Levers>(ledger: L) {
    for (n, round) in [(1, 1), (2, 2)] {
        accepted(&ledger, request(n, "ann", round)).await;
    }
    claim(&ledger, at(10)).await.unwrap();
    ledger.cancel(id(1), at(20), cancelled(1)).await.unwrap();
    let end = at(10).plus(LEASE);
    assert!(claim(&ledger, Timestamp::from_unix_ms(end.unix_ms() - 1)).await.is_none());
    assert_eq!(claim(&ledger, end).await.unwrap().lease.task, id(2));
}

async fn an_opened_round_runs_before_the_later_ones<L: Ledger + FlowQueue + Levers>(ledger: L) {
    for (n, round) in [(1, 1), (2, 2), (3, 3)] {
        accepted(&ledger, request(n, "ann", round)).await;
    }
    let first = claim(&ledger, at(10)).await.unwrap().lease;
    ledger.finish(first, ended(Outcome::Failed), Vec::new()).await.unwrap();
    ledger.reopen(reopening(1, 1, &[])).await.unwrap();
    let first = claim(&ledger, at(50)).await.unwrap().lease;
    assert_eq!(first.task, id(1));
    ledger.finish(first, ended(Outcome::Failed), Vec::new()).await.unwrap();
    // While a later round runs, it waits.
    let second = claim(&ledger, at(60)).await.unwrap().lease;
    assert_eq!(second.task, id(2));
    ledger.reopen(reopening(1, 2, &[])).await.unwrap();
    assert!(claim(&ledger, at(60)).await.is_none());
    ledger.finish(second, ended(Outcome::HandedIn), Vec::new()).await.unwrap();
    assert_eq!(claim(&ledger, at(60)).await.unwrap().lease.task, id(1));
}

async fn a_second_notification_takes_the_first_ones_place<L: Ledger + FlowQueue + Levers>(ledger: L) {
    accepted(&ledger, request(1, "ann", 1)).await;
    for (attempt, body) in [(1, "{\"a\":1}"), (2, "{\"a\":2}")] {
        let lease = claim(&ledger, at(100)).await.unwrap().lease;
        let closing = Closing { notification: Some(body.as_bytes().to_vec()), ..ended(Outcome::Undelivered) };
        ledger.finish(lease, closing, Vec::new()).await.unwrap();
        assert_eq!(ledger.notification(id(1)).await.unwrap().unwrap(), body);
        ledger.reopen(reopening(1, attempt, &[])).await.unwrap();
    }
    // An attempt that tells nobody leaves what was told before.
    let lease = claim(&ledger, at(100)).await.unwrap().lease;
    ledger.finish(lease, ended(Outcome::Failed), Vec::new()).await.unwrap();
    assert_eq!(ledger.notification(id(1)).await.unwrap().unwrap(), "{\"a\":2}");
}

async fn a_later_round_that_is_published_is_named<L: Ledger + FlowQueue + Levers>(ledger: L) {
    for (n, round) in [(1, 1), (2, 2)] {
        accepted(&ledger, request(n, "ann", round)).await;
        let lease = claim(&ledger, at(10)).await.unwrap().lease;
        assert_eq!(ledger.standing(id(1)).await.unwrap().unwrap().published_later, None);
        let sha = "0123456789012345678901234567890123456789".parse().unwrap();
        let update = TaskUpdate { commit_sha: Some(sha), ..TaskUpdate::default() };
        ledger.record(lease, step("publish"), update, Vec::new()).await.unwrap();
        ledger.finish(lease, ended(Outcome::HandedIn), Vec::new()).await.unwrap();
    }
    let standing = ledger.standing(id(1)).await.unwrap().unwrap();
    assert_eq!((standing.published_later, standing.journal), (Some(id(2)), vec![step("publish")]));
    assert_eq!(ledger.standing(id(2)).await.unwrap().unwrap().published_later, None);
}

async fn dead_letters_and_open_tasks_are_listed<L: Ledger + FlowQueue + Levers>(ledger: L) {
    let ends = [Outcome::HandedIn, Outcome::Failed, Outcome::Refused, Outcome::Undelivered];
    for (n, outcome) in (1..).zip(ends) {
        accepted(&ledger, request(n, "ann", 1)).await;
        let lease = claim(&ledger, at(10)).await.unwrap().lease;
        ledger.finish(lease, ended(outcome), Vec::new()).await.unwrap();
    }
    for n in 5..=7 {
        accepted(&ledger, request(n, "ann", 1)).await;
    }
    ledger.cancel(id(5), at(20), cancelled(5)).await.unwrap();
    claim(&ledger, at(20)).await.unwrap();
    let listed = async |show, before: Option<u64>, limit| {
        let page = ledger.tasks(TaskPage { before: before.map(id), limit, show }).await.unwrap();
        page.iter().map(|task| task.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(Show::Dead, None, 9).await, [id(4), id(3), id(2)]);
    assert_eq!(listed(Show::Dead, Some(4), 1).await, [id(3)]);
    assert_eq!(listed(Show::Open, None, 9).await, [id(7), id(6)]);
    assert_eq!(listed(Show::Open, Some(7), 9).await, [id(6)]);
    assert_eq!(listed(Show::All, None, 99).await.len(), 7);
}

async fn what_is_not_there_does_not_move<L: Ledger + FlowQueue + Levers>(ledger: L) {
    assert!(ledger.standing(id(1)).await.unwrap().is_none());
    assert_eq!(ledger.reopen(reopening(1, 1, &[])).await.unwrap(), Moved::No);
    assert_eq!(ledger.cancel(id(1), at(1), cancelled(1)).await.unwrap(), Moved::No);
    assert_eq!(ledger.events_after(0, 9).await.unwrap(), []);
}

fn id(n: u64) -> TaskId {
    TaskId::from_parts(n, 7)
}

fn ended(outcome: Outcome) -> Closing {
    Closing { outcome, at: at(40), notification: None }
}

/// A retry at 50 s that has ten minutes.
fn reopening(n: u64, after_attempt: u32, keep: &[&str]) -> Reopening {
    let retried = TaskRetried { attempt: after_attempt + 1, ..TaskRetried::default() };
    Reopening {
        id: id(n),
        after_attempt,
        keep: keep.iter().map(|step| (*step).to_owned()).collect(),
        at: at(50),
        deadline_at: at(50).plus(Duration::from_secs(600)),
        event: event(n, Payload::TaskRetried(retried)),
    }
}

fn cancelled(n: u64) -> shared_types::Envelope {
    event(n, Payload::TaskFinished(TaskFinished { outcome: "cancelled".to_owned(), ..TaskFinished::default() }))
}

#[track_caller]
fn check_lost(answer: Result<(), LeaseError>) {
    assert!(matches!(answer, Err(LeaseError::Lost { .. })), "{answer:?}");
}
