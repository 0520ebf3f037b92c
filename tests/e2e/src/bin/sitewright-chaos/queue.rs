//! The queue of flows, where every step begins and ends.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use e2e::chaos::plan::Moment;
use ports::{Claim, Closing, Error, FlowQueue, Lease, LeaseError, QueueDepth, StepRecord, TaskUpdate, WorkerId};
use shared_types::{Envelope, Payload, Timestamp};

use crate::striker::{Place, Striker};

pub(crate) struct StruckQueue {
    pub(crate) inner: Arc<dyn FlowQueue>,
    pub(crate) striker: Arc<Striker>,
}

/// Which round of which task events are about.
fn place(events: &[Envelope]) -> Option<Place> {
    let task = events.first()?.task.as_ref()?;
    Some(Place { task: task.name.clone(), round: task.round })
}

/// The step whose first try begins with these events.
fn started(events: &[Envelope]) -> Option<String> {
    events.iter().find_map(|event| match &event.payload {
        Some(Payload::StepStarted(started)) if started.attempt == 1 => Some(started.step.clone()),
        _ => None,
    })
}

/// The last step of a plan is one commit, and leaves no record.
const LAST: &str = "record";

#[async_trait]
impl FlowQueue for StruckQueue {
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
        let (place, next, name) = (place(&events), started(&events), step.step.clone());
        if let Some(place) = &place {
            self.striker.at(place, &name, Moment::Done);
        }
        self.inner.record(lease, step, update, events).await?;
        if let Some(place) = &place {
            self.striker.at(place, &name, Moment::Journaled);
            if let Some(next) = next {
                self.striker.begun(place, &next);
            }
        }
        Ok(())
    }

    async fn append(&self, lease: Lease, events: Vec<Envelope>) -> Result<(), LeaseError> {
        let begun = place(&events).zip(started(&events));
        self.inner.append(lease, events).await?;
        if let Some((place, step)) = begun {
            self.striker.begun(&place, &step);
        }
        Ok(())
    }

    async fn release(&self, lease: Lease, not_before: Timestamp, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.inner.release(lease, not_before, events).await
    }

    async fn finish(&self, lease: Lease, closing: Closing, events: Vec<Envelope>) -> Result<(), LeaseError> {
        let place = place(&events);
        if let Some(place) = &place {
            self.striker.at(place, LAST, Moment::Done);
        }
        self.inner.finish(lease, closing, events).await?;
        if let Some(place) = &place {
            self.striker.at(place, LAST, Moment::Journaled);
        }
        Ok(())
    }

    async fn depth(&self) -> Result<QueueDepth, Error> {
        self.inner.depth().await
    }
}
