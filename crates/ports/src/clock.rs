//! Time and identity, so that tests decide them.

use shared_types::{EventId, TaskId, Timestamp, TraceId};

/// The wall clock.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Makes identifiers.
pub trait Ids: Send + Sync {
    /// A new id of an accepted request.
    fn task_id(&self) -> TaskId;
    /// A new id of an event.
    fn event_id(&self) -> EventId;
    /// A new trace id.
    fn trace_id(&self) -> TraceId;
    /// A random word of 16 hexadecimal digits, for boundaries that text must not guess.
    fn boundary(&self) -> String;
}
