//! The operator's levers: another attempt, an end, the notification once more, and forgetting a person.
//!
//! A retry keeps every step that did what it should and begins with the first that did not; which that is follows from
//! how the task ended and what its journal says. It has its ten minutes anew and a name of its own
//! ([`ports::TaskRecord::attempt_id`]), so that an evaluator that has seen the earlier attempt takes the new one.

mod forget;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ports::{
    AnswerCache, Archive, Clock, CodeHost, Declined, Gatekeeper, Ids, Ledger, Levers, Moved, Notifier, Oblivion,
    Operator, Reopening, Repositories, Standing, StepRecord, TaskRecord,
};
use shared_types::events::{Subject, TaskFinished, TaskRetried};
use shared_types::http::{Forgotten, NotificationAttempt, Outcome, TaskState};
use shared_types::{Email, Envelope, Payload, TaskId, Timestamp};
use tracing::info;

use crate::journal::Progress;
use crate::plan::{Plan, Step};
use crate::{relay, renotify};

/// What the levers need of the world.
#[derive(Clone)]
pub struct World {
    /// Where tasks are read.
    pub ledger: Arc<dyn Ledger>,
    /// Where they are changed.
    pub levers: Arc<dyn Levers>,
    /// Where persons are forgotten.
    pub oblivion: Arc<dyn Oblivion>,
    /// Kept answers of models.
    pub answers: Arc<dyn AnswerCache>,
    /// Copies of tasks elsewhere, where there are any.
    pub archive: Option<Arc<dyn Archive>>,
    /// Where repositories are deleted; without it they cannot be.
    pub host: Option<Arc<dyn CodeHost>>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
    /// Who tells evaluators, and what may be said of how that went; without it notifications cannot be sent again.
    pub teller: Option<(Arc<dyn Notifier>, Arc<dyn Gatekeeper>)>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("teller", &self.teller.is_some()).finish_non_exhaustive()
    }
}

/// Decides about the levers, and pulls them.
pub struct Service {
    world: World,
    time_to_deliver: Duration,
    outbox: relay::Handle,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").field("time_to_deliver", &self.time_to_deliver).finish_non_exhaustive()
    }
}

impl Service {
    /// Each new attempt has `time_to_deliver`. `outbox` is woken whenever something was stored.
    #[must_use]
    pub fn new(world: World, time_to_deliver: Duration, outbox: relay::Handle) -> Self {
        Self { world, time_to_deliver, outbox }
    }

    fn event(&self, task: &TaskRecord, at: Timestamp, payload: Payload) -> Envelope {
        Envelope::new(self.world.ids.event_id(), at, &subject(task), payload)
    }

    async fn standing(&self, id: TaskId) -> Result<Standing, Declined> {
        self.world.levers.standing(id).await?.ok_or(Declined::Unknown(id))
    }

    /// The record after a lever was pulled.
    async fn after(&self, id: TaskId, moved: Moved) -> Result<TaskRecord, Declined> {
        if moved == Moved::No {
            return Err(Declined::NotNow(format!("{id} changed in this moment: look at it, and ask again")));
        }
        self.outbox.wake();
        self.world.ledger.task(id).await?.ok_or(Declined::Unknown(id))
    }
}

#[async_trait]
impl Operator for Service {
    async fn retry(&self, id: TaskId, from: Option<&str>) -> Result<TaskRecord, Declined> {
        let standing = self.standing(id).await?;
        let (keep, first) = resume(&standing, from).map_err(Declined::NotNow)?;
        let (task, at) = (&standing.task, self.world.clock.now());
        let deadline_at = at.plus(self.time_to_deliver);
        let retried = TaskRetried {
            attempt: task.attempt.number + 1,
            from_step: first.to_string(),
            deadline_at_ms: deadline_at.unix_ms(),
        };
        let event = self.event(task, at, Payload::TaskRetried(retried));
        let reopening = Reopening { id, after_attempt: task.attempt.number, keep, at, deadline_at, event };
        let moved = self.world.levers.reopen(reopening).await?;
        let task = self.after(id, moved).await?;
        let attempt = task.attempt.number;
        info!(event = "task.retried", task_id = %id, attempt, step = %first, "an operator began a new attempt");
        Ok(task)
    }

    async fn cancel(&self, id: TaskId) -> Result<TaskRecord, Declined> {
        let task = self.world.ledger.task(id).await?.ok_or(Declined::Unknown(id))?;
        if task.state == TaskState::Finished {
            let outcome = task.outcome.map_or("unknown", Outcome::as_str);
            return Err(Declined::NotNow(format!("{id} has ended already: {outcome}")));
        }
        let finished = TaskFinished {
            outcome: Outcome::Cancelled.as_str().to_owned(),
            reason: "cancelled by an operator".to_owned(),
            ..TaskFinished::default()
        };
        let at = self.world.clock.now();
        let event = self.event(&task, at, Payload::TaskFinished(finished));
        let moved = self.world.levers.cancel(id, at, event).await?;
        let task = self.after(id, moved).await?;
        info!(event = "task.cancelled", task_id = %id, "an operator ended a task");
        Ok(task)
    }

