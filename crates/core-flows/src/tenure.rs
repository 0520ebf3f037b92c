//! How long ago a flow was known to be ours.
//!
//! Writes into the ledger are fenced by an epoch; what is done outside is not. A process that was paused beyond its lease
//! wakes up in the middle of whatever it did, while somebody else has the flow. So before something that others see, whoever
//! has not heard from the queue for longer than heartbeats leave between them asks first.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use shared_types::Timestamp;

/// When the lease was last confirmed.
#[derive(Debug)]
pub(crate) struct Tenure {
    length: Duration,
    confirmed_at_ms: AtomicI64,
}

impl Tenure {
    /// A lease of `length` that was asked for at `asked_at`.
    pub(crate) fn new(length: Duration, asked_at: Timestamp) -> Self {
        Self { length, confirmed_at_ms: AtomicI64::new(asked_at.unix_ms()) }
    }

    /// The queue has confirmed the lease when it was asked at `asked_at`: the answer may have been long on its way.
    pub(crate) fn confirmed(&self, asked_at: Timestamp) {
        self.confirmed_at_ms.fetch_max(asked_at.unix_ms(), Ordering::Relaxed);
    }

    /// Between two heartbeats.
    pub(crate) fn pause(&self) -> Duration {
        self.length / 3
    }

    /// Whether a heartbeat is overdue. Of the lease there is still time left for what is about to be done.
    pub(crate) fn is_doubtful(&self, now: Timestamp) -> bool {
        let confirmed_at = Timestamp::from_unix_ms(self.confirmed_at_ms.load(Ordering::Relaxed));
        // A clock that was set back says nothing.
        now < confirmed_at || now.since(confirmed_at) >= self.length / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_doubtful_once_a_heartbeat_is_overdue() {
        let at = |seconds: i64| Timestamp::from_unix_ms(1_000_000 + seconds * 1000);
        let tenure = Tenure::new(Duration::from_secs(30), at(0));
        let check = |seconds, expected| assert_eq!(tenure.is_doubtful(at(seconds)), expected, "after {seconds} s");
        check(0, false);
        check(14, false);
        check(15, true);
        tenure.confirmed(at(10));
        // An answer that was overtaken.
        tenure.confirmed(at(5));
        check(24, false);
        check(25, true);
        check(9, true);
        assert_eq!(tenure.pause(), Duration::from_secs(10));
    }
}
