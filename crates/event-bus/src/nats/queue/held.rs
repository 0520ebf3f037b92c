//! A flow in the hands of this process.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::jetstream::Message;
use ports::{Did, KnownSite, StepRecord, TaskRecord};
use shared_types::http::NotificationAttempt;
use shared_types::{Epoch, Timestamp};

use super::super::log::Last;
use super::story;

/// What its holder knows of a flow.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) offer: u64,
    pub(super) epoch: Epoch,
    /// The offer, to be answered for.
    pub(super) message: Message,
    /// Earlier requests of the repository.
    pub(super) earlier: Vec<TaskRecord>,
    /// Attempts to notify so far.
    pub(super) attempts: Vec<NotificationAttempt>,
    /// What was last known of its repository.
    pub(super) last_known: Option<KnownSite>,
    /// Begins the ids of our lines.
    mark: String,
    /// Lines we have tried to add.
    lines: u64,
    /// Where the last line is that we know.
    last: u64,
    /// A line that may be there or not.
    doubtful: Option<String>,
    steps: HashSet<String>,
    /// It is ours until then, as far as we were told, each time for so long.
    until: Timestamp,
    lease: Duration,
}

impl Held {
    pub(super) fn new(
        offer: u64,
        epoch: Epoch,
        (mark, last): (String, u64),
        (until, lease): (Timestamp, Duration),
        journal: &[StepRecord],
        (earlier, attempts, last_known): (Vec<TaskRecord>, Vec<NotificationAttempt>, Option<KnownSite>),
        message: Message,
    ) -> Self {
        let steps = journal.iter().map(|record| record.step.clone()).collect();
        let (lines, doubtful) = (0, None);
        Self { offer, epoch, message, earlier, attempts, last_known, mark, lines, last, doubtful, steps, until, lease }
    }

    /// Whether only somebody without the right to it would write this.
    pub(super) fn refuses(&self, did: &Did) -> bool {
        matches!(did, Did::Recorded { step, .. } if self.steps.contains(&step.step))
    }

    /// The id of a new line, and the place of the line before it.
    pub(super) fn next_id(&mut self) -> (String, u64) {
        self.lines += 1;
        (format!("{}.{}", self.mark, self.lines), self.last)
    }

    /// Whether `last` is the line of ours that nobody confirmed.
    pub(super) fn may_have_written(&self, last: &Last) -> bool {
        self.doubtful.is_some() && self.doubtful == last.id
    }

    pub(super) fn doubt(&mut self, id: String) {
        self.doubtful = Some(id);
    }

    /// A line was taken.
    pub(super) fn took(&mut self, seq: u64, did: &Did) {
        self.last = seq;
        self.doubtful = None;
        match did {
            Did::Kept { until } => self.until = *until,
            Did::Recorded { step, .. } => {
                self.steps.insert(step.step.clone());
            }
            _ => {}
        }
        self.attempts.extend(story::events(did).iter().filter_map(story::attempt));
    }

    /// Whether our right to it had ended when a heartbeat was due that would have kept it until `until`.
    pub(super) fn ended_before(&self, until: Timestamp) -> bool {
        until >= self.until.plus(self.lease)
    }
}
