//! The real clock and real randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use ports::{Clock, Ids};
use shared_types::{EventId, TaskId, Timestamp, TraceId};
use ulid::Ulid;

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// ULIDs of the system's time and random bits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RandomIds;

/// A ULID's low 80 bits are random; two of them fill 128 bits.
fn random() -> u128 {
    Ulid::new().random() | (Ulid::new().random() << 64)
}

impl Ids for RandomIds {
    fn task_id(&self) -> TaskId {
        let ulid = Ulid::new();
        TaskId::from_parts(ulid.timestamp_ms(), ulid.random())
    }

    fn event_id(&self) -> EventId {
        let ulid = Ulid::new();
        EventId::from_parts(ulid.timestamp_ms(), ulid.random())
    }

    fn trace_id(&self) -> TraceId {
        TraceId::from_random(random())
    }

    fn boundary(&self) -> String {
        format!("{:016x}", Ulid::new().random() as u64)
    }
}
