//! How long each step may take, so that the notification leaves in time.
//!
//! A task has ten minutes. The last minute belongs to the notification: at that point the best
//! that is published is handed in, live or not. A flow that is already late (the process was
//! down) still gets a floor for each step: a late answer beats none.

use std::time::Duration;

use ports::Clock;
use shared_types::Timestamp;

use crate::plan::Step;

/// Kept free for the notification and its repeats.
const NOTIFY_RESERVE: Duration = Duration::from_secs(60);

/// What a step gets even when the deadline has passed.
const FLOOR: Duration = Duration::from_secs(15);

/// The end of a task's time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Timestamp,
}

impl Deadline {
    pub(crate) fn at(at: Timestamp) -> Self {
        Self { at }
    }

    /// How long `step` may take, tries included, when it begins now.
    pub(crate) fn budget(self, step: Step, clock: &dyn Clock) -> Duration {
        let left = self.at.since(clock.now());
        let usable = if step == Step::Notify { left } else { left.saturating_sub(NOTIFY_RESERVE) };
        own_budget(step).min(usable).max(FLOOR)
    }
}

/// A step's share of the ten minutes: making and mending 300 s together, publishing 30 s, pages
/// 150 s, notifying 60 s.
fn own_budget(step: Step) -> Duration {
    Duration::from_secs(match step {
        Step::Prepare | Step::Fetch | Step::Decide => 30,
        Step::Generate => 150,
        Step::Verify => 45,
        Step::Repair => 105,
        Step::Commit | Step::Publish => 30,
        Step::Pages => 150,
        Step::Confirm => 45,
        Step::Notify => 570,
        Step::Record => 30,
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
        let check = |step, seconds| {
            assert_eq!(deadline.budget(step, &clock), Duration::from_secs(seconds), "{step} at {}", clock.now());
        };
        check(Step::Pages, 150);
        check(Step::Notify, 570);
        tokio::time::advance(Duration::from_secs(500)).await;
        check(Step::Pages, 40);
        check(Step::Notify, 100);
        tokio::time::advance(Duration::from_secs(1000)).await;
        check(Step::Pages, 15);
        check(Step::Notify, 15);
    }
}
