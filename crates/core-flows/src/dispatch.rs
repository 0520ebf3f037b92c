//! Lends flows to runners on other hosts, and writes what they did into the ledger.
//!
//! The ledger decides: a flow is taken from its queue as a runner of this process would take it, and stays taken while
//! a [`Fleet`] carries it about. Reports come back in order, each at least once; what the ledger has of them already
//! is left out, by the name of a step and the id of an event. So whatever breaks off here goes on after a restart:
//! what was out is taken again and offered again, which the fleet refuses while it is still out.
//!
//! Flows whose runner went silent are offered anew, and those that no runner gets any more are closed as failed.

mod ended;
mod lent;
mod reports;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use ports::{
    Blobs, Clock, Dossier, Error, ErrorChain, Fleet, FlowQueue, Ids, LastKnown, Ledger, Offer, Offered, Verdict,
    WorkerId,
};
use shared_types::{Digest, TaskId, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::lent::{Due, Lent};
use crate::relay;

/// Reports read at once.
const BATCH: u32 = 256;

/// How long to wait for a report or a wake-up: covers one that got lost.
const IDLE: Duration = Duration::from_secs(1);

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Flows offered in one go, so that reports do not wait for long.
const OFFERS: usize = 64;

/// Flows that are taken at once.
const TAKEN_AT_ONCE: usize = 32;

/// Offers that are put together at once: each is a handful of questions to the ledger and the broker.
const PACKED_AT_ONCE: usize = 16;

/// Offers that may fail before the fleet is taken to be away.
const MAX_FAILURES: u32 = 3;

/// Flows that are out at once: each takes some kilobytes here.
const MAX_OUT: usize = 10_000;

/// Events of a flow that are looked through for repeats: far more than a flow has.
const MAX_EVENTS: u32 = 10_000;

/// What is lent stays taken for so long. When this process could not keep it, it takes it anew.
const LEASE: Duration = Duration::from_secs(90);

/// How often to look for flows that no runner gets any more.
const LETTERS_EVERY: Duration = Duration::from_secs(10);

/// What an operator may set.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// A runner is silent when its lease has been over for so long: the clocks of two hosts differ.
    pub grace: Duration,
    /// What no runner took within this is offered again, in case the offer was lost.
    pub remind: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { grace: Duration::from_secs(30), remind: Duration::from_secs(60) }
    }
}

/// What the lending part sees of the world. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// What was accepted and what became of it.
    pub ledger: Arc<dyn Ledger>,
    /// The flows of the same ledger.
    pub queue: Arc<dyn FlowQueue>,
    /// What is known of tasks that the ledger does not know.
    pub last_known: Arc<dyn LastKnown>,
    /// Blobs of this host.
    pub blobs: Arc<dyn Blobs>,
    /// The runners on other hosts.
    pub fleet: Arc<dyn Fleet>,
    /// Blobs that they read and write.
    pub shared: Arc<dyn Blobs>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// The lending part: owns the loop.
#[derive(Debug)]
pub struct Service {
    options: Options,
    ports: Ports,
    outbox: relay::Handle,
    handle: relay::Handle,
    worker: WorkerId,
    lent: BTreeMap<TaskId, Lent>,
    reports: Option<Reports>,
    letters_at: Option<Timestamp>,
    kept_at: Option<Timestamp>,
}

/// Where we are in the reports.
#[derive(Debug, Clone)]
struct Reports {
    /// Name of the ledger's cursor.
    reader: String,
    /// The last one that the ledger has.
    cursor: u64,
}

impl Service {
    /// Lends flows; wakes `outbox` after each write. `worker` is a new name each start.
    #[must_use]
    pub fn new(options: Options, ports: Ports, outbox: relay::Handle, worker: WorkerId) -> Self {
        Self {
            options,
            ports,
            outbox,
            handle: relay::Handle::default(),
            worker,
            lent: BTreeMap::new(),
            reports: None,
            letters_at: None,
            kept_at: None,
        }
    }

