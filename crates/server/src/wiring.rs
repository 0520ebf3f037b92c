//! What a program may change of the wiring, beside the settings: tests put something between the flows and the world.
//!
//! `sitewright` changes nothing. So the service that is killed, paused and lied to in tests is the one that is shipped, and
//! the one that is shipped has no switch for any of that. No setting leads here.

use std::fmt;
use std::time::Duration;

pub use core_flows::Ports;
pub use storage::Flush;

/// How a process is wired.
pub struct Wiring {
    /// Is given all ports before any part is made of them.
    pub decorate: Box<dyn FnOnce(Ports) -> Ports + Send>,
    /// How long a flow stays a runner's without a heartbeat; the same on all hosts of a deployment.
    pub lease: Duration,
    /// When the ledger reaches the disk.
    pub flush: Flush,
}

impl Default for Wiring {
    /// As it is shipped.
    fn default() -> Self {
        Self {
            decorate: Box::new(|ports| ports),
            lease: core_flows::runner::Options::default().lease,
            flush: Flush::default(),
        }
    }
}

impl fmt::Debug for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wiring").field("lease", &self.lease).field("flush", &self.flush).finish_non_exhaustive()
    }
}
