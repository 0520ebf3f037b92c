//! The ledger and the queue of flows over one SQLite database.

mod copies;
mod levers;
mod oblivion;
mod runs;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{
    Acceptance, Bucket, Claim, Closing, Count, FlowQueue, Lease, LeaseError, Ledger, NewTask, OverLimit, QueueDepth,
    RateBuckets, StepRecord, TaskPage, TaskRecord, TaskUpdate, WorkerId,
};
use rusqlite::Connection;
use shared_types::http::NotificationAttempt;
use shared_types::{Envelope, TaskId, Timestamp};

use crate::checkpoint::Checkpointer;
use crate::reader::Readers;
use crate::sql::{Fault, accept, events, flows, rates, tasks};
use crate::timing::timed;
use crate::windows::LastWindows;
use crate::writer::{Operation, Writer};
use crate::{Error, FileBlobs, Flush, LastKnownFile, connection, folder, migrate, soundness};

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Holds the database, the blobs and the lock; made, for the owner alone, where it is missing.
    pub data_dir: PathBuf,
    /// Connections to read with; at least one.
    pub readers: u32,
    /// When a commit reaches the disk.
    pub flush: Flush,
}

impl Options {
    /// The defaults for `data_dir`: four readers, and no answer before its commit is on the disk.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), readers: 4, flush: Flush::default() }
    }
}

/// An open data folder. Close it with [`Store::close`]; a dropped one closes too, but blocks the
/// thread that drops it while it does.
#[derive(Debug)]
pub struct Store {
    // Dropped before the writer, whose connection shall be the last, so that it can fold the log
    // into the database.
    readers: Readers,
    writer: Arc<Writer>,
    blobs: FileBlobs,
    windows: LastWindows,
    last_known: LastKnownFile,
    data_dir: PathBuf,
}

impl Store {
    /// Takes the folder's lock, brings the schema up to date and starts the writer. Blocks for
    /// some milliseconds.
    ///
    /// # Errors
    /// The folder is in use, or its database is broken, altered or newer than this program.
    pub fn open(options: Options) -> Result<Self, Error> {
        let Options { data_dir, readers, flush } = options;
        let lock = folder::lock(&data_dir)?;
        let blobs = FileBlobs::open(&data_dir)?;
        soundness::check_before_open(&data_dir)?;
        let path = folder::create_database_file(&data_dir)?;
        let mut connection = connection::open_writer(&path, flush).map_err(soundness::explained)?;
        soundness::check_open(&connection, &path)?;
        migrate::migrate(&mut connection, migrate::MIGRATIONS)?;
        let windows = rates::last_windows(&connection).map_err(|source| Error::Open { path: path.clone(), source })?;
        let windows = LastWindows::new(windows);
        let readers = Readers::open(&path, readers)?;
        let writer = Arc::new(Writer::start(connection, Checkpointer::start(&path)?, lock)?);
        let last_known = LastKnownFile::new(&data_dir);
        Ok(Self { readers, writer, blobs, windows, last_known, data_dir })
    }

    /// The blobs of the same folder.
    #[must_use]
    pub fn blobs(&self) -> FileBlobs {
        self.blobs.clone()
    }

    /// What is known of tasks beside the ledger, in the same folder.
    #[must_use]
    pub fn last_known(&self) -> LastKnownFile {
        self.last_known.clone()
    }

    /// Says in the lock's file where the service that works here is reached, such as `http://127.0.0.1:8080/`, for
    /// [`crate::holder`].
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn announce(&self, address: &str) -> Result<(), Error> {
        folder::announce(&self.data_dir, address)
    }

    /// The folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Finishes the writes that wait, folds the log into the database and frees the folder. Calls
    /// after this one fail with [`Error::Closed`].
    ///
    /// # Errors
    /// The runtime ended before the folder was free.
    pub async fn close(&self) -> Result<(), Error> {
        self.readers.close();
        let writer = Arc::clone(&self.writer);
        tokio::task::spawn_blocking(move || writer.stop()).await.map_err(|_| Error::Closed)
    }

    /// One tiny read and one tiny write.
    pub(crate) async fn probe(&self) -> Result<(), Error> {
        self.read("probe", "reading", |db| Ok(events::cursor(db, "").map(|_| ())?)).await?;
        self.write("probe", "writing", |db| Ok(flows::probe(db)?)).await
    }

    async fn read<T, F>(&self, verb: &'static str, object: impl ToString, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        timed(verb, self.readers.read(Operation::new(verb, object), work)).await
    }

    async fn write<T, F>(&self, verb: &'static str, object: impl ToString, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        timed(verb, self.writer.write(Operation::new(verb, object), work)).await
    }
}

#[async_trait]
impl Ledger for Store {
    async fn accept(&self, new: NewTask) -> Result<Acceptance, ports::Error> {
        self.windows.note(&new.takes, new.accepted_at);
        Ok(self.write("accept task", new.id, move |db| accept::accept(db, &new)).await?)
    }

