//! Counters that bound how often something may happen.
//!
//! A bucket counts within a window that begins with its first count. Counts survive a restart, or
//! whoever guesses secrets would only have to wait for one.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use shared_types::{Digest, Timestamp};

use crate::Error;

/// How often one kind of thing may happen for each of whom it is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What is counted, such as `build`.
    pub scope: &'static str,
    /// By whom, such as `email`.
    pub bucket: &'static str,
    /// At most this often within the window; at least 1.
    pub limit: u32,
    /// From the first count on.
    pub window: Duration,
}

impl fmt::Display for Policy {
    /// The policy's name, such as `build-per-email`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-per-{}", self.scope, self.bucket)
    }
}

/// One counter: a policy, and a digest of whom or what it counts, so that neither addresses nor
/// e-mails lie in the store for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// What holds for it.
    pub policy: Policy,
    /// Whom it counts. Keys that begin alike are likely to be stored together.
    pub key: Digest,
}

/// How full a bucket is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Counted in the current window; 0 when none has begun.
    pub used: u32,
    /// Until the window ends; 0 when none has begun.
    pub resets_in: Duration,
}

/// A full bucket: nothing more of this kind until its window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{policy}: more than {} in {} s", .policy.limit, .policy.window.as_secs())]
pub struct OverLimit {
    /// Which policy.
    pub policy: Policy,
    /// Until there is room again.
    pub resets_in: Duration,
}

impl Bucket {
    /// What `count` means for one thing more.
    ///
    /// # Errors
    /// The bucket is full.
    pub fn admits_one_more(&self, count: Count) -> Result<(), OverLimit> {
        if count.used < self.policy.limit {
            return Ok(());
        }
        Err(OverLimit { policy: self.policy, resets_in: count.resets_in })
    }
}

/// The counters.
#[async_trait]
pub trait RateBuckets: Send + Sync {
    /// How full each of `buckets` is at `now`, in their order. Changes nothing.
    async fn counts(&self, buckets: Vec<Bucket>, now: Timestamp) -> Result<Vec<Count>, Error>;

    /// Counts one in each of `buckets`; or in none of them, when one is full.
    async fn take(&self, buckets: Vec<Bucket>, now: Timestamp) -> Result<Result<(), OverLimit>, Error>;
}
