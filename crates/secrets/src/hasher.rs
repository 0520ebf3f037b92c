//! Where hashes are computed: beside the threads that answer requests, a few at a time.
//!
//! A hash takes tens of milliseconds and megabytes by design, and strangers choose how many are
//! asked for. So both those that run and those that wait are bounded; beyond that a caller hears
//! how long to stay away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::Error;
use crate::argon::Hash;

/// More at once would only take memory: 4 of the costliest hashes hold 512 MiB.
const MAX_AT_ONCE: usize = 4;

/// Callers that may wait: a large class that posts for the first time in one rush.
const MAX_WAITING: usize = 1024;

/// Longer than an issuer waits for its receipt.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// When whoever was sent away may come again; by then many of those that waited are done.
const COME_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Hasher {
    /// Those that run and those that wait.
    places: Semaphore,
    at_once: Arc<Semaphore>,
    computed: AtomicU64,
}

/// What to do once it is a caller's turn.
pub(crate) enum Turn {
    /// Somebody else has found out while this one waited.
    Known,
    /// Compute.
    Compute,
}

impl Hasher {
    /// As many at once as there are processors.
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::bounded(processors.clamp(1, MAX_AT_ONCE), MAX_WAITING)
    }

    pub(crate) fn bounded(at_once: usize, waiting: usize) -> Self {
        Self {
            places: Semaphore::new(at_once + waiting),
            at_once: Arc::new(Semaphore::new(at_once)),
            computed: AtomicU64::new(0),
        }
    }

    /// Hashes computed so far.
    pub(crate) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Whether `hash` is of `secret`, unless `turn` says by then that this is known.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait already or it takes too long; [`Error::Hash`] and
    /// [`Error::BrokenOff`] when the machine cannot compute it.
    pub(crate) async fn is_of(
        &self,
        hash: Arc<Hash>,
        secret: &SecretString,
        turn: impl Fn() -> Turn,
    ) -> Result<bool, Error> {
        let busy = || Error::Busy { wait: COME_AGAIN };
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let running = timeout(MAX_WAIT, self.at_once.clone().acquire_owned()).await;
        let running = running.map_err(|_| busy())?.map_err(|_| busy())?;
        if matches!(turn(), Turn::Known) {
            return Ok(true);
        }
        self.computed.fetch_add(1, Ordering::Relaxed);
        let secret = secret.clone();
        let computed = tokio::task::spawn_blocking(move || {
            let is_of = hash.is_of(&secret);
            // Here and not in the caller: one that went away does not stop the computation.
            drop(running);
            is_of
        });
        computed.await.map_err(Error::BrokenOff)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argon;

    #[tokio::test(start_paused = true)]
    async fn those_that_wait_are_bounded_in_number_and_time() {
        let hash = Arc::new(Hash::parse(&argon::hash(&"right".into()).unwrap()).unwrap());
        let hasher = Arc::new(Hasher::bounded(1, 1));
        let running = hasher.at_once.clone().acquire_owned().await.unwrap();
        let ask = |hasher: Arc<Hasher>, hash: Arc<Hash>| async move {
            hasher.is_of(hash, &"right".into(), || Turn::Compute).await
        };
        let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(ask(hasher.clone(), hash.clone()))).collect();
        tokio::task::yield_now().await;
        assert!(matches!(ask(hasher.clone(), hash.clone()).await, Err(Error::Busy { wait }) if wait == COME_AGAIN));
        // The clock is paused and nothing else can happen, so it jumps to the end of their patience.
        for waited in waiting {
            assert!(matches!(waited.await.unwrap(), Err(Error::Busy { .. })));
        }
        assert_eq!(hasher.computed(), 0);
        drop(running);
        assert!(ask(hasher.clone(), hash).await.unwrap());
        assert_eq!((hasher.computed(), hasher.places.available_permits()), (1, 2));
    }
}
