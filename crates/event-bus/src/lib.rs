//! The event bus: stored events on their way to whoever listens.
//!
//! - [`InProcessBus`] wakes the parts of this process.
//! - [`nats::Mirror`] copies the same events to NATS JetStream for listeners elsewhere.
//!
//! A bus is a wake-up, never the truth: the ledger holds the events, a relay publishes them in
//! their order and repeats what failed, and a subscriber that missed one reads the ledger.
//!
//! Invariants: publishing in-process never waits; publishing to the broker and looking at its
//! health are bounded; a broker that is away never keeps a process from starting.

mod error;
mod in_process;
pub mod nats;

pub use error::Error;
pub use in_process::{InProcessBus, Options};
