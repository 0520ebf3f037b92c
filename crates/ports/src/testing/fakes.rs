//! Time and identity that a test decides.

use std::sync::atomic::{AtomicU64, Ordering};

use shared_types::{EventId, TaskId, Timestamp, TraceId};

use crate::{Clock, Ids};

/// A clock that moves with tokio's, paused or not, from a fixed beginning.
#[derive(Debug)]
pub struct TokioClock {
    began: tokio::time::Instant,
}

impl TokioClock {
    /// The first moment: 2026-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);

    /// A clock that shows [`Self::EPOCH`] now.
    #[must_use]
    pub fn new() -> Self {
        Self { began: tokio::time::Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Self::EPOCH.plus(self.began.elapsed())
    }
}

/// Ids that count up from 1, so that a test's output is the same each time.
#[derive(Debug, Default)]
pub struct CountingIds {
    next: AtomicU64,
}

impl CountingIds {
    fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Ids for CountingIds {
    fn task_id(&self) -> TaskId {
        TaskId::from_parts(self.next(), 0)
    }

    fn event_id(&self) -> EventId {
        EventId::from_parts(self.next(), 0)
    }

    fn trace_id(&self) -> TraceId {
        TraceId::from_random(u128::from(self.next()))
    }

    fn boundary(&self) -> String {
        format!("{:016x}", self.next())
    }
}
