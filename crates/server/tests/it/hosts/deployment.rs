//! Three hosts as the suite sees them: one ledger that is also a queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use core_flows::{dispatch, relay};
use event_bus::nats::{EngineOptions, JetArchive, JetFleet, JetQueue, SharedBlobs};
use ports::testing::{CountingIds, TokioClock};
use ports::{
    Acceptance, Claim, Closing, Error, FlowQueue, Lease, LeaseError, Ledger, NewTask, QueueDepth, StepRecord, TaskPage,
    TaskRecord, TaskUpdate, WorkerId,
};
use shared_types::http::NotificationAttempt;
use shared_types::{Envelope, TaskId, Timestamp};
use storage::Store;
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::broker::Broker;

/// A ledger and its lender, and two runners' queues that claim in turn. The ledger answers once it has all reports.
pub(super) struct Deployment {
    store: Arc<Store>,
    fleet: Arc<JetFleet>,
    shared: Arc<SharedBlobs>,
    dispatch: Mutex<dispatch::Service>,
    runners: [JetQueue; 2],
    claims: AtomicUsize,
    /// Who holds which lease.
    holders: Mutex<Vec<(Lease, usize)>>,
    broker: Broker,
    folder: TempDir,
}

impl Deployment {
    pub(super) fn start(options: EngineOptions) -> Self {
        let (broker, folder) = (Broker::start(), tempfile::tempdir().unwrap());
        let store = Arc::new(Store::open(storage::Options::new(folder.path())).unwrap());
        let engine = broker.engine(options);
        let fleet = Arc::new(JetFleet::new(engine.clone()));
        let shared = Arc::new(SharedBlobs::new(engine));
        let dispatch = Mutex::new(lender(&store, &fleet, &shared));
        let runners = [JetQueue::new(broker.engine(options)), JetQueue::new(broker.engine(options))];
        Self {
            store,
            fleet,
            shared,
            dispatch,
            runners,
            claims: AtomicUsize::new(0),
            holders: Mutex::default(),
            broker,
            folder,
        }
    }

    /// The ledger once it has all that runners did.
    pub(super) async fn ledger(&self) -> Arc<Store> {
        let last = self.fleet.last_report().await.unwrap();
        self.dispatch.lock().await.catch_up(last).await.unwrap();
        self.store.clone()
    }

    /// The host with the ledger starts anew.
    pub(super) async fn restart_lender(&self) {
        *self.dispatch.lock().await = lender(&self.store, &self.fleet, &self.shared);
    }

    /// Copies at the same broker.
    pub(super) fn archive(&self) -> JetArchive {
        JetArchive::new(self.broker.engine(EngineOptions::default()), self.shared.clone())
    }

    /// The host with the ledger comes back with another one, in `folder`.
    pub(super) async fn replace_ledger(&mut self, store: Arc<Store>, folder: TempDir) {
        (self.store, self.folder) = (store, folder);
        self.restart_lender().await;
    }

    /// The queue of whoever holds `lease`; the first for one that nobody was given.
    async fn holder(&self, lease: Lease) -> &JetQueue {
        let holders = self.holders.lock().await;
        let holder = holders.iter().find(|(held, _)| *held == lease).map_or(0, |(_, holder)| *holder);
        &self.runners[holder]
    }
}

/// Silent is who is silent at all.
fn lender(store: &Arc<Store>, fleet: &Arc<JetFleet>, shared: &Arc<SharedBlobs>) -> dispatch::Service {
    let ports = dispatch::Ports {
        ledger: store.clone(),
        queue: store.clone(),
        last_known: Arc::new(store.last_known()),
        blobs: Arc::new(store.blobs()),
        fleet: fleet.clone(),
        shared: shared.clone(),
        clock: Arc::new(TokioClock::new()),
        ids: Arc::new(CountingIds::default()),
    };
    let options = dispatch::Options { grace: Duration::ZERO, ..dispatch::Options::default() };
    dispatch::Service::new(options, ports, relay::Handle::default(), WorkerId("lender".to_owned()))
}

#[async_trait]
impl FlowQueue for Deployment {
    async fn adopt_orphans(&self) -> Result<u32, Error> {
        self.runners[0].adopt_orphans().await
    }

    async fn claim(&self, worker: &WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Claim>, Error> {
        let last = self.fleet.last_report().await?;
        self.dispatch.lock().await.turn(last, now).await?;
        let holder = self.claims.fetch_add(1, Ordering::Relaxed) % self.runners.len();
        let claim = self.runners[holder].claim(worker, now, lease).await?;
        if let Some(claim) = &claim {
            self.holders.lock().await.push((claim.lease, holder));
        }
        Ok(claim)
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), LeaseError> {
        self.holder(lease).await.heartbeat(lease, until).await
    }

    async fn record(
        &self,
        lease: Lease,
        step: StepRecord,
        update: TaskUpdate,
        events: Vec<Envelope>,
    ) -> Result<(), LeaseError> {
        self.holder(lease).await.record(lease, step, update, events).await
    }

    async fn append(&self, lease: Lease, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.holder(lease).await.append(lease, events).await
    }

    async fn release(&self, lease: Lease, not_before: Timestamp, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.holder(lease).await.release(lease, not_before, events).await
    }

    async fn finish(&self, lease: Lease, closing: Closing, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.holder(lease).await.finish(lease, closing, events).await
    }

    async fn depth(&self) -> Result<QueueDepth, Error> {
        self.ledger().await.depth().await
    }
}

#[async_trait]
impl Ledger for Deployment {
    async fn accept(&self, new: NewTask) -> Result<Acceptance, Error> {
        self.store.accept(new).await
    }

    async fn preview(&self, new: &NewTask) -> Result<Acceptance, Error> {
        self.store.preview(new).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskRecord>, Error> {
        self.ledger().await.task(id).await
    }

    async fn tasks(&self, page: TaskPage) -> Result<Vec<TaskRecord>, Error> {
        self.ledger().await.tasks(page).await
    }

    async fn earlier_rounds(&self, id: TaskId) -> Result<Vec<TaskRecord>, Error> {
        self.ledger().await.earlier_rounds(id).await
    }

    async fn task_events(&self, id: TaskId, after: u64, limit: u32) -> Result<Vec<Envelope>, Error> {
        self.ledger().await.task_events(id, after, limit).await
    }

    async fn events_after(&self, after: u64, limit: u32) -> Result<Vec<Envelope>, Error> {
        self.ledger().await.events_after(after, limit).await
    }

    async fn cursor(&self, reader: &str) -> Result<u64, Error> {
        self.store.cursor(reader).await
    }

    async fn advance(&self, reader: &str, seq: u64) -> Result<(), Error> {
        self.store.advance(reader, seq).await
    }

    async fn notification_attempts(&self, id: TaskId) -> Result<Vec<NotificationAttempt>, Error> {
        self.ledger().await.notification_attempts(id).await
    }

    async fn notification(&self, id: TaskId) -> Result<Option<Bytes>, Error> {
        self.ledger().await.notification(id).await
    }

    async fn add_events(&self, id: TaskId, happened: Vec<Envelope>) -> Result<(), Error> {
        self.store.add_events(id, happened).await
    }
}
