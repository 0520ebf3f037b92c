//! A lost ledger, made anew of what lies elsewhere.
//!
//! Three things are put together: the latest copy of each task, the events that listeners elsewhere were sent and that
//! the copies lack, and what is out of flows that have not ended. Invariants of the new ledger: a flow's next claim has a
//! greater epoch than any that is out, so that it fences off whoever still works on it; no event gets a place that
//! somebody may have seen; reports of other hosts about open flows are read again, and what was done meanwhile comes in.

use std::collections::BTreeSet;

use ports::{Blobs, Error, Found, Rebuilding, Restored, Salvage, TaskCopy, Traces};
use shared_types::http::TaskState;
use shared_types::{Digest, Epoch};
use tracing::{info, warn};

use crate::archive;

/// Things read at once.
const BATCH: u32 = 256;

/// Places of events that are left out behind the last known one: what the old ledger gave out and nobody else was told
/// of is less than that.
const GAP: u64 = 1_000_000;

/// What became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tasks in the ledger.
    pub tasks: u64,
    /// Of those, flows that have not ended and go on.
    pub open: u64,
    /// Events in the ledger.
    pub events: u64,
    /// Of those, events that only listeners elsewhere had been sent.
    pub late_events: u64,
    /// Blobs in the data folder.
    pub blobs: u64,
    /// Blobs that tasks name and that are there no more.
    pub missing_blobs: u64,
    /// Copies of tasks of persons that were forgotten; left out.
    pub forgotten: u64,
    /// Copies that cannot be read, or contradict others; left out.
    pub left_out: u64,
}

/// How far things have come.
#[derive(Debug, Default)]
struct Marks {
    /// The last event of all.
    seq: u64,
    /// The last event that listeners elsewhere were sent.
    mirrored: u64,
    /// The first event that no copy holds.
    first_late: Option<u64>,
}

/// Fills `ledger` and `blobs` with what `salvage` finds; none, and no ledger, when that has no task. Nothing is there
/// before it returns well.
///
/// # Errors
/// Something cannot be read or written.
pub async fn run(salvage: &dyn Salvage, ledger: &dyn Rebuilding, blobs: &dyn Blobs) -> Result<Option<Summary>, Error> {
    let (mut summary, mut marks) = (Summary::default(), Marks::default());
    let named = copies(salvage, ledger, &mut summary, &mut marks).await?;
    if summary.tasks == 0 {
        return Ok(None);
    }
    late_events(salvage, ledger, &mut summary, &mut marks).await?;
    for digest in named {
        match salvage.blob(&digest).await? {
            Some(bytes) => {
                blobs.put(bytes).await?;
                summary.blobs += 1;
            }
            None => summary.missing_blobs += 1,
        }
    }
    let (reader, last) = salvage.reports().await?;
    // Runners go on meanwhile: what they report after this look is read in any case.
    let first = open_flows(salvage, ledger).await?;
    let report = first.map_or(last, |first| first.saturating_sub(1).min(last));
    let copied = marks.first_late.map_or(marks.seq, |first| first.saturating_sub(1));
    let cursors = vec![
        (format!("fleet:{reader}"), report),
        ("in-process".to_owned(), marks.seq),
        ("jetstream".to_owned(), marks.mirrored),
        (archive::READER.to_owned(), copied),
    ];
    ledger.finish(cursors, marks.seq + GAP).await?;
    Ok(Some(summary))
}

/// Adds all copies; the blobs that they name.
async fn copies(
    salvage: &dyn Salvage,
    ledger: &dyn Rebuilding,
    summary: &mut Summary,
    marks: &mut Marks,
) -> Result<BTreeSet<Digest>, Error> {
    let (mut named, mut after) = (BTreeSet::new(), 0);
    loop {
        let found = salvage.copies(after, BATCH).await?;
        let Some((last, _)) = found.last() else { return Ok(named) };
        after = *last;
        for (place, found) in found {
            match found {
                Found::Copy(copy) => {
                    let (blobs, events) = (copy.blobs.clone(), copy.events.len() as u64);
                    let seq = copy.events.last().map_or(0, |event| event.seq);
                    if add(ledger, *copy, summary).await? {
                        named.extend(blobs);
                        summary.events += events;
                        marks.seq = marks.seq.max(seq);
                    }
                }
                Found::Forgotten => summary.forgotten += 1,
                Found::Mark => {}
                Found::Unreadable(reason) => {
                    warn!(event = "rebuild.unreadable", seq = place, reason, "a copy cannot be read and is left out");
                    summary.left_out += 1;
                }
            }
        }
    }
}

async fn add(ledger: &dyn Rebuilding, copy: TaskCopy, summary: &mut Summary) -> Result<bool, Error> {
    let (id, is_open) = (copy.record.id, copy.record.state != TaskState::Finished);
    match ledger.add(copy).await? {
        Restored::Yes => {
            summary.tasks += 1;
            summary.open += u64::from(is_open);
            Ok(true)
        }
        Restored::No(reason) => {
            warn!(event = "rebuild.left_out", task_id = %id, reason, "a copy contradicts others and is left out");
            summary.left_out += 1;
            Ok(false)
        }
    }
}

/// Adds the events that were sent elsewhere before a copy was made.
async fn late_events(
    salvage: &dyn Salvage,
    ledger: &dyn Rebuilding,
    summary: &mut Summary,
    marks: &mut Marks,
) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let found = salvage.events(after, BATCH).await?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = *last;
        for event in found.into_iter().filter_map(|(_, event)| event) {
            let seq = event.seq;
            marks.mirrored = marks.mirrored.max(seq);
            marks.seq = marks.seq.max(seq);
            if ledger.add_event(event).await? {
                summary.events += 1;
                summary.late_events += 1;
                marks.first_late = Some(marks.first_late.map_or(seq, |first| first.min(seq)));
            }
        }
    }
}

/// Lets the next claim of each open flow fence off whoever works on it; the first report about any of them.
async fn open_flows(salvage: &dyn Salvage, ledger: &dyn Rebuilding) -> Result<Option<u64>, Error> {
    let mut first = None;
    for task in ledger.open_flows().await? {
        let Traces { offer, first_report } = salvage.traces(task).await?;
        ledger.raise(task, Epoch(offer)).await?;
        if first_report > 0 {
            first = Some(first.map_or(first_report, |first: u64| first.min(first_report)));
        }
        info!(event = "rebuild.open_flow", task_id = %task, epoch = offer, "a flow that has not ended goes on");
    }
    Ok(first)
}
