//! The little of the ledger that a flow reads while it runs, on a host that has none.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Acceptance, Error, KnownSite, LastKnown, Ledger, NewTask, TaskPage, TaskRecord};
use shared_types::http::NotificationAttempt;
use shared_types::{Envelope, TaskId};

use super::JetQueue;

/// When to ask again, for whoever is balanced over all hosts.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// What came with the offers of flows that are held now. All else is the affair of the host with the ledger, and is
/// answered with "later".
pub struct QueueLedger {
    queue: Arc<JetQueue>,
}

impl QueueLedger {
    /// Over what `queue` holds.
    #[must_use]
    pub fn new(queue: Arc<JetQueue>) -> Self {
        Self { queue }
    }

    async fn held<T>(&self, task: TaskId, read: impl FnOnce(&super::Held) -> T) -> Result<T, Error> {
        let held = self.queue.all_held().get(&task).cloned().ok_or_else(elsewhere)?;
        let held = held.lock().await;
        Ok(read(&held))
    }
}

impl fmt::Debug for QueueLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueLedger").finish_non_exhaustive()
    }
}

fn elsewhere() -> Error {
    Error::later(ELSEWHERE, "this process works on tasks and has no ledger: ask the host with the role `intake`")
}

#[async_trait]
impl Ledger for QueueLedger {
    async fn accept(&self, _: NewTask) -> Result<Acceptance, Error> {
        Err(elsewhere())
    }

    async fn preview(&self, _: &NewTask) -> Result<Acceptance, Error> {
        Err(elsewhere())
    }

    async fn task(&self, _: TaskId) -> Result<Option<TaskRecord>, Error> {
        Err(elsewhere())
    }

    async fn tasks(&self, _: TaskPage) -> Result<Vec<TaskRecord>, Error> {
        Err(elsewhere())
    }

    /// Of a flow that is held here.
    async fn earlier_rounds(&self, id: TaskId) -> Result<Vec<TaskRecord>, Error> {
        self.held(id, |held| held.earlier.clone()).await
    }

    async fn task_events(&self, _: TaskId, _: u64, _: u32) -> Result<Vec<Envelope>, Error> {
        Err(elsewhere())
    }

    async fn events_after(&self, _: u64, _: u32) -> Result<Vec<Envelope>, Error> {
        Err(elsewhere())
    }

    async fn cursor(&self, _: &str) -> Result<u64, Error> {
        Err(elsewhere())
    }

    async fn advance(&self, _: &str, _: u64) -> Result<(), Error> {
        Err(elsewhere())
    }

    /// Of a flow that is held here.
    async fn notification_attempts(&self, id: TaskId) -> Result<Vec<NotificationAttempt>, Error> {
        self.held(id, |held| held.attempts.clone()).await
    }

    async fn notification(&self, _: TaskId) -> Result<Option<Bytes>, Error> {
        Err(elsewhere())
    }

    async fn add_events(&self, _: TaskId, _: Vec<Envelope>) -> Result<(), Error> {
        Err(elsewhere())
    }
}

#[async_trait]
impl LastKnown for QueueLedger {
    async fn remember(&self, _: Vec<KnownSite>) -> Result<(), Error> {
        Err(elsewhere())
    }

    /// Of a flow that is held here.
    async fn recall(&self, record: &TaskRecord) -> Result<Option<KnownSite>, Error> {
        self.held(record.id, |held| held.last_known.clone()).await
    }
}
