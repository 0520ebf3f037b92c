//! What several hosts share, over a real broker.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use event_bus::nats::{Broker as Connection, Engine, EngineOptions, Options, RemoteRuns, RunsService, SharedBlobs};
use ports::testing::{MemoryLedger, conformance};
use ports::{Blobs as _, HealthPart as _, NewRun, OverCap, RunEnd, RunId, RunLedger, SpendCaps, Verdict};
use shared_types::http::{PartState, RunStatus, RunUnit};
use shared_types::{TaskId, Timestamp, TraceId};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::nats::{Broker, free_port};

/// Brokers that live as long as the test.
#[derive(Default)]
struct Brokers(Mutex<Vec<(Broker, TempDir)>>);

impl Brokers {
    fn start(&self) -> Arc<Connection> {
        let data = tempfile::tempdir().unwrap();
        let broker = Broker::start(data.path(), free_port());
        let port = broker.port;
        self.0.lock().unwrap().push((broker, data));
        connection(port)
    }
}

pub(crate) fn connection(port: u16) -> Arc<Connection> {
    let url = format!("nats://127.0.0.1:{port}");
    Arc::new(Connection::new(Options::new(url.into())).unwrap())
}

fn engine(connection: Arc<Connection>) -> Arc<Engine> {
    Arc::new(Engine::new(connection, EngineOptions::default()))
}

#[tokio::test]
async fn the_blobs_conform() {
    let brokers = Brokers::default();
    conformance::blobs(async || SharedBlobs::new(engine(brokers.start()))).await;
}

#[tokio::test]
async fn a_blob_of_one_host_is_there_for_another() {
    let brokers = Brokers::default();
    let first = brokers.start();
    let port = brokers.0.lock().unwrap()[0].0.port;
    let (one, two) = (SharedBlobs::new(engine(first)), SharedBlobs::new(engine(connection(port))));
    let bytes = Bytes::from(vec![7; 3 << 20]);
    let digest = one.put(bytes.clone()).await.unwrap();
    assert_eq!(two.get(&digest).await.unwrap(), bytes);
    assert_eq!(two.put(bytes).await.unwrap(), digest);
}

#[tokio::test]
async fn what_is_missing_is_made_by_whoever_comes_first() {
    let brokers = Brokers::default();
    let first = brokers.start();
    let port = brokers.0.lock().unwrap()[0].0.port;
    let engines: Vec<_> = [first, connection(port), connection(port)].into_iter().map(engine).collect();
    for made in futures::future::join_all(engines.iter().map(|engine| engine.prepare())).await {
        made.unwrap();
    }
    assert_eq!(engines[2].look().await.state, PartState::Up);
}

#[tokio::test]
async fn a_broker_that_is_away_is_a_reason_to_ask_again() {
    let engine = engine(connection(free_port()));
    let error = engine.prepare().await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{error:?}");
    let part = engine.look().await;
    assert_eq!((part.name.as_str(), part.state, part.needed), ("work", PartState::Degraded, false));
}

/// A ledger of calls, and whoever asks it from elsewhere.
fn runs(connection: &Arc<Connection>) -> (Arc<Counted>, RemoteRuns, DropGuard) {
    let (ledger, stop) = (Arc::new(Counted::default()), CancellationToken::new());
    tokio::spawn(RunsService::new(connection.clone(), ledger.clone()).run(stop.clone()));
    (ledger, RemoteRuns::new(connection.clone()), stop.drop_guard())
}

/// Calls as a ledger in memory counts them.
#[derive(Default)]
struct Counted {
    ledger: MemoryLedger,
    settled: Mutex<Vec<(RunId, RunEnd)>>,
}

#[async_trait]
impl RunLedger for Counted {
    async fn begin(&self, run: NewRun, caps: SpendCaps) -> Result<Result<RunId, OverCap>, ports::Error> {
        self.ledger.begin(run, caps).await
    }

    async fn settle(&self, id: RunId, end: RunEnd) -> Result<(), ports::Error> {
        self.settled.lock().unwrap().push((id, end));
        Ok(())
    }

    async fn close_interrupted(&self) -> Result<u32, ports::Error> {
        Ok(0)
    }
}

#[tokio::test]
async fn calls_of_other_hosts_are_reserved_and_settled_where_the_ledger_is() {
    let brokers = Brokers::default();
    let connection = brokers.start();
    let (ledger, remote, _stop) = runs(&connection);
    let run = |reserve_micro_usd| NewRun {
        started_at: Timestamp::from_unix_ms(0),
        task: TaskId::from_parts(1, 7),
        trace_id: TraceId::from_random(1),
        alias: "app-generator".to_owned(),
        model: "m-1".to_owned(),
        template: "app".to_owned(),
        prompt_hash: "0".repeat(64),
        unit: RunUnit::Tokens,
        reserve_micro_usd,
    };
    let caps = SpendCaps { per_task: Some(100), ..SpendCaps::default() };
    // The first question may come before anybody listens: nothing is spent then, and it is asked again.
    let id = loop {
        match remote.begin(run(60), caps).await {
            Ok(begun) => break begun.unwrap(),
            Err(error) => assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{error:?}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let over = remote.begin(run(60), caps).await.unwrap().unwrap_err();
    assert_eq!((over.counted_micro_usd, over.asked_micro_usd), (60, 60));
    let end = RunEnd {
        status: RunStatus::Ok,
        input: 10,
        cached_input: 0,
        output: 5,
        cost_micro_usd: Some(7),
        counted_micro_usd: 7,
        price_version: None,
        latency: std::time::Duration::from_millis(12),
        first_token: None,
        error: None,
    };
    remote.settle(id, end.clone()).await.unwrap();
    assert_eq!(*ledger.settled.lock().unwrap(), [(id, end)]);
}
