//! A class on a budget, in virtual time: many tasks at once, each admitted by the product's own
//! calendar of what a token may do. Nothing is sent; what is measured is the order and the waits.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use ::github::budget::{Calendar, Cost, Limits};
use tokio::time::Instant;

/// A class.
#[derive(Debug, Clone, Copy)]
pub struct Class {
    /// Tasks, all accepted at the same moment.
    pub tasks: usize,
    /// Owners with a token each; tasks go round.
    pub owners: usize,
    /// What each token may do.
    pub limits: Limits,
    /// What each task takes.
    pub cost: Cost,
    /// Flows that the service runs at once; one that waits for its turn is one of them.
    pub flows_at_once: usize,
    /// From the admission of a task to its callback.
    pub work: Duration,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Went {
    /// Tasks that came to their callback.
    pub called_back: usize,
    /// Whether each token's tasks began in the order in which they were accepted.
    pub in_order: bool,
    /// From acceptance to the last callback.
    pub last_callback: Duration,
    /// The same if only the limits of the tokens counted.
    pub least: Duration,
}

/// A moment at which something happens to a task; by time, then by the task's number.
type Moment = Reverse<(Duration, usize)>;

impl Class {
    /// Plays it.
    #[must_use]
    pub fn play(&self) -> Went {
        let start = Instant::now();
        let owners = self.owners.max(1);
        let mut calendars: Vec<Calendar> = (0..owners).map(|_| Calendar::new(self.limits)).collect();
        let mut queue: VecDeque<usize> = (0..self.tasks).collect();
        let mut asking: BinaryHeap<Moment> = BinaryHeap::new();
        let mut ending: BinaryHeap<Moment> = BinaryHeap::new();
        let (mut now, mut last) = (Duration::ZERO, Duration::ZERO);
        let mut begun: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut called_back = 0;
        loop {
            while asking.len() + ending.len() < self.flows_at_once.max(1) {
                let Some(task) = queue.pop_front() else { break };
                asking.push(Reverse((now, task)));
            }
            let next = [asking.peek(), ending.peek()].into_iter().flatten().map(|Reverse((at, _))| *at).min();
            let Some(at) = next else { break };
            now = at;
            if let Some(Reverse((_, _))) = ending.peek().filter(|Reverse((end, _))| *end <= now) {
                ending.pop();
                called_back += 1;
                last = now;
                continue;
            }
            let Some(Reverse((_, task))) = asking.pop() else { break };
            let owner = task % owners;
            match calendars[owner].admit(&task.to_string(), self.cost, start + now) {
                Ok(()) => {
                    begun.entry(owner).or_default().push(task);
                    ending.push(Reverse((now + self.work, task)));
                }
                Err(wait) => asking.push(Reverse((now + wait, task))),
            }
        }
        let in_order = begun.values().all(|tasks| tasks.is_sorted());
        Went { called_back, in_order, last_callback: last, least: self.least() }
    }

    /// When the last task may begin, by full windows alone, and its work.
    fn least(&self) -> Duration {
        let a_token = self.tasks.div_ceil(self.owners.max(1));
        let an_hour = (self.limits.writes_an_hour / self.cost.writes.max(1)).max(1) as usize;
        let a_minute = (self.limits.writes_a_minute / self.cost.writes.max(1)).max(1) as usize;
        let before = a_token.saturating_sub(1);
        let (hours, minutes) = (before / an_hour, before % an_hour / a_minute);
        Duration::from_secs(3600 * hours as u64 + 60 * minutes as u64) + self.work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(tasks: usize, owners: usize, writes: u32) -> Went {
        let cost = Cost { writes, requests: 20 };
        let (limits, work) = (Limits::default(), Duration::from_secs(12));
        Class { tasks, owners, limits, cost, flows_at_once: 8, work }.play()
    }

    #[tokio::test(start_paused = true)]
    async fn a_class_of_a_hundred_is_through_within_its_ten_minutes() {
        let went = class(100, 1, 4);
        assert_eq!((went.called_back, went.in_order), (100, true));
        assert!(went.last_callback < Duration::from_secs(540), "{went:?}");
        assert!(went.last_callback >= went.least, "{went:?}");
        // By the git data API, with its eight writes, the last would wait for the next hour.
        assert!(class(100, 1, 8).last_callback > Duration::from_secs(3600));
    }

    #[tokio::test(start_paused = true)]
    async fn more_owners_take_more_tasks() {
        let (one, ten) = (class(500, 1, 4), class(500, 10, 4));
        assert_eq!((one.called_back, ten.called_back), (500, 500));
        assert!(one.in_order && ten.in_order);
        assert!(ten.last_callback < one.last_callback, "{one:?} {ten:?}");
        assert_eq!(one.least, Duration::from_secs(3 * 3600 + 6 * 60 + 12));
    }
}