    async fn preview(&self, new: &NewTask) -> Result<Acceptance, ports::Error> {
        let asked = accept::Question::of(new);
        Ok(self.read("preview task", new.id, move |db| Ok(accept::preview(db, &asked)?)).await?)
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskRecord>, ports::Error> {
        Ok(self.read("read task", id, move |db| Ok(tasks::by_id(db, id)?)).await?)
    }

    async fn tasks(&self, page: TaskPage) -> Result<Vec<TaskRecord>, ports::Error> {
        Ok(self.read("list tasks", "", move |db| Ok(tasks::page(db, page)?)).await?)
    }

    async fn earlier_rounds(&self, id: TaskId) -> Result<Vec<TaskRecord>, ports::Error> {
        Ok(self.read("read the rounds before task", id, move |db| Ok(tasks::earlier_rounds(db, id)?)).await?)
    }

    async fn task_events(&self, id: TaskId, after: u64, limit: u32) -> Result<Vec<Envelope>, ports::Error> {
        Ok(self.read("read events of task", id, move |db| Ok(events::of_task(db, id, after, limit)?)).await?)
    }

    async fn events_after(&self, after: u64, limit: u32) -> Result<Vec<Envelope>, ports::Error> {
        Ok(self.read("read events after", after, move |db| Ok(events::after(db, after, limit)?)).await?)
    }

    async fn cursor(&self, reader: &str) -> Result<u64, ports::Error> {
        let name = reader.to_owned();
        Ok(self.read("read cursor", reader, move |db| Ok(events::cursor(db, &name)?)).await?)
    }

    async fn advance(&self, reader: &str, seq: u64) -> Result<(), ports::Error> {
        let name = reader.to_owned();
        Ok(self.write("advance cursor", reader, move |db| Ok(events::advance(db, &name, seq)?)).await?)
    }

    async fn notification_attempts(&self, id: TaskId) -> Result<Vec<NotificationAttempt>, ports::Error> {
        Ok(self.read("read attempts of task", id, move |db| Ok(events::notification_attempts(db, id)?)).await?)
    }

    async fn notification(&self, id: TaskId) -> Result<Option<Bytes>, ports::Error> {
        let body = self.read("read notification of task", id, move |db| Ok(tasks::notification(db, id)?)).await?;
        Ok(body.map(Bytes::from))
    }

    async fn add_events(&self, id: TaskId, happened: Vec<Envelope>) -> Result<(), ports::Error> {
        Ok(self.write("add events of task", id, move |db| Ok(events::add(db, id, &happened)?)).await?)
    }
}

#[async_trait]
impl RateBuckets for Store {
    async fn counts(&self, buckets: Vec<Bucket>, now: Timestamp) -> Result<Vec<Count>, ports::Error> {
        if !self.windows.may_run(&buckets, now) {
            return Ok(vec![Count::default(); buckets.len()]);
        }
        Ok(self.read("read rates", "", move |db| Ok(rates::counts(db, &buckets, now)?)).await?)
    }

    async fn take(&self, buckets: Vec<Bucket>, now: Timestamp) -> Result<Result<(), OverLimit>, ports::Error> {
        self.windows.note(&buckets, now);
        let work = move |db: &Connection| {
            let admitted = rates::full(db, &buckets, now)?;
            if admitted.is_ok() {
                rates::add(db, &buckets, now)?;
            }
            Ok(admitted)
        };
        Ok(self.write("count rates", "", work).await?)
    }
}

#[async_trait]
impl FlowQueue for Store {
    async fn adopt_orphans(&self) -> Result<u32, ports::Error> {
        let count = self.write("adopt orphans", "", |db| Ok(flows::adopt_orphans(db)?)).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn claim(&self, worker: &WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Claim>, ports::Error> {
        let worker = worker.clone();
        Ok(self.write("claim a flow", "", move |db| Ok(flows::claim(db, &worker, now, lease)?)).await?)
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), LeaseError> {
        Ok(self.write("keep the lease of flow", lease.task, move |db| flows::heartbeat(db, lease, until)).await?)
    }

    async fn record(
        &self,
        lease: Lease,
        step: StepRecord,
        update: TaskUpdate,
        happened: Vec<Envelope>,
    ) -> Result<(), LeaseError> {
        let work = move |db: &Connection| flows::record(db, lease, &step, &update, &happened);
        Ok(self.write("journal a step of flow", lease.task, work).await?)
    }

    async fn append(&self, lease: Lease, happened: Vec<Envelope>) -> Result<(), LeaseError> {
        Ok(self.write("add events of flow", lease.task, move |db| flows::append(db, lease, &happened)).await?)
    }

    async fn release(&self, lease: Lease, not_before: Timestamp, happened: Vec<Envelope>) -> Result<(), LeaseError> {
        let work = move |db: &Connection| flows::release(db, lease, not_before, &happened);
        Ok(self.write("release flow", lease.task, work).await?)
    }

    async fn finish(&self, lease: Lease, closing: Closing, happened: Vec<Envelope>) -> Result<(), LeaseError> {
        let work = move |db: &Connection| flows::finish(db, lease, &closing, &happened);
        Ok(self.write("finish flow", lease.task, work).await?)
    }

    async fn depth(&self) -> Result<QueueDepth, ports::Error> {
        Ok(self.read("count flows", "", |db| Ok(flows::depth(db)?)).await?)
    }
}
