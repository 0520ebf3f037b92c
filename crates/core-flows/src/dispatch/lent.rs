//! A flow that is lent, and what a report about it means for the ledger.

use std::collections::HashSet;
use std::time::Duration;

use ports::{Attempt, Claim, Closing, Did, Lease, RepoName, Report, StepRecord, TaskRecord, TaskUpdate};
use shared_types::http::TaskState;
use shared_types::{Envelope, Timestamp};

use super::Options;

/// Something was in the way, which as a rule is on its way back: the first pause, which doubles.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// The longest pause: what is in the way is still worked on.
const TRY_AGAIN_AT_LAST: Duration = Duration::from_secs(10);

/// A flow that is lent.
#[derive(Debug)]
pub(super) struct Lent {
    /// Ours, by which its reports are written.
    pub(super) lease: Lease,
    pub(super) repo: RepoName,
    /// The attempt it was taken in.
    attempt: Attempt,
    /// What the ledger had when it was taken.
    pub(super) journal: Vec<StepRecord>,
    steps: HashSet<String>,
    events: HashSet<String>,
    /// When it was last offered, and how often that was refused in a row.
    offered: Option<(Timestamp, u32)>,
    /// Until when it is a runner's, by that runner's clock.
    until: Option<Timestamp>,
}

/// What is due for a flow.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nobody has it, as far as we know.
    Offer,
    /// Whoever has it is silent.
    Anew,
}

/// What to write.
#[derive(Debug, PartialEq)]
pub(super) enum Write {
    /// The ledger has it.
    Nothing,
    /// A step.
    Step { step: StepRecord, update: Box<TaskUpdate>, events: Vec<Envelope> },
    /// Events.
    Events(Vec<Envelope>),
    /// It is given back.
    Back { not_before: Timestamp, events: Vec<Envelope> },
    /// It has ended.
    End { closing: Closing, events: Vec<Envelope> },
}

impl Lent {
    /// A flow that the ledger gave out, with its events so far.
    pub(super) fn new(claim: Claim, events: Vec<Envelope>) -> Self {
        Self {
            lease: claim.lease,
            repo: claim.task.repo,
            attempt: claim.task.attempt,
            steps: claim.journal.iter().map(|record| record.step.clone()).collect(),
            journal: claim.journal,
            events: events.into_iter().map(|event| event.event_id).collect(),
            offered: None,
            until: None,
        }
    }

    /// What `report` adds to what the ledger has.
    pub(super) fn read(&mut self, report: Report) -> Write {
        // What was done in an attempt that an operator has put an end to since.
        if report.offer <= self.attempt.epoch.0 {
            return Write::Nothing;
        }
        match report.did {
            Did::Claimed { until } | Did::Kept { until } => {
                self.until = Some(until);
                Write::Nothing
            }
            Did::Recorded { step, .. } if self.steps.contains(&step.step) => Write::Nothing,
            Did::Recorded { step, update, events } => {
                self.steps.insert(step.step.clone());
                Write::Step { step, update, events: self.unknown(events) }
            }
            Did::Told { events } => self.told(events),
            // Given back under an offer before ours: ours is out, or will be.
            Did::Released { events, .. } if report.offer < self.lease.epoch.0 => {
                (self.until, self.offered) = (None, None);
                self.told(events)
            }
            Did::Released { not_before, events } => Write::Back { not_before, events: self.unknown(events) },
            Did::Finished { closing, events } => Write::End { closing, events: self.unknown(events) },
        }
    }

    /// Whether the ledger's flow is no longer the one that is out.
    pub(super) fn is_over(&self, task: &TaskRecord) -> bool {
        task.state == TaskState::Finished || task.attempt.number != self.attempt.number
    }

    fn told(&mut self, events: Vec<Envelope>) -> Write {
        let events = self.unknown(events);
        if events.is_empty() { Write::Nothing } else { Write::Events(events) }
    }

    fn unknown(&mut self, events: Vec<Envelope>) -> Vec<Envelope> {
        events.into_iter().filter(|event| self.events.insert(event.event_id.clone())).collect()
    }

    /// What is due at `now`.
    pub(super) fn due(&self, options: &Options, now: Timestamp) -> Option<Due> {
        match (self.offered, self.until) {
            (None, _) => Some(Due::Offer),
            (_, Some(until)) => (until.plus(options.grace) <= now).then_some(Due::Anew),
            (Some((at, refusals)), None) => {
                let pause = match refusals {
                    0 => options.remind,
                    refusals => (TRY_AGAIN * (1 << refusals.min(8))).min(TRY_AGAIN_AT_LAST),
                };
                (now.since(at) >= pause).then_some(Due::Offer)
            }
        }
    }

