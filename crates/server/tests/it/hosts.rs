//! Flows over a real broker: the ledger and its lender on one host, two runners' queues on others.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod broker;
mod deployment;

use std::time::Duration;

use event_bus::nats::EngineOptions;
use ports::testing::TokioClock;
use ports::testing::conformance::{self, event, request, step};
use ports::{Claim, FlowQueue as _, LeaseError, Ledger as _, TaskUpdate, WorkerId};
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

async fn claim(hosts: &Deployment, now: Timestamp) -> Option<Claim> {
    hosts.claim(&WorkerId("runner".to_owned()), now, LEASE).await.unwrap()
}

#[tokio::test]
async fn the_queue_conforms() {
    conformance::shared_flow_queue(async || Deployment::start(EngineOptions::default())).await;
}

/// Whatever the ledger was told before a restart of its host is not told again, and what it missed is.
#[tokio::test]
async fn a_lender_that_starts_anew_goes_on() {
    let hosts = Deployment::start(EngineOptions::default());
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
    let quick = EngineOptions { ack_wait: Duration::from_millis(100), max_deliver: 1, ..EngineOptions::default() };
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
