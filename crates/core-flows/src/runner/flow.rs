//! One flow from its claim to its end: runs the steps of its plan that the journal does not hold
//! yet, and writes each outcome before the next step begins.
//!
//! Invariants: a step's events and its outcome are one commit; nothing is written after the lease
//! was lost; a flow ends finished, or released to be claimed again. What may pass ends no flow within a
//! day: when a step's time is over, the flow is put back and goes on later, however late that is.

use std::time::Duration;

use metrics::{counter, histogram};
use ports::{Claim, ErrorChain, LeaseError, StepRecord, Verdict};
use shared_types::events::{FlowResumed, StepFinished, StepRetrying, StepStarted, Subject};
use shared_types::{Envelope, Payload, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error_span, info, warn};

use crate::context::{Context, Error, Options};
use crate::deadline::Deadline;
use crate::journal::Progress;
use crate::plan::{Plan, Step};
use crate::steps::{self, Done};
use crate::tenure::Tenure;
use crate::{Ports, relay};

/// A flow whose ledger does not answer is looked at again after this, times how often it was taken up.
const RELEASE_FOR: Duration = Duration::from_secs(2);

/// No flow is put away for longer.
const LONGEST_RELEASE: Duration = Duration::from_secs(60);

/// A flow whose step may succeed later is put back for this, times how often it was taken up, or for as long as the other side asks.
const PARK_FOR: Duration = Duration::from_secs(30);

/// It is looked at again at least this often,
const LONGEST_PARKING: Duration = Duration::from_secs(20 * 60);

/// unless the other side names a longer wait.
const LONGEST_NAMED: Duration = Duration::from_secs(3600);

/// From the beginning of an attempt on. A token is replaced and a host is well again within a day, or not at all.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// A flow that was taken up this often and did not end never will: each time costs events.
const MAX_EPOCHS: u64 = 100;

/// A claimed flow.
pub(super) struct Flow {
    ctx: Context,
    claim: Claim,
    claimed_at: Timestamp,
}

/// How the work on a claimed flow ended.
enum End {
    Finished,
    /// Shutdown: the next process goes on.
    Paused,
    /// Something outside has to be mended first.
    Parked,
}

/// What became of one step.
enum StepEnd {
    Done(Box<Done>, u32),
    /// The flow cannot go on; the reason may be shown.
    Hopeless(String),
    /// The flow cannot go on before this is over; the reason may be shown.
    Later(Duration, String),
    Paused,
}

impl Flow {
    /// A flow that was claimed at `claimed_at`.
    pub(super) fn new(
        ports: Ports,
        options: Options,
        outbox: relay::Handle,
        claim: Claim,
        claimed_at: Timestamp,
    ) -> Self {
        let task = claim.task.clone();
        let subject =
            Subject { id: task.id, name: task.task.clone(), round: task.round, trace_id: task.trace_id.clone() };
        let tenure = Tenure::new(options.lease, claimed_at);
        let ctx = Context { ports, task, subject, lease: claim.lease, tenure, options, outbox };
        Self { ctx, claim, claimed_at }
    }

