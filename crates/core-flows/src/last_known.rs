//! Keeps a copy of what finding the repositories of tasks again takes, for the day on which the ledger is lost.
//!
//! Reads the outbox from a cursor of its own, so what happened while it did not run is caught up with, also for flows
//! that ran on other hosts. A failure holds up nobody: it is tried again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ports::{Error, ErrorChain, KnownSite, LastKnown, Ledger, TaskRecord, TenantKey};
use shared_types::{Payload, TaskId};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::relay;

/// Its place in the outbox.
const READER: &str = "last-known";

/// Events read at once, and so the most that one write of the copy covers.
const BATCH: u32 = 256;

/// How long it sleeps when nobody wakes it.
const IDLE: Duration = Duration::from_secs(5);

/// Between two writes of the copy, which is written as a whole.
const REST: Duration = Duration::from_secs(1);

/// After a failure.
const PAUSE: Duration = Duration::from_secs(30);

/// Writes the copy until it is stopped.
pub struct Service {
    ledger: Arc<dyn Ledger>,
    known: Arc<dyn LastKnown>,
    handle: relay::Handle,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LastKnown").finish_non_exhaustive()
    }
}

impl Service {
    /// A copy of what `ledger` says, in `known`.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, known: Arc<dyn LastKnown>) -> Self {
        Self { ledger, known, handle: relay::Handle::default() }
    }

    /// Wakes it.
    #[must_use]
    pub fn handle(&self) -> relay::Handle {
        self.handle.clone()
    }

    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            let pause = match self.catch_up(&shutdown).await {
                Ok(()) => IDLE,
                Err(error) => {
                    let wait_ms = PAUSE.as_millis() as u64;
                    let error = ErrorChain(&error);
                    warn!(event = "last_known.delayed", wait_ms, %error, "what was last known is not up to date");
                    PAUSE
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.handle.woken(), if pause == IDLE => {}
                () = tokio::time::sleep(pause) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(REST) => {}
            }
        }
    }

    async fn catch_up(&self, shutdown: &CancellationToken) -> Result<(), Error> {
        let mut cursor = self.ledger.cursor(READER).await?;
        loop {
            let events = self.ledger.events_after(cursor, BATCH).await?;
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(()) };
            let ended = events.iter().filter(|event| matches!(event.payload, Some(Payload::TaskFinished(_))));
            let ended: Vec<TaskId> = ended.filter_map(|event| event.task_id()).collect();
            let sites = self.sites(&ended).await?;
            if !sites.is_empty() {
                self.known.remember(sites).await?;
            }
            self.ledger.advance(READER, last).await?;
            cursor = last;
            if shutdown.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Those of the tasks that were published, in this order.
    async fn sites(&self, ended: &[TaskId]) -> Result<Vec<KnownSite>, Error> {
        let (mut sites, mut seen) = (Vec::new(), BTreeSet::new());
        for id in ended.iter().filter(|id| seen.insert(**id)) {
            sites.extend(self.ledger.task(*id).await?.and_then(site));
        }
        Ok(sites)
    }
}

fn site(task: TaskRecord) -> Option<KnownSite> {
    Some(KnownSite {
        tenant: TenantKey::of(&task.email),
        task: task.task,
        request: task.id,
        round: task.round,
        repo: task.repo,
        repo_url: task.repo_url?,
        commit: task.commit_sha?,
        pages_url: task.pages_url,
        at: task.finished_at?,
    })
}
