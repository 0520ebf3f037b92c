//! Keeps copies of the ledger's tasks in an archive: after each thing that happens to a task, its latest copy.
//!
//! It reads the events as a relay does, from a cursor of its own: what is behind the cursor is in the archive. An archive
//! that is away keeps nobody waiting but this part.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ports::{Archive, Attachment, Blobs, Clock, Copying, Error, ErrorChain, HealthPart, Ledger, TaskCopy, Verdict};
use shared_types::http::{Part, PartState};
use shared_types::{Digest, TaskId, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::relay::Handle;

/// The name of its cursor.
pub const READER: &str = "archive";

/// Events read at once, and so the most tasks that are copied together.
const BATCH: u32 = 64;

/// How long to sleep when nobody wakes it: covers a wake-up that got lost.
const IDLE: Duration = Duration::from_secs(1);

/// Between two looks. What happens to a task within it is one copy.
const GATHER: Duration = Duration::from_millis(100);

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Copies that lag further behind are worth a word.
const ALARMING: Duration = Duration::from_secs(30);

/// What the archiving part sees of the world.
#[derive(Clone)]
pub struct Ports {
    /// The events.
    pub ledger: Arc<dyn Ledger>,
    /// The same ledger's tasks.
    pub copying: Arc<dyn Copying>,
    /// The blobs of this host.
    pub blobs: Arc<dyn Blobs>,
    /// Where copies are kept.
    pub archive: Arc<dyn Archive>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// The archiving part: owns the loop.
pub struct Service {
    ports: Ports,
    handle: Handle,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archiving").finish_non_exhaustive()
    }
}

impl Service {
    /// Copies what `ports.ledger` holds.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ports, handle: Handle::default() }
    }

    /// Wakes it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut failures = 0_u32;
        loop {
            let pause = match self.drain(&shutdown).await {
                Ok(()) => {
                    failures = 0;
                    IDLE
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let pause = Duration::from_secs(1 << failures.min(5)).min(LONGEST_PAUSE);
                    let wait_ms = pause.as_millis() as u64;
                    warn!(event = "archive.delayed", failures, wait_ms, error = %ErrorChain(&error), "copies of tasks wait");
                    pause
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.handle.woken(), if failures == 0 => {}
                () = tokio::time::sleep(pause) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(GATHER) => {}
            }
        }
    }

    /// Copies all tasks with events behind the cursor.
    ///
    /// # Errors
    /// The ledger or the archive failed; what was copied stays so.
    pub async fn drain(&self, shutdown: &CancellationToken) -> Result<(), Error> {
        let Ports { ledger, archive, .. } = &self.ports;
        let mut cursor = ledger.cursor(READER).await?;
        loop {
            let events = ledger.events_after(cursor, BATCH).await?;
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(()) };
            let mut tasks: Vec<TaskId> = events.iter().filter_map(shared_types::Envelope::task_id).collect();
            tasks.sort_unstable();
            tasks.dedup();
            let mut copies = Vec::new();
            for task in tasks {
                copies.extend(self.copy(task).await?);
            }
            let count = copies.len();
            archive.keep(copies).await?;
            ledger.advance(READER, last).await?;
            cursor = last;
            debug!(event = "archive.kept", count, cursor, "tasks copied");
            if shutdown.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// The task's copy, with its blobs in the archive; none when it was forgotten meanwhile.
    async fn copy(&self, task: TaskId) -> Result<Option<TaskCopy>, Error> {
        let mut copy = match self.ports.copying.copy_of(task).await {
            Ok(Some(copy)) => copy,
            Ok(None) => return Ok(None),
            // One row that this version cannot read shall not keep all others from being copied.
            Err(error) if error.verdict() == Verdict::GiveUp => {
                error!(event = "archive.unreadable", task_id = %task, error = %ErrorChain(&error), "a task is not copied");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        for digest in named(&copy) {
            if self.is_kept(&digest).await? {
                copy.blobs.push(digest);
            }
        }
        Ok(Some(copy))
    }

    /// Puts a blob of this host into the archive. What only looks like a blob's digest is in neither.
    async fn is_kept(&self, digest: &Digest) -> Result<bool, Error> {
        let Ports { blobs, archive, .. } = &self.ports;
        if archive.holds(digest).await? {
            return Ok(true);
        }
        match blobs.get(digest).await {
            Ok(bytes) => archive.put(bytes).await.map(|()| true),
            Err(error) if error.verdict() == Verdict::GiveUp => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// How far the copies lag behind. Cheap to clone.
#[derive(Clone)]
pub struct Lag {
    /// The events.
    pub ledger: Arc<dyn Ledger>,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lag").finish_non_exhaustive()
    }
}

impl Lag {
    /// When the first thing happened that is not copied.
    async fn since(&self) -> Result<Option<Timestamp>, Error> {
        let cursor = self.ledger.cursor(READER).await?;
        let first = self.ledger.events_after(cursor, 1).await?;
        Ok(first.first().map(|event| Timestamp::from_unix_ms(event.occurred_at_ms)))
    }
}

#[async_trait]
impl HealthPart for Lag {
    async fn look(&self) -> Part {
        let (state, detail) = match self.since().await {
            Ok(Some(since)) if self.clock.now().since(since) > ALARMING => {
                (PartState::Degraded, format!("what happened since {since} is not copied yet: a rebuild would lack it"))
            }
            Ok(_) => (PartState::Up, "the ledger is copied".to_owned()),
            Err(error) => (PartState::Degraded, ErrorChain(&error).to_string()),
        };
        Part { name: "copies".to_owned(), state, needed: false, detail }
    }
}

/// Every text of a task's rows that may be a blob's digest: too many rather than too few.
fn named(copy: &TaskCopy) -> Vec<Digest> {
    let attached = copy.record.attachments.iter().map(|Attachment { sha256, .. }| sha256.clone());
    let report = copy.record.report.as_ref();
    let pictures = report.into_iter().flat_map(|report| [&report.screenshot, &report.phone_screenshot]).flatten();
    let outcomes = copy.journal.iter().flat_map(|step| digests_in(&step.outcome));
    let mut named: Vec<_> = attached.chain(pictures.cloned()).chain(outcomes).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// Runs of exactly 64 hexadecimal digits.
fn digests_in(text: &str) -> impl Iterator<Item = Digest> {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    text.split(move |c: char| !is_digit(c)).filter(|word| word.len() == 64).filter_map(|word| word.parse().ok())
}
