//! When to try again: the one place that turns a port's verdict into a wait.

use std::time::Duration;

use ports::Verdict;

/// No wait grows beyond this; the deadline bounds them all together.
const LONGEST_WAIT: Duration = Duration::from_secs(64);

/// No wait that another side names counts for more.
const LONGEST_NAMED: Duration = Duration::from_secs(3600);

/// How often to try and how long to wait between tries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// Tries in all, at least 1.
    pub(crate) max_attempts: u32,
}

impl Policy {
    /// The wait before the try after `attempt` (from 1) failed with `verdict`: 1, 2, 4, 8, ...
    /// seconds, or longer when the other side asked for it; `None` when there shall be no further
    /// try. Requirement C-095.
    pub(crate) fn wait(self, attempt: u32, verdict: Verdict) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        match verdict {
            Verdict::GiveUp => None,
            // "At once" is no answer to a failure, and a day is none to a task of ten minutes.
            Verdict::RetryAfter(wait) => Some(wait.max(backoff(attempt)).min(LONGEST_NAMED)),
            Verdict::RetryWithBackoff => Some(backoff(attempt)),
        }
    }
}

/// 1, 2, 4, 8, ... seconds after the first, second, third, ... failure.
fn backoff(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    Duration::from_secs(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let policy = Policy { max_attempts: 5 };
        let waits: Vec<_> =
            (1..=5).map(|n| policy.wait(n, Verdict::RetryWithBackoff).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(1), Some(2), Some(4), Some(8), None]);
        assert_eq!(policy.wait(1, Verdict::GiveUp), None);
        let named = |attempt, seconds| {
            policy.wait(attempt, Verdict::RetryAfter(Duration::from_secs(seconds))).map(|wait| wait.as_secs())
        };
        assert_eq!(named(1, 7), Some(7));
        assert_eq!(named(4, 0), Some(8), "never sooner than the back-off");
        assert_eq!(named(1, u64::MAX), Some(3600));
        assert_eq!(named(5, 7), None);
    }
}
