//! What runners reported, written into the ledger: of one flow in order, of different flows at once, since writes that wait
//! for the same disk share a commit.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use ports::{Blobs, Error, ErrorChain, LeaseError, Report, TaskUpdate};
use shared_types::http::TaskState;
use shared_types::{CheckReport, Digest, TaskId};
use tracing::{debug, warn};

use super::lent::{Lent, Write};
use super::{Ports, Service};

/// Flows that are written at once.
const AT_ONCE: usize = 64;

/// A flow after reports about it.
struct Written {
    task: TaskId,
    /// While it is out.
    lent: Option<Lent>,
    /// Reports that were not written: the ledger refused one, or the flow came back.
    rest: Vec<Report>,
}

impl Service {
    /// Writes reports into the ledger.
    pub(super) async fn write(&mut self, reports: Vec<Report>) -> Result<(), Error> {
        let Some(last) = reports.last().map(|report| report.seq) else { return Ok(()) };
        let mut of_flows: BTreeMap<TaskId, Vec<Report>> = BTreeMap::new();
        for report in reports {
            of_flows.entry(report.task).or_default().push(report);
        }
        for task in of_flows.keys() {
            self.take_if_open(*task).await?;
        }
        let (ports, lent) = (&self.ports, &mut self.lent);
        let writing = of_flows.into_iter().map(|(task, reports)| write_all(ports, task, lent.remove(&task), reports));
        let writing: Vec<_> = writing.collect();
        let written: Vec<Written> = stream::iter(writing).buffer_unordered(AT_ONCE).try_collect().await?;
        for Written { task, lent, rest } in written {
            if let Some(lent) = lent {
                self.lent.insert(task, lent);
            }
            if !rest.is_empty() {
                self.write_rest(task, rest).await?;
            }
        }
        self.outbox.wake();
        if let Some(place) = &mut self.reports {
            self.ports.ledger.advance(&place.reader, last).await?;
            place.cursor = last;
        }
        Ok(())
    }

    /// Reports of which the ledger refused the first, or that came after one that gave their flow back.
    async fn write_rest(&mut self, task: TaskId, reports: Vec<Report>) -> Result<(), Error> {
        self.lost(task).await?;
        // Our lease had run out: taken anew, its reports still count.
        self.take_if_open(task).await?;
        let written = write_all(&self.ports, task, self.lent.remove(&task), reports).await?;
        if let Some(lent) = written.lent {
            self.lent.insert(task, lent);
        }
        Ok(())
    }

    async fn take_if_open(&mut self, task: TaskId) -> Result<(), Error> {
        if self.lent.contains_key(&task) {
            return Ok(());
        }
        let known = self.ports.ledger.task(task).await?;
        if known.is_some_and(|task| task.state != TaskState::Finished) {
            self.take(self.ports.clock.now(), usize::MAX).await?;
        }
        Ok(())
    }
}

async fn write_all(ports: &Ports, task: TaskId, lent: Option<Lent>, reports: Vec<Report>) -> Result<Written, Error> {
    // A flow that cannot be taken was given back or ended by a later report, which the ledger has.
    let Some(mut lent) = lent else {
        debug!(event = "report.known", task_id = %task, seq = reports.last().map(|r| r.seq), "reports that the ledger has");
        return Ok(Written { task, lent: None, rest: Vec::new() });
    };
    let mut reports = reports.into_iter();
    while let Some(report) = reports.next() {
        let seq = report.seq;
        match write_one(ports, &mut lent, report.clone()).await {
            Ok(true) => {}
            Ok(false) => return Ok(Written { task, lent: None, rest: reports.collect() }),
            Err(LeaseError::Queue(error)) => return Err(error),
            Err(lost @ LeaseError::Lost { .. }) => {
                warn!(event = "report.refused", task_id = %task, seq, error = %lost, "the ledger did not take a report");
                return Ok(Written { task, lent: Some(lent), rest: std::iter::once(report).chain(reports).collect() });
            }
        }
    }
    Ok(Written { task, lent: Some(lent), rest: Vec::new() })
}

/// Whether the flow is still out afterwards.
async fn write_one(ports: &Ports, lent: &mut Lent, report: Report) -> Result<bool, LeaseError> {
    let (lease, queue) = (lent.lease, &ports.queue);
    match lent.read(report) {
        Write::Nothing => Ok(true),
        Write::Step { step, update, events } => {
            for picture in pictures(&update) {
                keep(ports.shared.as_ref(), ports.blobs.as_ref(), &picture).await;
            }
            queue.record(lease, step, *update, events).await.map(|()| true)
        }
        Write::Events(events) => queue.append(lease, events).await.map(|()| true),
        Write::Back { not_before, events } => queue.release(lease, not_before, events).await.map(|()| false),
        Write::End { closing, events } => queue.finish(lease, closing, events).await.map(|()| false),
    }
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
