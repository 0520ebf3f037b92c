//! Admission: no round begins before its token has room for all of its requests.
//!
//! The wait itself is the caller's: it is told how long, and comes back. That keeps the order, as
//! the calendar keeps its turn, and holds no task up that has nothing to do with the token.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use ports::Verdict;
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

/// The calendar of one token, for all who work with it.
#[derive(Debug)]
pub(super) struct Admission {
    /// Whose gauges its figures go to.
    label: Option<String>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    calendar: Calendar,
    /// GitHub has not taken the token since it was last asked something.
    refused: bool,
}

/// How a token is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// How long a new round would wait.
    pub(super) wait: Duration,
    /// Rounds that wait for their turn.
    pub(super) waiting: usize,
    /// Whether GitHub refuses the token.
    pub(super) refused: bool,
}

impl Admission {
    /// An empty calendar. Its figures are shown under `label`; without one they have no gauge.
    pub(super) fn new(limits: Limits, label: Option<String>) -> Self {
        let admission = Self { label, state: Mutex::new(State { calendar: Calendar::new(limits), refused: false }) };
        admission.tell(&admission.lock().calendar, Instant::now());
        admission
    }

    /// Lets `work` on `object` begin, or says how long it has to wait.
    pub(super) fn admit(&self, work: &str, object: &str, cost: Cost) -> Result<(), Error> {
        let now = Instant::now();
        let mut state = self.lock();
        let admitted = state.calendar.admit(&format!("{work} {object}"), cost, now);
        self.tell(&state.calendar, now);
        admitted.map_err(|wait| Error::NoRoom { object: object.to_owned(), wait })
    }

    /// Takes what GitHub said of the token for everybody's: a limit, that it is refused, or that it is not.
    pub(super) fn heed(&self, error: Option<&Error>) {
        const UNAUTHORIZED: u16 = 401;
        let (status, verdict) = match error {
            Some(Error::Refused { status, verdict, .. }) => (*status, *verdict),
            Some(_) => return,
            None => {
                self.lock().refused = false;
                return;
            }
        };
        let mut state = self.lock();
        state.refused = status == UNAUTHORIZED;
        if let Verdict::RetryAfter(wait) = verdict {
            let now = Instant::now();
            state.calendar.close(now + wait);
            self.tell(&state.calendar, now);
        }
    }

    /// How the token is.
    pub(super) fn standing(&self) -> Standing {
        let now = Instant::now();
        let state = self.lock();
        self.tell(&state.calendar, now);
        let wait = state.calendar.wait_of_new_work(FIRST_ROUND, now);
        Standing { wait, waiting: state.calendar.waiting(), refused: state.refused }
    }

    fn tell(&self, calendar: &Calendar, now: Instant) {
        if let Some(owner) = &self.label {
            gauge!(WAIT_GAUGE, "owner" => owner.clone()).set(calendar.wait_of_new_work(FIRST_ROUND, now).as_secs_f64());
            gauge!(WAITING_GAUGE, "owner" => owner.clone()).set(calendar.waiting() as f64);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // There is no state between its fields that a panic could break.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, verdict: Verdict) -> Error {
        Error::Refused {
            operation: "push to",
            object: "o/a".to_owned(),
            status,
            message: String::new(),
            remedy: String::new(),
            verdict,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_says_until_when() {
        let admission = Admission::new(Limits { writes_a_minute: 4, ..Limits::default() }, None);
        assert_eq!(admission.standing().wait, Duration::ZERO);
        admission.admit("begin", "o/a", FIRST_ROUND).unwrap();
        let refused = admission.admit("begin", "o/b", FIRST_ROUND).unwrap_err();
        assert_eq!(refused.verdict(), Verdict::RetryAfter(Duration::from_secs(60)), "{refused}");
        let standing = Standing { wait: Duration::from_secs(120), waiting: 1, refused: false };
        assert_eq!(admission.standing(), standing);
        tokio::time::advance(Duration::from_secs(60)).await;
        admission.admit("begin", "o/b", FIRST_ROUND).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_github_says_of_a_token_holds_for_all() {
        let admission = Admission::new(Limits::default(), None);
        admission.heed(Some(&refused(422, Verdict::GiveUp)));
        assert!(admission.admit("begin", "o/a", FIRST_ROUND).is_ok());
        admission.heed(Some(&refused(429, Verdict::RetryAfter(Duration::from_secs(30)))));
        let error = admission.admit("begin", "o/b", FIRST_ROUND).unwrap_err();
        assert_eq!(error.verdict(), Verdict::RetryAfter(Duration::from_secs(30)));
        assert!(!admission.standing().refused);
        admission.heed(Some(&refused(401, Verdict::RetryAfter(Duration::from_secs(60)))));
        assert!(admission.standing().refused);
        admission.heed(None);
        assert!(!admission.standing().refused);
    }
}