    /// Runs the flow; what goes wrong is logged here and nowhere else.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let task = &self.ctx.task;
        // Of the level of errors, so that no filter takes the context from a line that is shown.
        let span = error_span!(
            "flow",
            trace_id = %task.trace_id,
            actor = %task.email,
            task = %task.task,
            round = task.round.get(),
            nonce = %task.nonce,
            task_id = %task.id,
        );
        async {
            let ended = tokio::select! {
                // A flow that has ended has no lease to lose.
                biased;
                ended = self.walk(&shutdown) => ended,
                lost = self.keep_lease() => Err(lost),
            };
            match ended {
                // What a parked one waits for has been said.
                Ok(End::Finished | End::Parked) => {}
                Ok(End::Paused) => info!(event = "flow.paused", "flow paused at a journal point"),
                Err(Error::Lease(lost)) => warn!(event = "flow.lost", error = %lost, "flow is somebody else's now"),
                Err(error) if error.verdict() == Verdict::GiveUp || self.times_taken_up() > MAX_EPOCHS => {
                    self.give_up(&error).await;
                }
                Err(error) => {
                    let wait = RELEASE_FOR
                        .saturating_mul(u32::try_from(self.times_taken_up()).unwrap_or(u32::MAX))
                        .min(LONGEST_RELEASE);
                    let wait_ms = wait.as_millis() as u64;
                    warn!(event = "flow.put_back", wait_ms, error = %ErrorChain(&error), "flow is put back");
                    self.put_back(wait).await;
                }
            }
            self.ctx.outbox.wake();
        }
        .instrument(span)
        .await;
    }

    async fn walk(&self, shutdown: &CancellationToken) -> Result<End, Error> {
        let steps = Plan::for_round(self.ctx.task.round).steps();
        let mut progress = Progress::replay(steps, &self.claim.journal)?;
        if self.times_taken_up() > MAX_EPOCHS {
            return Err(Error::Unpublishable(format!("taken up {MAX_EPOCHS} times without coming to its end")));
        }
        self.announce().await?;
        let mut begun = false;
        for (index, step) in steps.iter().copied().enumerate() {
            if self.claim.journal.iter().any(|record| record.step == step.as_str()) {
                continue;
            }
            if step == Step::Record {
                return self.close(&progress).await;
            }
            if shutdown.is_cancelled() {
                self.put_back(Duration::ZERO).await;
                return Ok(End::Paused);
            }
            let started_at = self.ctx.ports.clock.now();
            if !std::mem::take(&mut begun) {
                self.append(vec![self.started(step, 1)]).await?;
            }
            match self.attempt(step, &progress, shutdown).await? {
                StepEnd::Done(done, attempts) => {
                    let next = steps.get(index + 1).copied().filter(|next| *next != Step::Record);
                    self.record(step, started_at, attempts, &done, next).await?;
                    begun = next.is_some();
                    progress.apply(done.outcome);
                }
                StepEnd::Hopeless(reason) => {
                    warn!(event = "flow.gave_up", step = %step, reason, "flow cannot go on");
                    let (closing, event) = steps::close_failed(&self.ctx, step.as_str(), &reason);
                    return self.finish(closing, vec![self.ctx.event(event)]).await;
                }
                StepEnd::Later(wait, reason) => {
                    let wait_ms = wait.as_millis() as u64;
                    warn!(event = "flow.parked", step = %step, wait_ms, reason, "flow is put back and goes on later");
                    self.append(vec![self.retrying(step, 1, wait, reason)]).await?;
                    self.put_back(wait).await;
                    return Ok(End::Parked);
                }
                StepEnd::Paused => {
                    self.put_back(Duration::ZERO).await;
                    return Ok(End::Paused);
                }
            }
        }
        Ok(End::Finished)
    }

    /// The last step: it leaves no record, since it ends the flow.
    async fn close(&self, progress: &Progress) -> Result<End, Error> {
        let (closing, event) = steps::close(&self.ctx, progress)?;
        let summary = closing.outcome.as_str().to_owned();
        let done = Payload::StepFinished(StepFinished { step: Step::Record.to_string(), summary, duration_ms: 0 });
        let events = vec![self.started(Step::Record, 1), self.ctx.event(done), self.ctx.event(event)];
        self.finish(closing, events).await
    }

    /// Closes a flow that trying again cannot help. When even that fails it comes back by its lease.
    async fn give_up(&self, error: &Error) {
        let reason = self.ctx.explain(error);
        warn!(event = "flow.gave_up", reason, "flow cannot go on");
        let at = self.claim.journal.last().map_or("start", |record| record.step.as_str());
        let (closing, event) = steps::close_failed(&self.ctx, &format!("after {at}"), &reason);
        if let Err(error) = self.finish(closing, vec![self.ctx.event(event)]).await {
            warn!(event = "flow.close_failed", error = %ErrorChain(&error), "flow could not be closed");
        }
    }

    /// How often this attempt was claimed, this time included.
    fn times_taken_up(&self) -> u64 {
        self.ctx.lease.epoch.0.saturating_sub(self.ctx.task.attempt.epoch.0)
    }

    /// Says that a restarted flow goes on.
    async fn announce(&self) -> Result<(), Error> {
        if self.times_taken_up() > 1 {
            let after_step = self.claim.journal.last().map(|record| record.step.clone()).unwrap_or_default();
            let epoch = self.ctx.lease.epoch.0;
            info!(event = "flow.resumed", epoch, after_step, "flow goes on where it was");
            let event = Payload::FlowResumed(FlowResumed { epoch: self.ctx.lease.epoch.0, after_step });
            self.append(vec![self.ctx.event(event)]).await?;
        }
        Ok(())
    }

    /// Tries `step` until it is done, degraded or hopeless.
    async fn attempt(&self, step: Step, progress: &Progress, shutdown: &CancellationToken) -> Result<StepEnd, Error> {
        let budget = Deadline::at(self.ctx.task.deadline_at).budget(step, self.ctx.ports.clock.as_ref());
        let ends_at = tokio::time::Instant::now() + budget.all;
        let retry = crate::retry::Policy { max_attempts: self.ctx.options.max_attempts };
        let mut attempt = 1;
        let (reason, verdict) = loop {
            self.ctx.still_ours().await?;
            let try_ends_at = ends_at.min(tokio::time::Instant::now() + budget.one);
            let run = steps::run(step, &self.ctx, progress, try_ends_at - tokio::time::Instant::now());
            let error = match tokio::time::timeout_at(try_ends_at, run).await {
                Ok(Ok(done)) => return Ok(StepEnd::Done(Box::new(done), attempt)),
                Ok(Err(lost @ Error::Lease(_))) => return Err(lost),
                Ok(Err(error)) => error,
                Err(_) => Error::Port(ports::Error::again(format!("no end within {} s", budget.one.as_secs()))),
            };
            let reason = self.ctx.explain(&error);
            let wait = retry.wait(attempt, error.verdict());
            let Some(wait) = wait.filter(|wait| tokio::time::Instant::now() + *wait < ends_at) else {
                break (reason, error.verdict());
            };
            let wait_ms = wait.as_millis() as u64;
            warn!(event = "step.retrying", step = %step, attempt, wait_ms, reason, "step failed, trying again");
            self.append(vec![self.retrying(step, attempt, wait, reason)]).await?;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => return Ok(StepEnd::Paused),
            }
            attempt += 1;
            self.append(vec![self.started(step, attempt)]).await?;
        };
        match steps::degrade(step, &self.ctx, progress, &reason) {
            Some(done) => {
                warn!(event = "step.degraded", step = %step, reason, "step did not succeed, going on with less");
                Ok(StepEnd::Done(Box::new(done), attempt))
            }
            None => Ok(self
                .parking(verdict)
                .map_or_else(|| StepEnd::Hopeless(reason.clone()), |wait| StepEnd::Later(wait, reason.clone()))),
        }
    }

    /// How long the flow is put back for when a step that it cannot do without failed; `None` when waiting is no use.
    fn parking(&self, verdict: Verdict) -> Option<Duration> {
        let taken_up = u32::try_from(self.times_taken_up()).unwrap_or(u32::MAX);
        let own = PARK_FOR.saturating_mul(taken_up).min(LONGEST_PARKING);
        let wait = match verdict {
            Verdict::GiveUp => return None,
            Verdict::RetryWithBackoff => own,
            Verdict::RetryAfter(named) => own.max(named.min(LONGEST_NAMED)),
        };
        let began_at = self.ctx.task.attempt.began_at.unwrap_or(self.ctx.task.accepted_at);
        let until = began_at.plus(PATIENCE);
        (self.ctx.ports.clock.now().plus(wait) < until).then_some(wait)
    }

    /// Journals a step together with the start of the one after it: one commit a step.
    async fn record(
        &self,
        step: Step,
        started_at: Timestamp,
        attempts: u32,
        done: &Done,
        next: Option<Step>,
    ) -> Result<(), Error> {
        let finished_at = self.ctx.ports.clock.now();
        let duration = finished_at.since(started_at);
        histogram!("sitewright_step_seconds", "step" => step.as_str()).record(duration.as_secs_f64());
        let latency_ms = duration.as_millis() as u64;
        info!(event = "step.done", latency_ms, step = %step, attempts, summary = done.summary, "step done");
        let mut events: Vec<Envelope> = done.events.iter().map(|event| self.ctx.event(event.clone())).collect();
        events.push(self.ctx.event(Payload::StepFinished(StepFinished {
            step: step.to_string(),
            summary: done.summary.clone(),
            duration_ms: duration.as_millis() as u64,
        })));
        events.extend(next.map(|next| self.started(next, 1)));
        let record = StepRecord {
            step: step.to_string(),
            outcome: done.outcome.to_json().map_err(|error| Error::Port(ports::Error::stop(error)))?,
            summary: done.summary.clone(),
            started_at,
            finished_at,
            attempts,
        };
        self.ctx.ports.queue.record(self.ctx.lease, record, done.update.clone(), events).await?;
        self.ctx.outbox.wake();
        Ok(())
    }

    async fn finish(&self, closing: ports::Closing, events: Vec<Envelope>) -> Result<End, Error> {
        let outcome = closing.outcome.as_str();
        let closing_at = closing.at;
        let took = closing_at.since(self.ctx.task.accepted_at);
        self.ctx.ports.queue.finish(self.ctx.lease, closing, events).await?;
        counter!("sitewright_flows_finished_total", "outcome" => outcome).increment(1);
        histogram!("sitewright_flow_seconds").record(closing_at.since(self.claimed_at).as_secs_f64());
        info!(event = "flow.finished", status = outcome, latency_ms = took.as_millis() as u64, "flow finished");
        Ok(End::Finished)
    }

    async fn append(&self, events: Vec<Envelope>) -> Result<(), Error> {
        self.ctx.ports.queue.append(self.ctx.lease, events).await?;
        self.ctx.outbox.wake();
        Ok(())
    }

    /// Gives the flow back. When even that fails, the lease's end or the next start frees it.
    async fn put_back(&self, wait: Duration) {
        let not_before = self.ctx.ports.clock.now().plus(wait);
        match self.ctx.ports.queue.release(self.ctx.lease, not_before, Vec::new()).await {
            Ok(()) | Err(LeaseError::Lost { .. }) => {}
            Err(LeaseError::Queue(error)) => {
                warn!(event = "flow.put_back_failed", error = %ErrorChain(&error), "flow could not be put back");
            }
        }
    }

    /// Ends only when the lease is lost.
    async fn keep_lease(&self) -> Error {
        loop {
            tokio::time::sleep(self.ctx.tenure.pause()).await;
            match self.ctx.renew().await {
                Ok(()) => {}
                Err(lost @ Error::Lease(_)) => return lost,
                Err(error) => {
                    warn!(event = "lease.renewal_failed", error = %ErrorChain(&error), "heartbeat failed");
                }
            }
        }
    }

    fn started(&self, step: Step, attempt: u32) -> Envelope {
        self.ctx.event(Payload::StepStarted(StepStarted { step: step.to_string(), attempt }))
    }

    fn retrying(&self, step: Step, attempt: u32, wait: Duration, reason: String) -> Envelope {
        self.ctx.event(Payload::StepRetrying(StepRetrying {
            step: step.to_string(),
            attempt,
            wait_ms: wait.as_millis() as u64,
            reason,
        }))
    }
}
