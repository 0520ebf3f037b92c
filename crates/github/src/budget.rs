//! What GitHub lets one token do, as a calendar: work is entered before it starts, at the first
//! moment that has room for all of it, and in the order in which it was asked for.
//!
//! GitHub counts content-creating requests a minute and an hour, and all requests an hour
//! (<https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>). Going beyond
//! costs more than waiting: it refuses everybody, and goes on refusing who tries. What GitHub itself
//! says of a limit closes the calendar until then.
//!
//! Invariants: entries never go back in time, so nobody overtakes; no window holds more than its
//! limit. Pure: the time comes with each question.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Work that waits for its turn; a class of 500 with some repeats. Beyond it the answer is the
/// whole hour, and nothing is entered.
const WAITING_MAX: usize = 2_000;
/// Who has not come back so long after its turn will not: its flow has ended otherwise.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// What GitHub allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Content-creating requests a minute.
    pub writes_a_minute: u32,
    /// Content-creating requests an hour.
    pub writes_an_hour: u32,
    /// All requests an hour.
    pub requests_an_hour: u32,
}

/// What some work takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Content-creating requests; a push counts as one.
    pub writes: u32,
    /// All requests, these among them.
    pub requests: u32,
}

/// The calendar of one token.
#[derive(Debug)]
pub struct Calendar {
    limits: Limits,
    /// By time.
    entries: VecDeque<(Instant, Cost)>,
    /// Whose turn is still to come, or has come and was not taken yet.
    turns: BTreeMap<String, Instant>,
    closed_until: Option<Instant>,
}

impl Default for Limits {
    /// GitHub's for a user's token.
    fn default() -> Self {
        Self { writes_a_minute: 80, writes_an_hour: 500, requests_an_hour: 5_000 }
    }
}

impl Calendar {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, entries: VecDeque::new(), turns: BTreeMap::new(), closed_until: None }
    }

    /// Enters `work` and says whether it may begin now; else how long it has to wait. Whoever asks
    /// again under the same name keeps its turn.
    ///
    /// # Errors
    /// The wait.
    pub fn admit(&mut self, work: &str, cost: Cost, now: Instant) -> Result<(), Duration> {
        self.forget(now);
        let turn = match self.turns.get(work) {
            Some(turn) => *turn,
            None if self.turns.len() >= WAITING_MAX => return Err(HOUR),
            None => {
                let turn = self.first_room(cost, now);
                self.entries.push_back((turn, cost));
                turn
            }
        };
        let turn = self.closed_until.map_or(turn, |until| until.max(turn));
        if turn <= now {
            self.turns.remove(work);
            return Ok(());
        }
        self.turns.insert(work.to_owned(), turn);
        Err(turn - now)
    }

    /// GitHub has said that there is nothing more before `until`.
    pub fn close(&mut self, until: Instant) {
        self.closed_until = self.closed_until.max(Some(until));
    }

    /// How long new work would wait now; zero when it would not.
    #[must_use]
    pub fn wait_of_new_work(&self, cost: Cost, now: Instant) -> Duration {
        let turn = self.first_room(cost, now);
        self.closed_until.map_or(turn, |until| until.max(turn)).saturating_duration_since(now)
    }

    /// How many wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.turns.len()
    }

    /// The first moment, not before the last entry, at which all windows that end there have room.
    fn first_room(&self, cost: Cost, now: Instant) -> Instant {
        let last = self.entries.back().map_or(now, |(at, _)| *at);
        let mut turn = last.max(now);
        for (window, limit, counts) in [
            (MINUTE, self.limits.writes_a_minute, Counts::Writes),
            (HOUR, self.limits.writes_an_hour, Counts::Writes),
            (HOUR, self.limits.requests_an_hour, Counts::Requests),
        ] {
            turn = turn.max(self.room_in(window, limit, counts, counts.of(cost)).unwrap_or(turn));
        }
        turn
    }

    /// When the newest entries that together leave no room have left the window; entries are in
    /// order, so that moment suits the older ones as well.
    fn room_in(&self, window: Duration, limit: u32, counts: Counts, wanted: u32) -> Option<Instant> {
        let mut room = limit.saturating_sub(wanted);
        for (at, cost) in self.entries.iter().rev() {
            match room.checked_sub(counts.of(*cost)) {
                Some(left) => room = left,
                None => return Some(*at + window),
            }
        }
        None
    }

    /// What no window can hold any more, and turns that nobody takes.
    fn forget(&mut self, now: Instant) {
        while self.entries.front().is_some_and(|(at, _)| *at + HOUR <= now) {
            self.entries.pop_front();
        }
        self.turns.retain(|_, turn| *turn + FORGET_AFTER > now);
        self.closed_until = self.closed_until.filter(|until| *until > now);
    }
}

