//! Flows over a real broker: the ledger and its lender on one host, two runners' queues on others.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod broker;
mod deployment;
mod rebuilt;

use std::time::Duration;

use event_bus::nats::EngineOptions;
use ports::testing::TokioClock;
use ports::testing::conformance::{self, event, request, step};
use ports::{
    Claim, Closing, FlowQueue as _, LeaseError, Ledger as _, Levers as _, Moved, Reopening, TaskUpdate, WorkerId,
};
use shared_types::events::StepStarted;
use shared_types::http::{Outcome, TaskState};
use shared_types::{Payload, Timestamp};

use self::deployment::Deployment;

const LEASE: Duration = Duration::from_secs(30);

/// More than a broker ever takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn at(seconds: u64) -> Timestamp {
    TokioClock::EPOCH.plus(Duration::from_secs(seconds))
}

/// Claims do not wait at the broker.
fn at_once() -> EngineOptions {
    EngineOptions { claim_wait: Duration::ZERO, ..EngineOptions::default() }
}

async fn claim(hosts: &Deployment, now: Timestamp) -> Option<Claim> {
    hosts.claim(&WorkerId("runner".to_owned()), now, LEASE).await.unwrap()
}

#[tokio::test]
async fn the_queue_conforms() {
    conformance::shared_flow_queue(async || Deployment::start(at_once())).await;
}

/// Whatever the ledger was told before a restart of its host is not told again, and what it missed is.
#[tokio::test]
async fn a_lender_that_starts_anew_goes_on() {
    let hosts = Deployment::start(at_once());
    hosts.accept(request(1, "ann", 1)).await.unwrap();
    let lease = claim(&hosts, at(10)).await.unwrap().lease;
    let told = |n| event(1, Payload::StepStarted(StepStarted { step: format!("step-{n}"), attempt: n }));
    hosts.record(lease, step("prepare"), TaskUpdate::default(), vec![told(1)]).await.unwrap();
    assert_eq!(hosts.task_events(lease.task, 0, 9).await.unwrap().len(), 2);
    hosts.restart_lender().await;
    let update = TaskUpdate { notes: vec!["a note".to_owned()], ..TaskUpdate::default() };
    hosts.record(lease, step("generate"), update, Vec::new()).await.unwrap();

    assert!(claim(&hosts, at(20)).await.is_none(), "it is still the first runner's");
    let task = hosts.task(lease.task).await.unwrap().unwrap();
    assert_eq!((task.state, task.notes), (TaskState::Running, vec!["a note".to_owned()]));
    assert_eq!(hosts.task_events(lease.task, 0, 9).await.unwrap().len(), 2);
    hosts.release(lease, at(20), Vec::new()).await.unwrap();
    let journal = claim(&hosts, at(30)).await.unwrap().journal;
    assert_eq!(journal, [step("prepare"), step("generate")]);
}

/// An offer that the broker gives to nobody any more would block its repository for good.
#[tokio::test]
async fn a_dead_letter_is_buried() {
    let quick = EngineOptions { ack_wait: Duration::from_millis(100), max_deliver: 1, ..at_once() };
    let hosts = Deployment::start(quick);
    for (n, round) in [(1, 1), (2, 2)] {
        hosts.accept(request(n, "ann", round)).await.unwrap();
    }
    // Nobody's clock says that the first runner is silent: it is the broker that has had enough.
    let claim = async |now| hosts.claim(&WorkerId("runner".to_owned()), now, LEASE * 1000).await.unwrap();
    let zombie = claim(at(0)).await.unwrap().lease;
    let next = async {
        let mut now = at(0);
        loop {
            now = now.plus(Duration::from_secs(10));
            if let Some(next) = claim(now).await {
                return next;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let next = tokio::time::timeout(PATIENCE, next).await.unwrap();
    assert_ne!(next.lease.task, zombie.task);
    let dead = hosts.task(zombie.task).await.unwrap().unwrap();
    assert_eq!((dead.state, dead.outcome), (TaskState::Finished, Some(Outcome::Failed)));
    let lost = hosts.append(zombie, Vec::new()).await;
    assert!(matches!(lost, Err(LeaseError::Lost { .. })), "{lost:?}");
}

/// A runner that waits at the broker sees a lease end meanwhile. One that goes by the time at which it began to wait
/// sends the offer away again and again, until it is a dead letter.
#[tokio::test]
async fn a_lease_that_ends_during_a_claim_is_seen_to_end() {
    let ack_wait = Duration::from_millis(300);
    let hosts =
        Deployment::start(EngineOptions { ack_wait, claim_wait: Duration::from_secs(3), ..EngineOptions::default() });
    hosts.accept(request(1, "ann", 1)).await.unwrap();
    let claim = async || hosts.claim(&WorkerId("runner".to_owned()), at(10), Duration::from_secs(1)).await.unwrap();
    let silent = claim().await.unwrap().lease;
    let next = claim().await.unwrap().lease;
    assert_eq!((next.task, next.epoch > silent.epoch), (silent.task, true));
}

/// What an operator ends is nobody's any more, although its runner was not told; a new attempt is done by whoever is
/// free, from what the ledger keeps, and not from what the earlier one left at the broker.
#[tokio::test]
async fn a_cancelled_flow_is_called_back_and_may_be_begun_anew() {
    let hosts = Deployment::start(at_once());
    hosts.accept(request(1, "ann", 1)).await.unwrap();
    let first = claim(&hosts, at(10)).await.unwrap().lease;
    hosts.record(first, step("prepare"), TaskUpdate::default(), Vec::new()).await.unwrap();
    hosts.record(first, step("generate"), TaskUpdate::default(), Vec::new()).await.unwrap();
    hosts.ledger().await.cancel(first.task, at(20), ended(1, 1)).await.unwrap();

    // Its lease at the ledger is kept no longer; what it writes from then on is refused.
    assert!(claim(&hosts, at(40)).await.is_none());
    let lost = hosts.heartbeat(first, at(70)).await;
    assert!(matches!(lost, Err(LeaseError::Lost { .. })), "{lost:?}");
    let reopening = Reopening {
        id: first.task,
        after_attempt: 1,
        keep: vec!["prepare".to_owned()],
        at: at(50),
        deadline_at: at(650),
        event: ended(1, 2),
    };
    assert_eq!(hosts.ledger().await.reopen(reopening).await.unwrap(), Moved::Yes);
    // Not before the lease that the ledger had lent would have ended.
    assert!(claim(&hosts, at(60)).await.is_none());
    let again = claim(&hosts, at(200)).await.unwrap();
    assert_eq!((again.journal.as_slice(), again.task.attempt.number), (&[step("prepare")][..], 2));
    let closing = Closing { outcome: Outcome::HandedIn, at: at(210), notification: Some(b"{}".to_vec()) };
    hosts.finish(again.lease, closing, Vec::new()).await.unwrap();
    let task = hosts.task(first.task).await.unwrap().unwrap();
    assert_eq!((task.state, task.outcome), (TaskState::Finished, Some(Outcome::HandedIn)));
    assert!(claim(&hosts, at(300)).await.is_none());
}

/// The `n`th thing that happens to the request `id`.
fn ended(id: u64, n: u32) -> shared_types::Envelope {
    event(id, Payload::StepStarted(StepStarted { step: format!("lever-{n}"), attempt: n }))
}