    /// Says that a flow may be there to be lent.
    #[must_use]
    pub fn handle(&self) -> relay::Handle {
        self.handle.clone()
    }

    /// Runs until `shutdown`; what is out stays out.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut failures = 0_u32;
        while !shutdown.is_cancelled() {
            let pause = match self.go(&shutdown).await {
                Ok(()) => {
                    failures = 0;
                    continue;
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let pause = Duration::from_secs(1 << failures.min(4)).min(LONGEST_PAUSE);
                    let wait_ms = pause.as_millis() as u64;
                    warn!(
                        event = "dispatch.delayed", failures, wait_ms, error = %ErrorChain(&error),
                        "flows for other hosts wait"
                    );
                    pause
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Waits for something to do, and does it.
    async fn go(&mut self, shutdown: &CancellationToken) -> Result<(), Error> {
        let cursor = self.begin().await?;
        let reports = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = self.handle.woken() => Vec::new(),
            reports = self.ports.fleet.reports(cursor, BATCH, IDLE) => reports.inspect_err(|_| self.reports = None)?,
        };
        // What is known of flows here is ahead of a ledger that did not take it: it is read anew.
        self.write(reports).await.inspect_err(|_| self.reports = None)?;
        self.lend(self.ports.clock.now()).await
    }

    /// Takes up the work of an earlier process, or ours after the fleet was away; says how far the ledger has come with the reports.
    async fn begin(&mut self) -> Result<u64, Error> {
        if let Some(reports) = &self.reports {
            return Ok(reports.cursor);
        }
        let reader = format!("fleet:{}", self.ports.fleet.reports_name().await?);
        let count = self.ports.queue.adopt_orphans().await?;
        if count > 0 {
            info!(event = "flows.adopted", count, "flows of an earlier process go on");
        }
        // Everything that may be out is taken before the first report about it is read.
        self.lent.clear();
        self.take(self.ports.clock.now(), usize::MAX).await?;
        let cursor = self.ports.ledger.cursor(&reader).await?;
        self.reports = Some(Reports { reader, cursor });
        Ok(cursor)
    }

    /// Brings the ledger up to the report `seq` and lends what may run at `now`: one turn, for whoever has no loop.
    ///
    /// # Errors
    /// The ledger or the fleet failed.
    pub async fn turn(&mut self, seq: u64, now: Timestamp) -> Result<(), Error> {
        self.catch_up(seq).await?;
        self.lend(now).await
    }

    /// Brings the ledger up to the report `seq`.
    ///
    /// # Errors
    /// The ledger or the fleet failed.
    pub async fn catch_up(&mut self, seq: u64) -> Result<(), Error> {
        while let cursor = self.begin().await?
            && cursor < seq
        {
            let reports = self.ports.fleet.reports(cursor, BATCH, IDLE).await?;
            self.write(reports).await?;
        }
        Ok(())
    }

    /// Takes what may run, offers it, and looks after what is out.
    async fn lend(&mut self, now: Timestamp) -> Result<(), Error> {
        self.keep(now).await?;
        if self.letters_at.is_none_or(|at| now.since(at) >= LETTERS_EVERY) {
            self.letters_at = Some(now);
            for letter in self.ports.fleet.dead_letters().await? {
                self.bury(letter, now).await?;
            }
        }
        self.take(now, MAX_OUT).await?;
        let due = self.due(now);
        let packing = due.into_iter().map(async |(task, due)| (task, due, self.pack(task).await));
        let packed: Vec<_> = stream::iter(packing).buffered(PACKED_AT_ONCE).collect().await;
        let mut failures = 0;
        // One after the other: the oldest shall be the first that a runner gets.
        for (task, due, packed) in packed {
            let offered = match packed {
                Ok(Some(offer)) => self.offer(&offer, due).await,
                Ok(None) => Ok(Offered::OutAlready),
                Err(error) => Err(error),
            };
            if let Some(lent) = self.lent.get_mut(&task) {
                lent.offered(offered.as_ref().is_ok_and(|offered| *offered != Offered::InTheWay), now);
            }
            let Err(error) = offered else { continue };
            // One that cannot be offered shall not keep the others; a fleet that is away is no reason to try each.
            failures += 1;
            if failures == MAX_FAILURES {
                return Err(error);
            }
            warn!(event = "flow.not_offered", task_id = %task, error = %ErrorChain(&error), "a flow could not be offered");
        }
        Ok(())
    }

    fn due(&self, now: Timestamp) -> Vec<(TaskId, Due)> {
        let due = self.lent.iter().filter_map(|(task, lent)| Some((*task, lent.due(&self.options, now)?)));
        due.take(OFFERS).collect()
    }

    async fn offer(&self, offer: &Offer, due: Due) -> Result<Offered, Error> {
        match due {
            Due::Offer => self.ports.fleet.offer(offer).await,
            Due::Anew => {
                warn!(event = "flow.silent", task_id = %offer.task, "a runner went silent; its flow is offered anew");
                self.ports.fleet.offer_anew(offer).await
            }
        }
    }

    /// Takes flows from the ledger until none may run, or `most` are out.
    async fn take(&mut self, now: Timestamp, most: usize) -> Result<(), Error> {
        // One that finds nothing is all that it costs as a rule; where there is more, claims share their commit.
        let mut at_once = 1;
        while self.lent.len() < most {
            let (queue, worker) = (&self.ports.queue, &self.worker);
            let claiming = (0..at_once.min(most - self.lent.len())).map(|_| queue.claim(worker, now, LEASE));
            let claims = join_all(claiming).await;
            let asked = claims.len();
            let mut taken = 0;
            for claim in claims {
                let Some(claim) = claim? else { continue };
                let events = self.ports.ledger.task_events(claim.lease.task, 0, MAX_EVENTS).await?;
                self.lent.insert(claim.lease.task, Lent::new(claim, events));
                taken += 1;
            }
            if taken < asked {
                return Ok(());
            }
            at_once = TAKEN_AT_ONCE;
        }
        Ok(())
    }

    /// What a runner is told of a flow; its attachments are where runners find them.
    async fn pack(&self, task: TaskId) -> Result<Option<Offer>, Error> {
        let Some(lent) = self.lent.get(&task) else { return Ok(None) };
        // One that has ended meanwhile is about to be called back.
        let Some(record) = self.ports.ledger.task(task).await?.filter(|task| !lent.is_over(task)) else {
            return Ok(None);
        };
        let earlier = self.ports.ledger.earlier_rounds(task).await?;
        for attachments in earlier.iter().chain([&record]).map(|record| &record.attachments).collect::<Vec<_>>() {
            for attachment in attachments {
                self.share(&attachment.sha256).await?;
            }
        }
        let attempts = self.ports.ledger.notification_attempts(task).await?;
        let (repo, number) = (record.repo.clone(), lent.lease.epoch.0);
        let journal = lent.journal.clone();
        let last_known = match record.repo_known || record.round.is_first() {
            true => None,
            false => self.ports.last_known.recall(&record).await?,
        };
        let dossier = Dossier { task: record, earlier, journal, attempts, last_known };
        Ok(Some(Offer { task, repo, number, dossier }))
    }

    async fn share(&self, digest: &Digest) -> Result<(), Error> {
        if self.ports.shared.holds(digest) {
            return Ok(());
        }
        match self.ports.blobs.get(digest).await {
            Ok(bytes) => self.ports.shared.put(bytes).await.map(drop),
            // The flow finds out and says so.
            Err(error) if error.verdict() == Verdict::GiveUp => {
                warn!(event = "blob.not_shared", error = %ErrorChain(&error), "runners will lack an attachment");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
