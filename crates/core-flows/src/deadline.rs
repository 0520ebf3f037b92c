//! How long each step may take, so that the notification leaves in time.
//!
//! A task has ten minutes. The last minute belongs to the notification: at that point the best
//! that is published is handed in, live or not. A flow that is already late (the process was
//! down) still gets a floor for each step it cannot do without: a late answer beats none.

use std::time::Duration;

use ports::Clock;
use shared_types::Timestamp;

use crate::plan::Step;

/// Kept free for the notification and its repeats.
const NOTIFY_RESERVE: Duration = Duration::from_secs(60);

/// What a step that the flow cannot do without gets even when the deadline has passed.
const FLOOR: Duration = Duration::from_secs(15);

/// What the other steps get then: one look.
const GLANCE: Duration = Duration::from_secs(1);

/// The end of a task's time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Timestamp,
}

/// How long a step may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// All tries together, waits included.
    pub(crate) all: Duration,
    /// One try.
    pub(crate) one: Duration,
}

impl Deadline {
    pub(crate) fn at(at: Timestamp) -> Self {
        Self { at }
    }

    /// What `step` may take when it begins now.
    pub(crate) fn budget(self, step: Step, clock: &dyn Clock) -> Budget {
        let left = self.at.since(clock.now());
        let usable = if step == Step::Notify { left } else { left.saturating_sub(NOTIFY_RESERVE) };
        let own = own_budget(step);
        match step {
            // Without these there is nothing to hand in: a host that asks to come back in a minute
            // is asked again for as long as there is time.
            Step::Prepare | Step::Fetch | Step::Decide | Step::Commit | Step::Publish | Step::Record => {
                Budget { all: usable.max(FLOOR), one: own.min(usable).max(FLOOR) }
            }
            Step::Generate | Step::Verify | Step::Notify => {
                let all = own.min(usable).max(FLOOR);
                Budget { all, one: all }
            }
            Step::Repair | Step::Pages | Step::Confirm => {
                let all = own.min(usable).max(GLANCE);
                Budget { all, one: all }
            }
        }
    }
}

/// A step's share of the ten minutes: making, checking and mending some 300 s together, one try at
/// the code host 30 s. Pages are waited for as long as there is time.
fn own_budget(step: Step) -> Duration {
    Duration::from_secs(match step {
        Step::Prepare | Step::Fetch | Step::Decide | Step::Commit | Step::Publish | Step::Record => 30,
        Step::Generate => 140,
        // A page takes at most 20 s, but waits its turn at the browser first.
        Step::Verify | Step::Confirm => 75,
        Step::Repair => 105,
        Step::Pages | Step::Notify => 570,
    })
}

#[cfg(test)]
mod tests {
    use ports::testing::TokioClock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_last_minute_belongs_to_the_notification() {
        let clock = TokioClock::new();
        let deadline = Deadline::at(clock.now().plus(Duration::from_secs(600)));
        let check = |step, all, one| {
            let budget = deadline.budget(step, &clock);
            assert_eq!((budget.all.as_secs(), budget.one.as_secs()), (all, one), "{step} at {}", clock.now());
        };
        check(Step::Publish, 540, 30);
        check(Step::Pages, 540, 540);
        check(Step::Notify, 570, 570);
        tokio::time::advance(Duration::from_secs(500)).await;
        check(Step::Publish, 40, 30);
        check(Step::Pages, 40, 40);
        check(Step::Notify, 100, 100);
        tokio::time::advance(Duration::from_secs(1000)).await;
        check(Step::Publish, 15, 15);
        check(Step::Pages, 1, 1);
        check(Step::Notify, 15, 15);
    }
}
