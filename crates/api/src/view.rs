//! How a task is shown: pure functions from what the ledger holds to what operators read.

use ports::TaskRecord;
use shared_types::http::{AttachmentView, NotificationAttempt, StepState, StepView, TaskSummary, TaskView};
use shared_types::{Envelope, Payload, Timestamp};

/// One row of the list.
pub(crate) fn summary(record: &TaskRecord) -> TaskSummary {
    TaskSummary {
        id: record.id,
        task: record.task.clone(),
        round: record.round,
        state: record.state,
        outcome: record.outcome,
        attempt: record.attempt.number,
        accepted_at: record.accepted_at,
        finished_at: record.finished_at,
        pages_url: record.pages_url.as_ref().map(ToString::to_string),
    }
}

/// The whole task. The address is masked by its `Display`.
pub(crate) fn task(record: TaskRecord, steps: Vec<StepView>, notifications: Vec<NotificationAttempt>) -> TaskView {
    let attachments = record.attachments.iter().map(|attachment| AttachmentView {
        name: attachment.path.to_string(),
        media_type: attachment.media_type.clone(),
        size: attachment.size,
        sha256: attachment.sha256.clone(),
    });
    TaskView {
        summary: summary(&record),
        trace_id: record.trace_id,
        email: record.email.to_string(),
        nonce: record.nonce,
        brief: record.brief,
        deadline_at: record.deadline_at,
        attachments: attachments.collect(),
        steps,
        report: record.report,
        repo_url: record.repo_url.map(String::from),
        commit_sha: record.commit_sha,
        notifications,
        notes: record.notes,
    }
}

/// The plan's steps in order, each with what the events say of it. A step that events name and the plan does not
/// (a plan of an earlier version) follows at the end.
pub(crate) fn steps(plan: &[&str], events: &[Envelope]) -> Vec<StepView> {
    let mut steps: Vec<StepView> = plan.iter().map(|name| waiting(name)).collect();
    for event in events {
        let at = Timestamp::from_unix_ms(event.occurred_at_ms);
        match &event.payload {
            Some(Payload::StepStarted(started)) => {
                let step = entry(&mut steps, &started.step);
                step.attempts += 1;
                step.started_at.get_or_insert(at);
                if step.state == StepState::Waiting {
                    step.state = StepState::Running;
                }
            }
            Some(Payload::StepRetrying(retrying)) => {
                let (attempt, wait_ms, reason) = (retrying.attempt, retrying.wait_ms, &retrying.reason);
                let summary = format!("attempt {attempt} failed, again in {wait_ms} ms: {reason}");
                entry(&mut steps, &retrying.step).summary = Some(summary);
            }
            Some(Payload::StepFinished(finished)) => {
                let step = entry(&mut steps, &finished.step);
                step.state = StepState::Done;
                step.finished_at = Some(at);
                step.summary = Some(finished.summary.clone());
            }
            Some(Payload::TaskFinished(finished)) => {
                // A step that the flow did not get past is what ended it.
                for step in steps.iter_mut().filter(|step| step.state == StepState::Running) {
                    step.state = StepState::Failed;
                    step.finished_at = Some(at);
                    step.summary = Some(finished.reason.clone());
                }
            }
            Some(Payload::TaskRetried(retried)) => {
                let from = plan.iter().position(|name| *name == retried.from_step).unwrap_or(plan.len());
                for step in steps.iter_mut().take(plan.len()).skip(from) {
                    *step = StepView { attempts: step.attempts, ..waiting(&step.step) };
                }
            }
            _ => {}
        }
    }
    steps
}

fn waiting(name: &str) -> StepView {
    StepView {
        step: name.to_owned(),
        state: StepState::Waiting,
        started_at: None,
        finished_at: None,
        attempts: 0,
        summary: None,
    }
}

fn entry<'a>(steps: &'a mut Vec<StepView>, name: &str) -> &'a mut StepView {
    let index = steps.iter().position(|step| step.step == name).unwrap_or_else(|| {
        steps.push(waiting(name));
        steps.len() - 1
    });
    &mut steps[index]
}

#[cfg(test)]
mod tests {
    use shared_types::events::{StepFinished, StepRetrying, StepStarted, TaskFinished, TaskRetried};

    use super::*;

    fn event(ms: i64, payload: Payload) -> Envelope {
        Envelope { occurred_at_ms: ms, payload: Some(payload), ..Envelope::default() }
    }
    fn started(ms: i64, step: &str, attempt: u32) -> Envelope {
        event(ms, Payload::StepStarted(StepStarted { step: step.to_owned(), attempt }))
    }
    fn retrying(ms: i64, step: &str) -> Envelope {
        let reason = "model overloaded".to_owned();
        event(ms, Payload::StepRetrying(StepRetrying { step: step.to_owned(), attempt: 1, wait_ms: 250, reason }))
    }
    fn finished(ms: i64, step: &str) -> Envelope {
        let summary = "4 files".to_owned();
        event(ms, Payload::StepFinished(StepFinished { step: step.to_owned(), summary, duration_ms: 1 }))
    }

    fn retried(ms: i64, from_step: &str) -> Envelope {
        let retried = TaskRetried { attempt: 2, from_step: from_step.to_owned(), deadline_at_ms: 0 };
        event(ms, Payload::TaskRetried(retried))
    }

    fn ended(ms: i64, reason: &str) -> Envelope {
        event(ms, Payload::TaskFinished(TaskFinished { reason: reason.to_owned(), ..TaskFinished::default() }))
    }

    #[track_caller]
    fn check(events: &[Envelope], expected: &[&str]) {
        let ms = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.unix_ms().to_string());
        let shown: Vec<_> = steps(&["generate", "verify"], events)
            .iter()
            .map(|step| {
                let (from, to) = (ms(step.started_at), ms(step.finished_at));
                let summary = step.summary.as_deref().unwrap_or("");
                format!("{} {:?} {from}..{to} x{} {summary}", step.step, step.state, step.attempts)
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn steps_show_what_their_events_say() {
        check(&[], &["generate Waiting -..- x0 ", "verify Waiting -..- x0 "]);
        check(
            &[started(1, "generate", 1), retrying(2, "generate")],
            &[
                "generate Running 1..- x1 attempt 1 failed, again in 250 ms: model overloaded",
                "verify Waiting -..- x0 ",
            ],
        );
        check(
            &[
                started(1, "generate", 1),
                retrying(2, "generate"),
                started(3, "generate", 2),
                finished(4, "generate"),
                started(5, "verify", 1),
                started(6, "judge", 1),
            ],
            &["generate Done 1..4 x2 4 files", "verify Running 5..- x1 ", "judge Running 6..- x1 "],
        );
        check(
            &[started(1, "generate", 1), ended(2, "no space left")],
            &["generate Failed 1..2 x1 no space left", "verify Waiting -..- x0 "],
        );
        // A retry begins with what failed, and keeps what was done.
        check(
            &[finished(1, "generate"), started(2, "verify", 1), ended(3, "no browser"), retried(4, "verify")],
            &["generate Done -..1 x0 4 files", "verify Waiting -..- x1 "],
        );
    }
}
