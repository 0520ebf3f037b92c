//! Skips the epoch check: what was lost is taken for written.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ports::{Claim, Closing, Error, FlowQueue, Lease, LeaseError, QueueDepth, StepRecord, TaskUpdate, WorkerId};
use shared_types::{Envelope, Timestamp};

pub(crate) struct Heedless {
    pub(crate) inner: Arc<dyn FlowQueue>,
}

fn as_if_written(written: Result<(), LeaseError>) -> Result<(), LeaseError> {
    match written {
        Err(LeaseError::Lost { .. }) => Ok(()),
        other => other,
    }
}

#[async_trait]
impl FlowQueue for Heedless {
    async fn adopt_orphans(&self) -> Result<u32, Error> {
        self.inner.adopt_orphans().await
    }

    async fn claim(&self, worker: &WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Claim>, Error> {
        self.inner.claim(worker, now, lease).await
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), LeaseError> {
        as_if_written(self.inner.heartbeat(lease, until).await)
    }

    async fn record(
        &self,
        lease: Lease,
        step: StepRecord,
        update: TaskUpdate,
        events: Vec<Envelope>,
    ) -> Result<(), LeaseError> {
        as_if_written(self.inner.record(lease, step, update, events).await)
    }

    async fn append(&self, lease: Lease, events: Vec<Envelope>) -> Result<(), LeaseError> {
        as_if_written(self.inner.append(lease, events).await)
    }

    async fn release(&self, lease: Lease, not_before: Timestamp, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.inner.release(lease, not_before, events).await
    }

    async fn finish(&self, lease: Lease, closing: Closing, events: Vec<Envelope>) -> Result<(), LeaseError> {
        as_if_written(self.inner.finish(lease, closing, events).await)
    }

    async fn depth(&self) -> Result<QueueDepth, Error> {
        self.inner.depth().await
    }
}
