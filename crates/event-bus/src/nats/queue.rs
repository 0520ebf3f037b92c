//! The queue of flows over the broker: claims, leases and the journal of a host that has no ledger.
//!
//! A claim takes an offer, reads the lines of its flow, and adds the line that makes the flow its own. Every further
//! write is a line after the last one it knows; being refused there means that somebody else has the flow. The offer
//! stays with the broker until the flow is given back or ended: while it does, no other flow of the repository is
//! offered. A heartbeat tells the broker that the offer is still worked on; a runner that says nothing loses it to the
//! next one.

mod held;
mod ledger;
mod story;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use async_trait::async_trait;
use futures::StreamExt as _;
use ports::{
    Claim, Closing, Did, Dossier, ErrorChain, FlowQueue, Lease, LeaseError, QueueDepth, StepRecord, TaskUpdate,
    WorkerId,
};
use shared_types::{Envelope, Epoch, TaskId, Timestamp};

use self::held::Held;
pub use self::ledger::QueueLedger;
use self::story::Standing;
pub(super) use self::story::Story;
use super::log::{self, Added};
use super::wire::{Entry, Work};
use super::{Engine, SharedBlobs, names};
use crate::Error;

/// Offers that one claim puts aside before it says that there is nothing.
const MAX_PUT_ASIDE: usize = 16;

/// An offer that cannot be taken up comes again after this, until it is a dead letter.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// An offer that is still somebody's comes again after this at the earliest: each coming counts towards a dead letter.
const AGAIN_AT_FIRST: Duration = Duration::from_millis(100);

/// A claim that does not wait. While others claim as well the broker may keep it waiting all the same, for so long.
const NO_WAIT: Duration = Duration::from_millis(250);

/// A flow that this process holds, as its writers share it.
type Hold = Arc<tokio::sync::Mutex<Held>>;

/// Flows from the broker.
#[derive(Debug)]
pub struct JetQueue {
    engine: Arc<Engine>,
    blobs: SharedBlobs,
    held: Mutex<HashMap<TaskId, Hold>>,
}

