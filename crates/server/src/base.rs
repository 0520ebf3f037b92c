//! What a process stands on: a ledger of its own, or the broker that brings it work from the host that has one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use core_flows::{Ports, archive, dispatch, relay};
use event_bus::nats::{
    Broker, Engine, EngineOptions, JetArchive, JetFleet, JetQueue, QueueLedger, RemoteRuns, RunsService, SharedBlobs,
};
use ports::{
    Blobs, Bucket, Count, Declined, Error, FlowQueue, HealthPart, LastKnown, Ledger, Operator, OverLimit, RateBuckets,
    Repositories, RunLedger, RunPage, RunReader, TaskRecord, WorkerId,
};
use shared_types::http::{Forgotten, ModelRun, ModelRunTotals, NotificationAttempt};
use shared_types::{Digest, Email, TaskId, Timestamp};
use storage::{DatabaseHealth, DiskHealth, FileBlobs, Store};
use ulid::Ulid;

use crate::settings::{Place, Settings};

/// The ports that hold state.
pub(crate) struct Base {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) last_known: Arc<dyn LastKnown>,
    pub(crate) queue: Arc<dyn FlowQueue>,
    pub(crate) rates: Arc<dyn RateBuckets>,
    pub(crate) blobs: Arc<dyn Blobs>,
    /// Where calls of models are written.
    pub(crate) calls: Arc<dyn RunLedger>,
    /// Where people read about them.
    pub(crate) runs: Arc<dyn RunReader>,
    pub(crate) health: Vec<Arc<dyn HealthPart>>,
    /// To be closed at last.
    pub(crate) store: Option<Arc<Store>>,
    /// Copies of the ledger at the broker.
    pub(crate) archive: Option<Arc<JetArchive>>,
    lending: Option<Lending>,
}

/// What it takes to lend flows to other hosts.
struct Lending {
    broker: Arc<Broker>,
    engine: Arc<Engine>,
    shared: Arc<SharedBlobs>,
}

/// The parts that lend flows to other hosts.
pub(crate) struct Lender {
    pub(crate) dispatch: dispatch::Service,
    /// Answers for the ledger of calls.
    pub(crate) runs: RunsService,
}

impl Base {
    /// On the data folder, and with `broker` when flows are lent over it.
    pub(crate) fn of_ledger(
        settings: &Settings,
        store: Arc<Store>,
        broker: Option<Arc<Broker>>,
        options: EngineOptions,
    ) -> Self {
        let mut health: Vec<Arc<dyn HealthPart>> =
            vec![Arc::new(DatabaseHealth::new(store.clone())), Arc::new(DiskHealth::new(&settings.data_dir))];
        let own = store.blobs();
        let at_broker = broker.map(|broker| {
            let engine = Arc::new(Engine::new(broker.clone(), options));
            Lending { broker, shared: Arc::new(SharedBlobs::new(engine.clone())), engine }
        });
        let archive = at_broker.as_ref().map(|at| Arc::new(JetArchive::new(at.engine.clone(), at.shared.clone())));
        let lending = at_broker.filter(|_| settings.place() == Place::Lender);
        health.extend(lending.iter().map(|lending| lending.engine.clone() as Arc<dyn HealthPart>));
        let blobs: Arc<dyn Blobs> = match &lending {
            Some(lending) => Arc::new(OwnThenShared { own, shared: lending.shared.clone() }),
            None => Arc::new(own),
        };
        Self {
            ledger: store.clone(),
            last_known: Arc::new(store.last_known()),
            queue: store.clone(),
            rates: store.clone(),
            blobs,
            calls: store.clone(),
            runs: store.clone(),
            health,
            store: Some(store),
            archive,
            lending,
        }
    }

    /// On `broker` alone: no database, no data that must outlive the process.
    pub(crate) fn of_broker(broker: Arc<Broker>, options: EngineOptions) -> Self {
        let engine = Arc::new(Engine::new(broker.clone(), options));
        let queue = Arc::new(JetQueue::new(engine.clone()));
        let ledger = Arc::new(QueueLedger::new(queue.clone()));
        Self {
            ledger: ledger.clone(),
            last_known: ledger,
            queue,
            rates: Arc::new(Elsewhere),
            blobs: Arc::new(SharedBlobs::new(engine.clone())),
            calls: Arc::new(RemoteRuns::new(broker)),
            runs: Arc::new(Elsewhere),
            health: vec![engine],
            store: None,
            archive: None,
            lending: None,
        }
    }