    async fn renotify(&self, id: TaskId) -> Result<NotificationAttempt, Declined> {
        let World { ledger, clock, ids, .. } = &self.world;
        let Some((notifier, gatekeeper)) = &self.world.teller else {
            let why = "notifications are sent by a running service: start `sitewright serve` on this data folder first";
            return Err(Declined::NotNow(why.to_owned()));
        };
        let task = ledger.task(id).await?.ok_or(Declined::Unknown(id))?;
        if task.state != TaskState::Finished {
            return Err(Declined::NotNow(format!("{id} has not ended: its evaluator is told at its end")));
        }
        let Some(body) = ledger.notification(id).await? else {
            let why = format!("{id} has nothing to tell: it ended before a site was published; retry it instead");
            return Err(Declined::NotNow(why));
        };
        let told = renotify::tell(ledger.as_ref(), notifier.as_ref(), gatekeeper.as_ref(), &task, body).await?;
        let at = clock.now();
        let event = Envelope::new(ids.event_id(), at, &subject(&task), Payload::NotificationAttempted(told.clone()));
        ledger.add_events(id, vec![event]).await?;
        self.outbox.wake();
        Ok(NotificationAttempt {
            attempt: told.attempt,
            at,
            // 0 is the wire's word for: no answer came.
            status: u16::try_from(told.status).ok().filter(|status| *status != 0),
            verdict: told.verdict,
            latency_ms: told.latency_ms,
            error: Some(told.error).filter(|error| !error.is_empty()),
        })
    }

    async fn forget(&self, email: &Email, repositories: Repositories) -> Result<Forgotten, Declined> {
        self.forget_person(email, repositories).await
    }
}

/// The steps whose records stay, and the one that the new attempt begins with; or, in words, why there is none.
fn resume(standing: &Standing, from: Option<&str>) -> Result<(Vec<String>, Step), String> {
    let Standing { task, journal, published_later } = standing;
    if task.state == TaskState::Running {
        return Err(format!("{} is being worked on: cancel it first, or let it end", task.id));
    }
    let steps = Plan::for_round(task.round).steps();
    let first = match from {
        Some(name) => named(steps, journal, name)?,
        None => first_bad(task, steps, journal)?,
    };
    let place = |step: Step| steps.iter().position(|known| *known == step);
    if let Some(later) = published_later.filter(|_| place(first) <= place(Step::Publish)) {
        return Err(format!(
            "round {} is superseded: {later} has published a later round of the same repository, which this one would \
             overwrite; retry that one, or send the round again under a new nonce",
            task.round
        ));
    }
    // What this task has published itself is the new base: a repository that was read before it would look moved.
    let first = match steps.contains(&Step::Fetch) && task.commit_sha.is_some() {
        true if (place(Step::Fetch)..=place(Step::Publish)).contains(&place(first)) => Step::Fetch,
        _ => first,
    };
    let before = steps.iter().take_while(|step| **step != first).map(|step| step.as_str());
    let keep = before.filter(|name| journal.iter().any(|record| record.step == *name));
    Ok((keep.map(str::to_owned).collect(), first))
}

/// The step of this name; those before it must have been done.
fn named(steps: &[Step], journal: &[StepRecord], name: &str) -> Result<Step, String> {
    let names: Vec<&str> = steps.iter().map(|step| step.as_str()).collect();
    let Some(step) = steps.iter().copied().find(|step| step.as_str() == name) else {
        return Err(format!("there is no step `{name}` in this round; its steps are {}", names.join(", ")));
    };
    let next = next_of(steps, journal);
    let place = |wanted: Step| steps.iter().position(|known| *known == wanted);
    if place(step) > place(next) {
        return Err(format!("the journal ends before `{next}`: begin there, or earlier"));
    }
    Ok(step)
}

/// The first step without a record.
fn next_of(steps: &[Step], journal: &[StepRecord]) -> Step {
    let missing = |step: &&Step| !journal.iter().any(|record| record.step == step.as_str());
    steps.iter().find(missing).copied().unwrap_or(Step::Record)
}

fn first_bad(task: &TaskRecord, steps: &[Step], journal: &[StepRecord]) -> Result<Step, String> {
    match task.outcome {
        // What failed left no record; what waits goes on where it is.
        None | Some(Outcome::Failed | Outcome::Cancelled) => Ok(next_of(steps, journal)),
        Some(Outcome::Undelivered | Outcome::Refused) => {
            // A journal that cannot be read is no reason not to tell the evaluator.
            let progress = Progress::replay(steps, journal).ok();
            let live = progress.as_ref().and_then(|progress| progress.served().ok()).is_none_or(|served| served.live);
            Ok(if live { Step::Notify } else { Step::Pages })
        }
        Some(Outcome::HandedIn) => {
            Err(format!("{} was handed in: name the step to begin with, such as `generate`", task.id))
        }
    }
}

fn subject(task: &TaskRecord) -> Subject {
    Subject { id: task.id, name: task.task.clone(), round: task.round, trace_id: task.trace_id.clone() }
}
