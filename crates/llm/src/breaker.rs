//! Spares a provider that is down, and those who would wait for it: after some failures in a row nobody asks it for a
//! while, then one call may look whether it is back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When to stop asking, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long nobody asks. After it one call may; the others wait as long again, or until it has succeeded.
    pub open_for: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        // Three tries of a task and some of another; then a pause in which a service restarts.
        Self { failures: 5, open_for: Duration::from_secs(30) }
    }
}

/// One breaker a provider.
#[derive(Debug)]
pub(crate) struct Breakers {
    options: BreakerOptions,
    providers: Mutex<HashMap<String, State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many failures in a row.
    Closed(u32),
    /// Nobody asks before this.
    Open(Instant),
}

impl Breakers {
    pub(crate) fn new(options: BreakerOptions) -> Self {
        Self { options, providers: Mutex::default() }
    }

    /// Whether `model` may be asked now. Who is let in after a pause is the probe, so ask only when the call follows.
    ///
    /// # Errors
    /// The wait.
    pub(crate) fn admit(&self, model: &str) -> Result<(), Duration> {
        let mut providers = self.lock();
        let Some(State::Open(until)) = providers.get_mut(provider(model)) else { return Ok(()) };
        let now = Instant::now();
        if now < *until {
            return Err(*until - now);
        }
        *until = now + self.options.open_for;
        Ok(())
    }

    /// The provider of `model` is well.
    pub(crate) fn succeeded(&self, model: &str) {
        if let Some(State::Open(_)) = self.lock().remove(provider(model)) {
            tracing::info!(event = "model.breaker_closed", provider = provider(model), "a provider of models is back");
        }
    }

    /// The provider of `model` did not answer as it should.
    pub(crate) fn failed(&self, model: &str) {
        let mut providers = self.lock();
        let state = providers.entry(provider(model).to_owned()).or_insert(State::Closed(0));
        let State::Closed(failures) = state else { return };
        *failures = failures.saturating_add(1);
        if *failures >= self.options.failures {
            let failures = *failures;
            *state = State::Open(Instant::now() + self.options.open_for);
            let wait_ms = self.options.open_for.as_millis() as u64;
            let provider = provider(model);
            tracing::warn!(
                event = "model.breaker_opened",
                provider,
                failures,
                wait_ms,
                "a provider of models is not asked for a while"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who stands behind a model, as proxies name it: `anthropic/claude-...`. All models without one are of the service
/// itself.
pub(crate) fn provider(model: &str) -> &str {
    model.split_once('/').map_or("the service", |(provider, _)| provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(30);

    fn breakers() -> Breakers {
        Breakers::new(BreakerOptions { failures: 3, open_for: OPEN_FOR })
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_one_probe_closes_it() {
        let breakers = breakers();
        for _ in 0..2 {
            breakers.failed("a/x");
        }
        breakers.succeeded("a/y");
        for _ in 0..2 {
            breakers.failed("a/x");
        }
        assert_eq!(breakers.admit("a/x"), Ok(()));
        breakers.failed("a/y");
        assert_eq!(breakers.admit("a/x"), Err(OPEN_FOR));
        assert_eq!((breakers.admit("b/x"), breakers.admit("x")), (Ok(()), Ok(())));

        tokio::time::advance(OPEN_FOR).await;
        assert_eq!(breakers.admit("a/x"), Ok(()), "the probe");
        assert_eq!(breakers.admit("a/x"), Err(OPEN_FOR), "others wait for it");
        breakers.succeeded("a/x");
        assert_eq!(breakers.admit("a/x"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_fails_or_is_never_heard_of_keeps_it_open() {
        let breakers = breakers();
        for _ in 0..3 {
            breakers.failed("a/x");
        }
        for _ in 0..3 {
            tokio::time::advance(OPEN_FOR).await;
            assert_eq!(breakers.admit("a/x"), Ok(()));
            breakers.failed("a/x");
            assert_eq!(breakers.admit("a/x"), Err(OPEN_FOR));
        }
    }
}
