//! Offers of flows, over a real broker.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use event_bus::nats::{Engine, EngineOptions, JetFleet, JetQueue};
use ports::testing::conformance::request;
use ports::testing::{MemoryLedger, TokioClock};
use ports::{Dossier, Fleet as _, FlowQueue as _, Ledger as _, Offer, Offered, WorkerId};

use crate::nats::{Broker, free_port};
use crate::shared::connection;

/// A broker that is killed may come back with an offer that was answered: its runners' consumer remembers the answer, so
/// that nobody gets the offer again, and the stream still has it.
#[tokio::test]
async fn an_offer_that_outlived_its_flow_is_not_in_the_way() {
    let data = tempfile::tempdir().unwrap();
    let broker = Broker::start(data.path(), free_port());
    let engine = Arc::new(Engine::new(connection(broker.port), EngineOptions::default()));
    let (fleet, queue) = (JetFleet::new(engine.clone()), JetQueue::new(engine));
    let ledger = MemoryLedger::new();
    let new = request(1, "ann", 1);
    let (id, now) = (new.id, TokioClock::EPOCH);
    ledger.accept(new).await.unwrap();
    let task = ledger.task(id).await.unwrap().unwrap();
    let offer = |number| {
        let (earlier, journal, attempts) = Default::default();
        let dossier = Dossier { task: task.clone(), earlier, journal, attempts, last_known: None };
        Offer { task: task.id, repo: task.repo.clone(), number, dossier }
    };
    let claim = async || queue.claim(&WorkerId("runner".to_owned()), now, Duration::from_secs(30)).await.unwrap();

    assert_eq!(fleet.offer(&offer(1)).await.unwrap(), Offered::Out);
    let client = async_nats::connect(format!("127.0.0.1:{}", broker.port)).await.unwrap();
    let client = jetstream::new(client);
    let kept = client.get_stream("SITEWRIGHT_WORK_V1").await.unwrap().get_raw_message(1).await.unwrap();
    let lease = claim().await.unwrap().lease;
    assert_eq!(fleet.offer(&offer(2)).await.unwrap(), Offered::InTheWay, "its runner is at work");
    queue.release(lease, now, Vec::new()).await.unwrap();

    client.publish(kept.subject, kept.payload).await.unwrap().await.unwrap();
    assert_eq!(fleet.offer(&offer(2)).await.unwrap(), Offered::Out);
    assert_eq!(fleet.offer(&offer(2)).await.unwrap(), Offered::OutAlready);
    assert_eq!(claim().await.unwrap().lease.task, id);
}
