//! Which scopes have counted anything whose window still runs.
//!
//! Most of the time nobody has failed to authenticate for a while, and then nothing need be read to
//! know so. This holds until when that is not so, for each scope; the rows hold the rest. It may
//! promise a window that was never committed, which costs a look, and never hides one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ports::Bucket;
use shared_types::Timestamp;

/// The end of the last window of each scope, in milliseconds since the Unix epoch. Scopes are a
/// handful of names in the program.
#[derive(Debug)]
pub(crate) struct LastWindows(Mutex<HashMap<String, i64>>);

impl LastWindows {
    pub(crate) fn new(stored: Vec<(String, i64)>) -> Self {
        Self(Mutex::new(stored.into_iter().collect()))
    }

    /// Notes, before they are counted, that windows of these buckets may run.
    pub(crate) fn note(&self, buckets: &[Bucket], now: Timestamp) {
        let mut ends = self.locked();
        for bucket in buckets {
            let end = now.plus(bucket.policy.window).unix_ms();
            match ends.get_mut(bucket.policy.scope) {
                Some(last) => *last = end.max(*last),
                None => {
                    ends.insert(bucket.policy.scope.to_owned(), end);
                }
            }
        }
    }

    /// Whether any of these buckets may have counted something.
    pub(crate) fn may_run(&self, buckets: &[Bucket], now: Timestamp) -> bool {
        let ends = self.locked();
        buckets.iter().any(|bucket| ends.get(bucket.policy.scope).is_some_and(|end| *end > now.unix_ms()))
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
