//! Admission: no round begins before its token has room for all of its requests.
//!
//! The wait itself is the caller's: it is told how long, and comes back. That keeps the order, as
//! the calendar keeps its turn, and holds no task up that has nothing to do with GitHub.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use ports::Verdict;
use shared_types::http::{Part, PartState};
use tokio::time::Instant;

use crate::Error;
use crate::budget::{Calendar, Cost, Limits};

/// How long the next round would wait, in seconds; 0 when it would not.
const WAIT_GAUGE: &str = "sitewright_github_wait_seconds";
/// Rounds that wait for their turn.
const WAITING_GAUGE: &str = "sitewright_github_waiting";

/// Round 1: repository, topic, push, pages. The homepage is rarely written, and then counted late.
pub(super) const FIRST_ROUND: Cost = Cost { writes: 4, requests: 20 };
/// A later round: its push. Searching, reading and waiting for pages are no writes.
pub(super) const LATER_ROUND: Cost = Cost { writes: 1, requests: 20 };

/// The calendar of the host's token.
#[derive(Debug)]
pub(super) struct Admission(Mutex<Calendar>);

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Mutex::new(Calendar::new(limits)))
    }

    /// Lets `work` on `object` begin, or says how long it has to wait.
    pub(super) fn admit(&self, work: &str, object: &str, cost: Cost) -> Result<(), Error> {
        let now = Instant::now();
        let mut calendar = self.lock();
        let admitted = calendar.admit(&format!("{work} {object}"), cost, now);
        tell(&calendar, now);
        admitted.map_err(|wait| Error::NoRoom { object: object.to_owned(), wait })
    }

    /// Takes a limit that GitHub itself has named for everybody's.
    pub(super) fn heed(&self, error: &Error) {
        if let Error::Refused { verdict: Verdict::RetryAfter(wait), .. } = error {
            let now = Instant::now();
            let mut calendar = self.lock();
            calendar.close(now + *wait);
            tell(&calendar, now);
        }
    }

    /// How the token is.
    pub(super) fn part(&self) -> Part {
        let now = Instant::now();
        let calendar = self.lock();
        let wait = calendar.wait_of_new_work(FIRST_ROUND, now);
        tell(&calendar, now);
        let (state, detail) = match wait {
            Duration::ZERO => (PartState::Up, "a new round begins at once".to_owned()),
            wait => {
                let (wait_s, waiting) = (wait.as_secs().max(1), calendar.waiting());
                let detail = format!(
                    "the token's requests are spent: a new round begins in {wait_s} s, {waiting} wait before it"
                );
                (PartState::Degraded, detail)
            }
        };
        Part { name: "github".to_owned(), state, needed: false, detail }
    }

    fn lock(&self) -> MutexGuard<'_, Calendar> {
        // The calendar has no state between its fields that a panic could break.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(calendar: &Calendar, now: Instant) {
    gauge!(WAIT_GAUGE).set(calendar.wait_of_new_work(FIRST_ROUND, now).as_secs_f64());
    gauge!(WAITING_GAUGE).set(calendar.waiting() as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_part_says_until_when() {
        let admission = Admission::new(Limits { writes_a_minute: 4, ..Limits::default() });
        assert_eq!(admission.part().state, PartState::Up);
        admission.admit("begin", "o/a", FIRST_ROUND).unwrap();
        let refused = admission.admit("begin", "o/b", FIRST_ROUND).unwrap_err();
        assert_eq!(refused.verdict(), Verdict::RetryAfter(Duration::from_secs(60)), "{refused}");
        let part = admission.part();
        assert_eq!(part.state, PartState::Degraded);
        assert!(part.detail.contains("begins in 120 s, 1 wait"), "{}", part.detail);
        tokio::time::advance(Duration::from_secs(60)).await;
        admission.admit("begin", "o/b", FIRST_ROUND).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_github_names_holds_for_all() {
        let admission = Admission::new(Limits::default());
        let refused = |verdict| Error::Refused {
            operation: "push to",
            object: "o/a".to_owned(),
            status: 429,
            message: String::new(),
            remedy: String::new(),
            verdict,
        };
        admission.heed(&refused(Verdict::GiveUp));
        assert!(admission.admit("begin", "o/a", FIRST_ROUND).is_ok());
        admission.heed(&refused(Verdict::RetryAfter(Duration::from_secs(30))));
        let error = admission.admit("begin", "o/b", FIRST_ROUND).unwrap_err();
        assert_eq!(error.verdict(), Verdict::RetryAfter(Duration::from_secs(30)));
    }
}