impl JetQueue {
    /// Over `engine`.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { blobs: SharedBlobs::new(Arc::clone(&engine)), engine, held: Mutex::default() }
    }

    /// The next offer, when there is one.
    async fn next(&self) -> Result<Option<Message>, Error> {
        let operation = "ask for work";
        let wait = self.engine.options.claim_wait;
        self.engine
            .at_within(self.engine.broker.patience() + wait, operation, async |place| {
                let asked = if wait.is_zero() {
                    place.runners.fetch().max_messages(1).expires(NO_WAIT).messages().await
                } else {
                    place.runners.batch().max_messages(1).expires(wait).messages().await
                };
                let mut messages = asked.map_err(Error::at(operation))?;
                messages.next().await.transpose().map_err(Error::of(operation))
            })
            .await
    }

    /// The flow of an offer, unless it is somebody's, has ended, or was offered anew.
    async fn take(
        &self,
        message: Message,
        worker: &WorkerId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<Claim>, Error> {
        let operation = "read an offer";
        let work: Work = serde_json::from_slice(&message.payload).map_err(Error::unreadable(operation))?;
        let story = Story::of(log::read(&self.engine, &self.blobs, work.task).await?, work.since);
        match story.standing(work.offer, now) {
            Standing::Free => {}
            Standing::Over => {
                answer(&message, AckKind::Ack).await;
                return Ok(None);
            }
            Standing::Held { wait } => {
                let wait = wait.min(self.engine.options.ack_wait).max(AGAIN_AT_FIRST);
                answer(&message, AckKind::Nak(Some(wait))).await;
                return Ok(None);
            }
        }
        let dossier = self.blobs.load(&work.dossier).await?;
        let dossier: Dossier = serde_json::from_slice(&dossier).map_err(Error::unreadable(operation))?;
        let delivery = message.info().map_err(Error::of(operation))?.consumer_sequence;
        let (epoch, until) = (Epoch(story.claims + 1), now.plus(lease));
        // Of this delivery alone, so that two who take at once are told apart.
        let mark = format!("{}.{}.{delivery}", work.task, worker.0);
        let entry = Entry { offer: work.offer, epoch, did: Did::Claimed { until } };
        let last = match log::add(&self.engine, &self.blobs, work.task, &mark, entry, story.last).await? {
            Added::At(seq) => seq,
            // Another one was faster, or its holder still lives: what it wrote is found at the next look.
            Added::Overtaken(_) => {
                answer(&message, AckKind::Nak(Some(AGAIN_AFTER))).await;
                return Ok(None);
            }
        };
        let journal = story.journal(&dossier);
        let task = story.task(&dossier);
        let attempts = story.attempts(&dossier);
        let known = (dossier.earlier, attempts, dossier.last_known);
        let held = Held::new(work.offer, epoch, (mark, last), (until, lease), &journal, known, message);
        self.all_held().insert(work.task, Arc::new(tokio::sync::Mutex::new(held)));
        Ok(Some(Claim { lease: Lease { task: work.task, epoch }, task, journal }))
    }

    /// Adds a line as the holder of `lease`.
    async fn write(&self, lease: Lease, did: Did) -> Result<(), LeaseError> {
        let hold = self.hold(lease)?;
        let mut held = hold.lock().await;
        if held.epoch != lease.epoch || held.refuses(&did) {
            return Err(lost(lease));
        }
        let (id, mut after) = held.next_id();
        let mut tries = 0;
        loop {
            tries += 1;
            let entry = Entry { offer: held.offer, epoch: held.epoch, did: did.clone() };
            match log::add(&self.engine, &self.blobs, lease.task, &id, entry, after).await {
                Ok(Added::At(seq)) => {
                    held.took(seq, &did);
                    return Ok(());
                }
                // A line of ours whose acknowledgement was lost.
                Ok(Added::Overtaken(Some(last))) if tries == 1 && held.may_have_written(&last) => after = last.seq,
                Ok(Added::Overtaken(_)) => {
                    self.forget(lease, &hold);
                    return Err(lost(lease));
                }
                Err(error) => {
                    held.doubt(id);
                    return Err(LeaseError::Queue(error.into()));
                }
            }
        }
    }

    /// The last line, and then the answer for the offer: the flow is somebody else's affair.
    async fn write_last(&self, lease: Lease, did: Did) -> Result<(), LeaseError> {
        let hold = self.hold(lease)?;
        self.write(lease, did).await?;
        self.forget(lease, &hold);
        // Confirmed, so that the repository is free when this returns.
        let held = hold.lock().await;
        let confirmed = tokio::time::timeout(self.engine.broker.patience(), held.message.double_ack()).await;
        if !confirmed.is_ok_and(|confirmed| confirmed.is_ok()) {
            tracing::warn!(
                event = "offer.unanswered",
                error = "no confirmation",
                "the broker could not be told about an offer"
            );
        }
        Ok(())
    }

    fn hold(&self, lease: Lease) -> Result<Hold, LeaseError> {
        self.all_held().get(&lease.task).cloned().ok_or_else(|| lost(lease))
    }

    /// This process may have taken the flow anew since: that stays.
    fn forget(&self, lease: Lease, hold: &Hold) {
        let mut all = self.all_held();
        if all.get(&lease.task).is_some_and(|held| Arc::ptr_eq(held, hold)) {
            all.remove(&lease.task);
        }
    }

    fn all_held(&self) -> MutexGuard<'_, HashMap<TaskId, Hold>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FlowQueue for JetQueue {
    /// None: what another host holds is its own until it goes silent.
    async fn adopt_orphans(&self) -> Result<u32, ports::Error> {
        self.engine.prepare().await?;
        Ok(0)
    }

    async fn claim(&self, worker: &WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Claim>, ports::Error> {
        let asked_at = tokio::time::Instant::now();
        for _ in 0..MAX_PUT_ASIDE {
            let Some(message) = self.next().await? else { return Ok(None) };
            // A lease may have ended while the broker let us wait.
            let now = now.plus(asked_at.elapsed());
            let (later, place) = (message.clone(), message.info().map(|info| info.stream_sequence).unwrap_or(0));
            match self.take(message, worker, now, lease).await {
                Ok(Some(claim)) => return Ok(Some(claim)),
                Ok(None) => {}
                Err(error) => {
                    let wait_ms = AGAIN_AFTER.as_millis() as u64;
                    tracing::error!(
                        event = "offer.put_aside", offer = place, wait_ms, error = %ErrorChain(&error),
                        "an offer could not be taken up and comes again"
                    );
                    answer(&later, AckKind::Nak(Some(AGAIN_AFTER))).await;
                }
            }
        }
        Ok(None)
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), LeaseError> {
        let hold = self.hold(lease)?;
        let (alive, ended) = {
            let held = hold.lock().await;
            (answer(&held.message, AckKind::Progress).await, held.ended_before(until))
        };
        match self.write(lease, Did::Kept { until }).await {
            // Nobody knows any more that we hold it: others may have taken it up.
            Err(LeaseError::Queue(_)) if ended => {
                self.forget(lease, &hold);
                Err(lost(lease))
            }
            Ok(()) if !alive => Err(LeaseError::Queue(ports::Error::again("the broker was not told of the heartbeat"))),
            done => done,
        }
    }

    async fn record(
        &self,
        lease: Lease,
        step: StepRecord,
        update: TaskUpdate,
        events: Vec<Envelope>,
    ) -> Result<(), LeaseError> {
        self.write(lease, Did::Recorded { step, update: Box::new(update), events }).await
    }

    async fn append(&self, lease: Lease, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.write(lease, Did::Told { events }).await
    }

    async fn release(&self, lease: Lease, not_before: Timestamp, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.write_last(lease, Did::Released { not_before, events }).await
    }

    async fn finish(&self, lease: Lease, closing: Closing, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.write_last(lease, Did::Finished { closing, events }).await
    }

    /// What lies at the broker: flows that the ledger has not offered yet are not counted.
    async fn depth(&self) -> Result<QueueDepth, ports::Error> {
        let operation = "count the offers";
        let counted = self.engine.at(operation, async |place| {
            let info = place.work.consumer_info(names::RUNNERS).await.map_err(Error::at(operation))?;
            Ok(QueueDepth { queued: info.num_pending, running: info.num_ack_pending as u64 })
        });
        Ok(counted.await?)
    }
}

/// Tells the broker about an offer, and whether that went out. When it does not arrive, the offer comes again, and
/// whoever gets it finds in the flow's lines how things stand.
async fn answer(message: &Message, kind: AckKind) -> bool {
    let sent = message.ack_with(kind).await;
    if let Err(error) = &sent {
        tracing::warn!(event = "offer.unanswered", %error, "the broker could not be told about an offer");
    }
    sent.is_ok()
}

fn lost(lease: Lease) -> LeaseError {
    LeaseError::Lost { task: lease.task, epoch: lease.epoch }
}