#[derive(Debug, Clone, Copy)]
enum Counts {
    Writes,
    Requests,
}

impl Counts {
    fn of(self, cost: Cost) -> u32 {
        match self {
            Self::Writes => cost.writes,
            Self::Requests => cost.requests,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Cost = Cost { writes: 4, requests: 20 };

    /// The turns of `count` works that all come at once, in seconds.
    fn turns(limits: Limits, count: usize) -> Vec<u64> {
        let (mut calendar, now) = (Calendar::new(limits), Instant::now());
        let wait = |n: usize| calendar.admit(&n.to_string(), ROUND, now).err().unwrap_or_default().as_secs();
        (0..count).map(wait).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn work_waits_in_order_for_room_in_every_window() {
        let by_minute = turns(Limits::default(), 100);
        assert_eq!((by_minute[19], by_minute[20], by_minute[99]), (0, 60, 240));
        assert!(by_minute.is_sorted());
        let by_hour = turns(Limits::default(), 126);
        assert_eq!((by_hour[124], by_hour[125]), (360, 3600));
        let by_requests = turns(Limits { requests_an_hour: 40, ..Limits::default() }, 3);
        assert_eq!(by_requests, [0, 0, 3600]);
    }

    /// Whatever comes when: no window of a minute or an hour has more than its limit.
    #[tokio::test(start_paused = true)]
    async fn no_window_has_more_than_its_limit() {
        let limits = Limits { writes_a_minute: 10, writes_an_hour: 35, requests_an_hour: 1_000 };
        let (mut calendar, start) = (Calendar::new(limits), Instant::now());
        let mut begun: Vec<(Instant, u32)> = Vec::new();
        let mut waiting: VecDeque<(usize, u32)> = (0..60).map(|n| (n, 1 + n as u32 % 4)).collect();
        for second in 0..20_000 {
            let now = start + Duration::from_secs(second);
            while let Some((n, writes)) = waiting.front().copied() {
                if calendar.admit(&n.to_string(), Cost { writes, requests: writes }, now).is_err() {
                    break;
                }
                begun.push((now, writes));
                waiting.pop_front();
            }
        }
        assert_eq!(waiting.len(), 0, "all had their turn");
        for (at, _) in &begun {
            let within = |window| -> u32 {
                let inside = begun.iter().filter(|(other, _)| other <= at && *other + window > *at);
                inside.map(|(_, writes)| writes).sum()
            };
            assert!(within(MINUTE) <= 10 && within(HOUR) <= 35, "{} {}", within(MINUTE), within(HOUR));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_kept_and_taken_once() {
        let limits = Limits { writes_a_minute: 4, ..Limits::default() };
        let (mut calendar, now) = (Calendar::new(limits), Instant::now());
        assert_eq!(calendar.admit("a", ROUND, now), Ok(()));
        assert_eq!(calendar.admit("b", ROUND, now), Err(MINUTE));
        assert_eq!(calendar.admit("c", ROUND, now), Err(2 * MINUTE));
        assert_eq!((calendar.admit("b", ROUND, now), calendar.waiting()), (Err(MINUTE), 2));
        assert_eq!(calendar.admit("b", ROUND, now + MINUTE), Ok(()));
        assert_eq!(calendar.admit("b", ROUND, now + MINUTE), Err(2 * MINUTE), "a second time is new work");
    }

    #[tokio::test(start_paused = true)]
    async fn what_github_says_closes_the_calendar() {
        let (mut calendar, now) = (Calendar::new(Limits::default()), Instant::now());
        calendar.close(now + Duration::from_secs(90));
        calendar.close(now + Duration::from_secs(30));
        assert_eq!(calendar.wait_of_new_work(ROUND, now).as_secs(), 90);
        assert_eq!(calendar.admit("a", ROUND, now), Err(Duration::from_secs(90)));
        assert_eq!(calendar.admit("a", ROUND, now + Duration::from_secs(90)), Ok(()));
    }
}
