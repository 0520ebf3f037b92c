//! Answers first and writes later.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{
    Acceptance, Claim, Closing, Error, FlowQueue, Lease, LeaseError, Ledger, NewTask, QueueDepth, StepRecord, TaskPage,
    TaskRecord, TaskUpdate, WorkerId,
};
use shared_types::http::NotificationAttempt;
use shared_types::{Envelope, TaskId, Timestamp};
use tokio::sync::Mutex;

/// How much later: long enough for a kill in between.
const LATER: Duration = Duration::from_millis(500);

/// A ledger with one of two mistakes.
pub(crate) struct Ledgers {
    inner: Arc<dyn Ledger>,
    hasty: bool,
}

impl Ledgers {
    /// Says that it has accepted, and accepts later.
    pub(crate) fn hasty(inner: Arc<dyn Ledger>) -> Self {
        Self { inner, hasty: true }
    }

    /// Does not know of earlier attempts where it cannot look them up, as whoever takes itself for the holder.
    pub(crate) fn forgetful(inner: Arc<dyn Ledger>) -> Self {
        Self { inner, hasty: false }
    }
}

#[async_trait]
impl Ledger for Ledgers {
    async fn accept(&self, new: NewTask) -> Result<Acceptance, Error> {
        if !self.hasty {
            return self.inner.accept(new).await;
        }
        let answer = self.inner.preview(&new).await?;
        let inner = self.inner.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LATER).await;
            inner.accept(new).await
        });
        Ok(answer)
    }

    async fn preview(&self, new: &NewTask) -> Result<Acceptance, Error> {
        self.inner.preview(new).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskRecord>, Error> {
        self.inner.task(id).await
    }

    async fn tasks(&self, page: TaskPage) -> Result<Vec<TaskRecord>, Error> {
        self.inner.tasks(page).await
    }

    async fn earlier_rounds(&self, id: TaskId) -> Result<Vec<TaskRecord>, Error> {
        self.inner.earlier_rounds(id).await
    }

    async fn task_events(&self, id: TaskId, after: u64, limit: u32) -> Result<Vec<Envelope>, Error> {
        self.inner.task_events(id, after, limit).await
    }

    async fn events_after(&self, after: u64, limit: u32) -> Result<Vec<Envelope>, Error> {
        self.inner.events_after(after, limit).await
    }

    async fn cursor(&self, reader: &str) -> Result<u64, Error> {
        self.inner.cursor(reader).await
    }

    async fn advance(&self, reader: &str, seq: u64) -> Result<(), Error> {
        self.inner.advance(reader, seq).await
    }

    async fn notification_attempts(&self, id: TaskId) -> Result<Vec<NotificationAttempt>, Error> {
        let attempts = self.inner.notification_attempts(id).await;
        if self.hasty { attempts } else { Ok(attempts.unwrap_or_default()) }
    }

    async fn notification(&self, id: TaskId) -> Result<Option<Bytes>, Error> {
        self.inner.notification(id).await
    }

    async fn add_events(&self, id: TaskId, happened: Vec<Envelope>) -> Result<(), Error> {
        self.inner.add_events(id, happened).await
    }
}

/// A step's outcome on its way to the journal.
type Unwritten = (Lease, StepRecord, TaskUpdate, Vec<Envelope>);

/// A queue that keeps what is to be journaled until the commit is published, and says that it has written it.
pub(crate) struct WriteBehind {
    inner: Arc<dyn FlowQueue>,
    unwritten: Mutex<HashMap<TaskId, Vec<Unwritten>>>,
}

impl WriteBehind {
    pub(crate) fn new(inner: Arc<dyn FlowQueue>) -> Self {
        Self { inner, unwritten: Mutex::default() }
    }

    async fn catch_up(&self, lease: Lease) -> Result<(), LeaseError> {
        let unwritten = self.unwritten.lock().await.remove(&lease.task).unwrap_or_default();
        for (lease, step, update, events) in unwritten {
            self.inner.record(lease, step, update, events).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl FlowQueue for WriteBehind {
    async fn adopt_orphans(&self) -> Result<u32, Error> {
        self.inner.adopt_orphans().await
    }

    async fn claim(&self, worker: &WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Claim>, Error> {
        self.inner.claim(worker, now, lease).await
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), LeaseError> {
        self.inner.heartbeat(lease, until).await
    }

    async fn record(
        &self,
        lease: Lease,
        step: StepRecord,
        update: TaskUpdate,
        events: Vec<Envelope>,
    ) -> Result<(), LeaseError> {
        if matches!(step.step.as_str(), "publish" | "pages" | "confirm" | "notify") {
            self.catch_up(lease).await?;
            return self.inner.record(lease, step, update, events).await;
        }
        self.unwritten.lock().await.entry(lease.task).or_default().push((lease, step, update, events));
        Ok(())
    }

    async fn append(&self, lease: Lease, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.inner.append(lease, events).await
    }

    async fn release(&self, lease: Lease, not_before: Timestamp, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.catch_up(lease).await?;
        self.inner.release(lease, not_before, events).await
    }

    async fn finish(&self, lease: Lease, closing: Closing, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.catch_up(lease).await?;
        self.inner.finish(lease, closing, events).await
    }

    async fn depth(&self) -> Result<QueueDepth, Error> {
        self.inner.depth().await
    }
}