    /// The part that copies the ledger to the broker, where it shall.
    pub(crate) fn archiving(&self, settings: &Settings) -> Option<archive::Service> {
        let (store, archive) = (self.store.as_ref()?, self.archive.as_ref()?);
        let ports = archive::Ports {
            ledger: store.clone(),
            copying: store.clone(),
            blobs: Arc::new(store.blobs()),
            archive: archive.clone(),
        };
        settings.nats.as_ref().is_some_and(|nats| nats.copy).then(|| archive::Service::new(ports))
    }

    /// The parts that lend, where flows are lent.
    pub(crate) fn lender(&self, ports: &Ports, outbox: &relay::Handle) -> Option<Lender> {
        let Lending { broker, engine, shared } = self.lending.as_ref()?;
        let lending = dispatch::Ports {
            ledger: ports.ledger.clone(),
            queue: ports.queue.clone(),
            last_known: ports.last_known.clone(),
            blobs: ports.blobs.clone(),
            fleet: Arc::new(JetFleet::new(engine.clone())),
            shared: shared.clone(),
            clock: ports.clock.clone(),
            ids: ports.ids.clone(),
        };
        let worker = WorkerId(Ulid::new().to_string());
        let dispatch = dispatch::Service::new(dispatch::Options::default(), lending, outbox.clone(), worker);
        Some(Lender { dispatch, runs: RunsService::new(broker.clone(), self.calls.clone()) })
    }
}

/// Blobs of the data folder, and those that runners on other hosts made.
#[derive(Debug)]
struct OwnThenShared {
    own: FileBlobs,
    shared: Arc<SharedBlobs>,
}

#[async_trait]
impl Blobs for OwnThenShared {
    async fn put(&self, bytes: Bytes) -> Result<Digest, Error> {
        self.own.put(bytes).await
    }

    fn holds(&self, digest: &Digest) -> bool {
        self.own.holds(digest)
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes, Error> {
        match self.own.get(digest).await {
            Ok(bytes) => Ok(bytes),
            // What the folder's own error says is more to the point when neither has it.
            Err(missing) => self.shared.get(digest).await.map_err(|_| missing),
        }
    }
}

/// What only the host with the ledger knows.
#[derive(Debug)]
pub(crate) struct Elsewhere;

fn elsewhere() -> Error {
    const ASK_AGAIN: Duration = Duration::from_secs(5);
    Error::later(ASK_AGAIN, "this process works on tasks and has no ledger: ask the host with the role `intake`")
}

#[async_trait]
impl RateBuckets for Elsewhere {
    async fn counts(&self, _: Vec<Bucket>, _: Timestamp) -> Result<Vec<Count>, Error> {
        Err(elsewhere())
    }

    async fn take(&self, _: Vec<Bucket>, _: Timestamp) -> Result<Result<(), OverLimit>, Error> {
        Err(elsewhere())
    }
}

#[async_trait]
impl Operator for Elsewhere {
    async fn retry(&self, _: TaskId, _: Option<&str>) -> Result<TaskRecord, Declined> {
        Err(elsewhere().into())
    }

    async fn cancel(&self, _: TaskId) -> Result<TaskRecord, Declined> {
        Err(elsewhere().into())
    }

    async fn renotify(&self, _: TaskId) -> Result<NotificationAttempt, Declined> {
        Err(elsewhere().into())
    }

    async fn forget(&self, _: &Email, _: Repositories) -> Result<Forgotten, Declined> {
        Err(elsewhere().into())
    }
}

#[async_trait]
impl RunReader for Elsewhere {
    async fn runs(&self, _: RunPage) -> Result<Vec<ModelRun>, Error> {
        Err(elsewhere())
    }

    async fn run_totals(&self, _: Option<TaskId>) -> Result<ModelRunTotals, Error> {
        Err(elsewhere())
    }
}
