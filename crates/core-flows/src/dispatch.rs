//! Lends flows to runners on other hosts, and writes what they did into the ledger.
//!
//! The ledger decides: a flow is taken from its queue as a runner of this process would take it, and stays taken while
//! a [`Fleet`] carries it about. Reports come back in order, each at least once; what the ledger has of them already
//! is left out, by the name of a step and the id of an event. So whatever breaks off here goes on after a restart:
//! what was out is taken again and offered again, which the fleet refuses while it is still out.
//!
//! Flows whose runner went silent are offered anew, and those that no runner gets any more are closed as failed.

mod lent;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ports::{
    Blobs, Clock, Closing, DeadLetter, Dossier, Error, ErrorChain, Fleet, FlowQueue, Ids, LastKnown, LeaseError,
    Ledger, Offer, Offered, Report, TaskRecord, TaskUpdate, Verdict, WorkerId,
};
use shared_types::events::{Subject, TaskFinished};
use shared_types::http::{Outcome, TaskState};
use shared_types::{CheckReport, Digest, Envelope, Payload, TaskId, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use self::lent::{Due, Lent, Write};
use crate::relay;

/// Reports read at once.
const BATCH: u32 = 256;

/// How long to wait for a report or a wake-up: covers one that got lost.
const IDLE: Duration = Duration::from_secs(1);

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Flows offered in one go, so that reports do not wait for long.
const OFFERS: usize = 64;

/// Offers that may fail before the fleet is taken to be away.
const MAX_FAILURES: u32 = 3;

/// Flows that are out at once: each takes some kilobytes here.
const MAX_OUT: usize = 10_000;

/// Events of a flow that are looked through for repeats: far more than a flow has.
const MAX_EVENTS: u32 = 10_000;

/// This process holds the ledger alone, and takes back at its start what it lent: no lease of its own runs out.
const FOR_GOOD: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

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
        self.write(reports).await?;
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

    /// Writes reports into the ledger, in order.
    async fn write(&mut self, reports: Vec<Report>) -> Result<(), Error> {
        let Some(last) = reports.last().map(|report| report.seq) else { return Ok(()) };
        for report in reports {
            self.write_one(report).await?;
            self.outbox.wake();
        }
        if let Some(place) = &mut self.reports {
            self.ports.ledger.advance(&place.reader, last).await?;
            place.cursor = last;
        }
        Ok(())
    }

    async fn write_one(&mut self, report: Report) -> Result<(), Error> {
        let (task, seq) = (report.task, report.seq);
        if !self.lent.contains_key(&task) && self.is_open(task).await? {
            self.take(self.ports.clock.now(), usize::MAX).await?;
        }
        // A flow that cannot be taken was given back or ended by a later report, which the ledger has.
        let Some(lent) = self.lent.get_mut(&task) else {
            debug!(event = "report.known", task_id = %task, seq, "a report that the ledger has already");
            return Ok(());
        };
        let lease = lent.lease;
        let queue = &self.ports.queue;
        let (written, ends) = match lent.read(report) {
            Write::Nothing => return Ok(()),
            Write::Step { step, update, events } => {
                for picture in pictures(&update) {
                    keep(self.ports.shared.as_ref(), self.ports.blobs.as_ref(), &picture).await;
                }
                (queue.record(lease, step, *update, events).await, false)
            }
            Write::Events(events) => (queue.append(lease, events).await, false),
            Write::Back { not_before, events } => (queue.release(lease, not_before, events).await, true),
            Write::End { closing, events } => (queue.finish(lease, closing, events).await, true),
        };
        match written {
            Ok(()) => {}
            Err(LeaseError::Queue(error)) => return Err(error),
            Err(lost @ LeaseError::Lost { .. }) => {
                error!(event = "report.refused", task_id = %task, seq, error = %lost, "the ledger did not take a report");
            }
        }
        if ends {
            self.lent.remove(&task);
        }
        Ok(())
    }

    async fn is_open(&self, task: TaskId) -> Result<bool, Error> {
        let known = self.ports.ledger.task(task).await?;
        Ok(known.is_some_and(|task| task.state != TaskState::Finished))
    }

    /// Takes what may run, offers it, and looks after what is out.
    async fn lend(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.letters_at.is_none_or(|at| now.since(at) >= LETTERS_EVERY) {
            self.letters_at = Some(now);
            for letter in self.ports.fleet.dead_letters().await? {
                self.bury(letter, now).await?;
            }
        }
        self.take(now, MAX_OUT).await?;
        let mut failures = 0;
        for (task, due) in self.due(now) {
            let offered = self.offer(task, due).await;
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

    async fn offer(&self, task: TaskId, due: Due) -> Result<Offered, Error> {
        let Some(offer) = self.pack(task).await? else { return Ok(Offered::OutAlready) };
        match due {
            Due::Offer => self.ports.fleet.offer(&offer).await,
            Due::Anew => {
                warn!(event = "flow.silent", task_id = %task, "a runner went silent; its flow is offered anew");
                self.ports.fleet.offer_anew(&offer).await
            }
        }
    }

    /// Takes flows from the ledger until none may run, or `most` are out.
    async fn take(&mut self, now: Timestamp, most: usize) -> Result<(), Error> {
        while self.lent.len() < most {
            let Some(claim) = self.ports.queue.claim(&self.worker, now, FOR_GOOD).await? else { return Ok(()) };
            let events = self.ports.ledger.task_events(claim.lease.task, 0, MAX_EVENTS).await?;
            self.lent.insert(claim.lease.task, Lent::new(claim, events));
        }
        Ok(())
    }

    /// What a runner is told of a flow; its attachments are where runners find them.
    async fn pack(&self, task: TaskId) -> Result<Option<Offer>, Error> {
        let Some(lent) = self.lent.get(&task) else { return Ok(None) };
        let Some(record) = self.ports.ledger.task(task).await? else { return Ok(None) };
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

    /// Closes a flow that runners took again and again. The closing comes back as a report.
    async fn bury(&self, letter: DeadLetter, now: Timestamp) -> Result<(), Error> {
        let Some(task) = self.ports.ledger.task(letter.task).await? else {
            error!(event = "flow.unknown", task_id = %letter.task, "a dead letter is of no task in this ledger");
            return Ok(());
        };
        warn!(event = "flow.dead_letter", task_id = %letter.task, "no runner brought a flow to its end; it is closed");
        let closing = Closing { outcome: Outcome::Failed, at: now, notification: None };
        let reason = "dispatch: runners took it up again and again, and none came to its end".to_owned();
        let outcome = Outcome::Failed.as_str().to_owned();
        let ended = Payload::TaskFinished(TaskFinished { outcome, reason, ..TaskFinished::default() });
        let event = Envelope::new(self.ports.ids.event_id(), now, &subject(&task), ended);
        self.ports.fleet.bury(letter, closing, vec![event]).await
    }
}

fn subject(task: &TaskRecord) -> Subject {
    Subject { id: task.id, name: task.task.clone(), round: task.round, trace_id: task.trace_id.clone() }
}

fn pictures(update: &TaskUpdate) -> Vec<Digest> {
    let of = |report: &CheckReport| [report.screenshot.clone(), report.phone_screenshot.clone()];
    update.report.as_ref().map(of).into_iter().flatten().flatten().collect()
}

/// Copies what people will want to see after the fleet has forgotten it.
async fn keep(shared: &dyn Blobs, own: &dyn Blobs, digest: &Digest) {
    if own.holds(digest) {
        return;
    }
    let kept = match shared.get(digest).await {
        Ok(bytes) => own.put(bytes).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        warn!(event = "blob.not_kept", error = %ErrorChain(&error), "a screenshot could not be copied");
    }
}
