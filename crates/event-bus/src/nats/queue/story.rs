//! What the lines of a flow come to.

use std::time::Duration;

use ports::{Did, Dossier, StepRecord, TaskRecord, TaskUpdate};
use shared_types::http::{NotificationAttempt, TaskState};
use shared_types::{Envelope, Epoch, Payload, Timestamp};

use super::super::log::Stored;

/// A flow up to its last line. Of attempts before the present one it keeps how often they were taken, and who may still
/// be at work.
#[derive(Debug, Default)]
pub(in super::super) struct Story {
    /// How often it was taken.
    pub(in super::super) claims: u64,
    /// How often of that in earlier attempts.
    claims_before: u64,
    /// The place of the last line; 0 when there is none.
    pub(in super::super) last: u64,
    /// The latest offer that has come to its end, by being given back.
    ended: Option<u64>,
    finished: bool,
    /// Somebody's until then.
    until: Option<Timestamp>,
    steps: Vec<(StepRecord, TaskUpdate)>,
    attempts: Vec<NotificationAttempt>,
}

/// Whether an offer may be taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Free,
    /// Somebody has it and may well be alive.
    Held {
        wait: Duration,
    },
    /// The flow was given back or has ended since: the offer is good for nothing.
    Over,
}

impl Story {
    /// `since`: offers up to this number belong to earlier attempts.
    pub(in super::super) fn of(lines: Vec<Stored>, since: u64) -> Self {
        let mut story = Self::default();
        for Stored { seq, entry } in lines {
            story.last = seq;
            let is_earlier = entry.offer <= since;
            if !is_earlier {
                story.attempts.extend(events(&entry.did).iter().filter_map(attempt));
            }
            match entry.did {
                Did::Claimed { until } => {
                    story.claims = story.claims.max(entry.epoch.0);
                    if is_earlier {
                        story.claims_before = story.claims;
                    }
                    story.until = Some(until);
                }
                Did::Kept { until } => story.until = Some(until),
                // Whoever held it then is fenced off by this line, and the ledger has kept it waiting since.
                Did::Finished { .. } if is_earlier => story.until = None,
                Did::Recorded { .. } if is_earlier => {}
                Did::Recorded { step, update, .. } => story.steps.push((step, *update)),
                Did::Told { .. } => {}
                Did::Released { .. } => {
                    story.ended = story.ended.max(Some(entry.offer));
                    story.until = None;
                }
                Did::Finished { .. } => story.finished = true,
            }
        }
        story
    }