    /// It was offered at `now`.
    pub(super) fn offered(&mut self, went_out: bool, now: Timestamp) {
        let refused = self.offered.map_or(0, |(_, refusals)| refusals);
        self.offered = Some((now, if went_out { 0 } else { refused.saturating_add(1) }));
        // Whoever takes it now says so.
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use ports::testing::conformance::{event, step};
    use shared_types::events::StepStarted;
    use shared_types::http::Outcome;
    use shared_types::{Epoch, Payload, TaskId};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_000_000);

    /// Lent under offer 2, with `prepare` recorded and one event stored.
    fn lent() -> Lent {
        Lent {
            lease: Lease { task: TaskId::from_parts(1, 7), epoch: Epoch(2) },
            repo: "sales-1".parse().unwrap(),
            attempt: Attempt::FIRST,
            journal: vec![step("prepare")],
            steps: ["prepare".to_owned()].into(),
            events: [told(1).event_id].into(),
            offered: None,
            until: None,
        }
    }

    fn told(n: u64) -> Envelope {
        event(n, Payload::StepStarted(StepStarted { step: "generate".to_owned(), attempt: 1 }))
    }

    #[track_caller]
    fn check(offer: u64, did: Did, expected: &Write) {
        let mut lent = lent();
        let report = || Report { seq: 9, task: lent.lease.task, offer, epoch: Epoch(1), did: did.clone() };
        let (once, twice) = (report(), report());
        assert_eq!(lent.read(once), *expected);
        // The same once more: nothing of it is new.
        match lent.read(twice) {
            Write::Nothing => {}
            Write::Back { events, .. } | Write::End { events, .. } => assert_eq!(events, []),
            more => panic!("written twice: {more:?}"),
        }
    }

    #[test]
    fn what_the_ledger_has_is_not_written_again() {
        let update = Box::<TaskUpdate>::default;
        let events = || vec![told(1), told(2)];
        let record = |name| Did::Recorded { step: step(name), update: update(), events: events() };
        check(2, record("prepare"), &Write::Nothing);
        let new = Write::Step { step: step("generate"), update: update(), events: vec![told(2)] };
        check(2, record("generate"), &new);
        check(2, Did::Told { events: vec![told(1)] }, &Write::Nothing);
        check(2, Did::Told { events: events() }, &Write::Events(vec![told(2)]));
        check(2, Did::Kept { until: NOW }, &Write::Nothing);
    }

    #[test]
    fn a_flow_given_back_under_an_earlier_offer_stays_lent() {
        let back = || Did::Released { not_before: NOW, events: vec![told(2)] };
        check(2, back(), &Write::Back { not_before: NOW, events: vec![told(2)] });
        check(1, back(), &Write::Events(vec![told(2)]));
        let closing = Closing { outcome: Outcome::HandedIn, at: NOW, notification: None };
        let events = vec![told(2)];
        check(1, Did::Finished { closing: closing.clone(), events: events.clone() }, &Write::End { closing, events });
    }

    #[test]
    fn what_an_earlier_attempt_did_is_left_out() {
        let closing = Closing { outcome: Outcome::Failed, at: NOW, notification: None };
        for did in [
            Did::Recorded { step: step("generate"), update: Box::default(), events: vec![told(2)] },
            Did::Finished { closing, events: vec![told(2)] },
        ] {
            let mut lent = Lent { attempt: Attempt { number: 2, began_at: Some(NOW), epoch: Epoch(1) }, ..lent() };
            let report = |offer| Report { seq: 9, task: lent.lease.task, offer, epoch: Epoch(1), did: did.clone() };
            let (earlier, present) = (report(1), report(2));
            assert_eq!(lent.read(earlier), Write::Nothing);
            assert_ne!(lent.read(present), Write::Nothing);
        }
    }

    #[test]
    fn what_nobody_takes_is_offered_again_and_what_went_silent_anew() {
        let options = Options { grace: Duration::from_secs(30), remind: Duration::from_secs(60) };
        let later = |seconds| NOW.plus(Duration::from_secs(seconds));
        let mut lent = lent();
        assert_eq!(lent.due(&options, NOW), Some(Due::Offer));
        lent.offered(false, NOW);
        assert_eq!(lent.due(&options, later(1)), Some(Due::Offer));
        lent.offered(true, NOW);
        assert_eq!((lent.due(&options, later(59)), lent.due(&options, later(60))), (None, Some(Due::Offer)));
        lent.until = Some(later(10));
        assert_eq!((lent.due(&options, later(39)), lent.due(&options, later(40))), (None, Some(Due::Anew)));
        lent.offered(true, later(40));
        assert_eq!(lent.due(&options, later(41)), None);
    }
}