    pub(in super::super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether the flow has ended, or was given back under this offer or a later one.
    pub(in super::super) fn is_over(&self, offer: u64) -> bool {
        self.finished || self.ended >= Some(offer)
    }

    pub(super) fn standing(&self, offer: u64, now: Timestamp) -> Standing {
        if self.is_over(offer) {
            return Standing::Over;
        }
        match self.until.map(|until| until.since(now)) {
            Some(wait) if !wait.is_zero() => Standing::Held { wait },
            _ => Standing::Free,
        }
    }

    /// Steps of the ledger, then those that it has not heard of.
    pub(super) fn journal(&self, dossier: &Dossier) -> Vec<StepRecord> {
        let new = self.unknown_to(dossier).map(|(step, _)| step);
        dossier.journal.iter().chain(new).cloned().collect()
    }

    /// The task as it stands.
    pub(super) fn task(&self, dossier: &Dossier) -> TaskRecord {
        let mut task = TaskRecord { state: TaskState::Running, ..dossier.task.clone() };
        // Epochs count the takings here, not those of the ledger.
        task.attempt.epoch = Epoch(self.claims_before);
        for (_, update) in self.unknown_to(dossier) {
            let TaskUpdate { report, repo_url, commit_sha, pages_url, notes } = update.clone();
            task.report = report.or(task.report);
            task.repo_url = repo_url.or(task.repo_url);
            task.commit_sha = commit_sha.or(task.commit_sha);
            task.pages_url = pages_url.or(task.pages_url);
            task.notes.extend(notes);
        }
        task
    }

    /// Attempts of the ledger, then those that it has not heard of.
    pub(super) fn attempts(&self, dossier: &Dossier) -> Vec<NotificationAttempt> {
        let known = dossier.attempts.iter().map(|attempt| attempt.attempt).max().unwrap_or(0);
        let new = self.attempts.iter().filter(|attempt| attempt.attempt > known);
        dossier.attempts.iter().chain(new).cloned().collect()
    }

    fn unknown_to<'a>(&'a self, dossier: &'a Dossier) -> impl Iterator<Item = &'a (StepRecord, TaskUpdate)> {
        self.steps.iter().filter(|(step, _)| dossier.journal.iter().all(|known| known.step != step.step))
    }
}

/// The events of a line.
pub(super) fn events(did: &Did) -> &[Envelope] {
    match did {
        Did::Claimed { .. } | Did::Kept { .. } => &[],
        Did::Recorded { events, .. }
        | Did::Told { events }
        | Did::Released { events, .. }
        | Did::Finished { events, .. } => events,
    }
}

/// The attempt to notify that an event tells of.
pub(super) fn attempt(event: &Envelope) -> Option<NotificationAttempt> {
    let Some(Payload::NotificationAttempted(made)) = &event.payload else { return None };
    Some(NotificationAttempt {
        attempt: made.attempt,
        at: Timestamp::from_unix_ms(event.occurred_at_ms),
        // 0 is the wire's word for: no answer came.
        status: u16::try_from(made.status).ok().filter(|status| *status != 0),
        verdict: made.verdict.clone(),
        latency_ms: made.latency_ms,
        error: Some(made.error.clone()).filter(|error| !error.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use ports::Closing;
    use shared_types::http::Outcome;

    use super::super::super::wire::Entry;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_000_000);

    /// Lines as `(offer, epoch, what)`, and how an offer stands then.
    #[track_caller]
    fn check(lines: &[(u64, u64, Did)], offer: u64, expected: &Standing) {
        check_since(0, lines, offer, expected);
    }

    /// The same where offers up to `since` belong to earlier attempts.
    #[track_caller]
    fn check_since(since: u64, lines: &[(u64, u64, Did)], offer: u64, expected: &Standing) {
        let stored = |(seq, (offer, epoch, did)): (u64, &(u64, u64, Did))| Stored {
            seq,
            entry: Entry { offer: *offer, epoch: Epoch(*epoch), did: did.clone() },
        };
        let story = Story::of((1..).zip(lines).map(stored).collect(), since);
        assert_eq!(story.standing(offer, NOW), *expected, "{lines:?}");
        assert_eq!(story.last, lines.len() as u64);
    }

    fn claimed(seconds: i64) -> Did {
        Did::Claimed { until: Timestamp::from_unix_ms(NOW.unix_ms() + seconds * 1000) }
    }

    fn released() -> Did {
        Did::Released { not_before: NOW, events: Vec::new() }
    }

    #[test]
    fn an_offer_is_free_until_somebody_has_it_and_over_once_it_was_given_back() {
        let wait = Duration::from_secs(30);
        check(&[], 1, &Standing::Free);
        check(&[(1, 1, claimed(30))], 1, &Standing::Held { wait });
        // A host that started anew offers what is at work under another number.
        check(&[(1, 1, claimed(30))], 2, &Standing::Held { wait });
        check(&[(1, 1, claimed(0))], 1, &Standing::Free);
        check(&[(1, 1, claimed(-5)), (1, 2, claimed(30))], 1, &Standing::Held { wait });
        check(&[(1, 1, claimed(30)), (1, 1, released())], 1, &Standing::Over);
        check(&[(1, 1, claimed(30)), (1, 1, released())], 2, &Standing::Free);
        check(&[(1, 1, claimed(30)), (1, 1, released()), (2, 2, claimed(30))], 2, &Standing::Held { wait });
    }

    #[test]
    fn what_ended_an_earlier_attempt_does_not_end_the_next_one() {
        let closing = Closing { outcome: Outcome::Failed, at: NOW, notification: None };
        let finished = || Did::Finished { closing: closing.clone(), events: Vec::new() };
        let ended = [(1, 1, claimed(30)), (1, 1, finished())];
        check_since(0, &ended, 2, &Standing::Over);
        check_since(1, &ended, 2, &Standing::Free);
        check_since(1, &[ended[0].clone(), ended[1].clone(), (2, 2, finished())], 2, &Standing::Over);
        // Its runner may still be at work.
        check_since(1, &ended[..1], 2, &Standing::Held { wait: Duration::from_secs(30) });
    }
}
