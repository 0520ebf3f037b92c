//! The ledger, the queue and the blobs in memory: the ports' full behaviour without a disk, for
//! tests of whatever sits above them. Nothing outlives the value.

mod levers;
mod oblivion;
mod runs;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use shared_types::http::{ModelRun, NotificationAttempt, Outcome, TaskState};
use shared_types::{Digest, Email, Envelope, Epoch, Payload, TaskId, TaskName, Timestamp};

use crate::{
    Acceptance, Attempt, Blobs, Bucket, Claim, Closing, Count, Error, FlowQueue, Lease, LeaseError, Ledger, NewTask,
    OverLimit, QueueDepth, RateBuckets, RepoChoice, RepoName, Show, StepRecord, TaskPage, TaskRecord, TaskUpdate,
    WorkerId,
};

/// [`Ledger`], [`FlowQueue`], [`RateBuckets`], `RunLedger` and `RunReader` over one set of vectors behind a mutex.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    state: Mutex<State>,
}

/// [`Blobs`] in a map.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    bytes: Mutex<HashMap<Digest, Bytes>>,
}

/// Everything that was accepted, in order of acceptance.
#[derive(Debug, Default)]
struct State {
    flows: Vec<Flow>,
    repos: Vec<RepoRow>,
    /// Their `seq` is their place here plus one.
    events: Vec<Envelope>,
    cursors: HashMap<String, u64>,
    /// Those that something was counted in; ended windows stay.
    buckets: Vec<Counter>,
    /// Calls of models; their `id` is their place here plus one.
    runs: Vec<ModelRun>,
}

#[derive(Debug)]
struct Counter {
    bucket: Bucket,
    used: u32,
    ends_at: Timestamp,
}

#[derive(Debug)]
struct Flow {
    record: TaskRecord,
    fingerprint: Digest,
    epoch: Epoch,
    lease_until: Timestamp,
    not_before: Timestamp,
    journal: Vec<StepRecord>,
    notification: Option<Vec<u8>>,
}

#[derive(Debug)]
struct RepoRow {
    name: RepoName,
    email: Email,
    task: TaskName,
}

impl MemoryLedger {
    /// A ledger that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The journal of one flow, in the order it was recorded; empty for an unknown flow.
    #[must_use]
    pub fn journal(&self, id: TaskId) -> Vec<StepRecord> {
        let state = self.lock();
        state.position(id).map(|at| state.flows[at].journal.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryBlobs {
    /// A store without blobs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn accept(&self, new: NewTask) -> Result<Acceptance, Error> {
        self.lock().accept(new)
    }

    async fn preview(&self, new: &NewTask) -> Result<Acceptance, Error> {
        Ok(self.lock().preview(new))
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskRecord>, Error> {
        let state = self.lock();
        Ok(state.position(id).map(|at| state.flows[at].record.clone()))
    }

    async fn tasks(&self, page: TaskPage) -> Result<Vec<TaskRecord>, Error> {
        let state = self.lock();
        let end = match page.before {
            None => state.flows.len(),
            Some(id) => state.position(id).unwrap_or(0),
        };
        let newest_first = state.flows[..end].iter().rev().filter(|flow| shows(page.show, &flow.record));
        Ok(newest_first.take(page.limit as usize).map(|flow| flow.record.clone()).collect())
    }

    async fn earlier_rounds(&self, id: TaskId) -> Result<Vec<TaskRecord>, Error> {
        let state = self.lock();
        let Some(at) = state.position(id) else { return Ok(Vec::new()) };
        let repo = &state.flows[at].record.repo;
        let earlier = state.flows[..at].iter().map(|flow| &flow.record);
        Ok(earlier.filter(|record| record.repo == *repo).cloned().collect())
    }

    async fn task_events(&self, id: TaskId, after: u64, limit: u32) -> Result<Vec<Envelope>, Error> {
        let state = self.lock();
        let later = state.events.iter().filter(|event| event.seq > after && event.task_id() == Some(id));
        Ok(later.take(limit as usize).cloned().collect())
    }

    async fn events_after(&self, after: u64, limit: u32) -> Result<Vec<Envelope>, Error> {
        let state = self.lock();
        let later = state.events.iter().skip(usize::try_from(after).unwrap_or(usize::MAX));
        Ok(later.take(limit as usize).cloned().collect())
    }

    async fn cursor(&self, reader: &str) -> Result<u64, Error> {
        Ok(self.lock().cursors.get(reader).copied().unwrap_or(0))
    }

    async fn advance(&self, reader: &str, seq: u64) -> Result<(), Error> {
        let mut state = self.lock();
        let cursor = state.cursors.entry(reader.to_owned()).or_default();
        *cursor = seq.max(*cursor);
        Ok(())
    }

    async fn notification_attempts(&self, id: TaskId) -> Result<Vec<NotificationAttempt>, Error> {
        let state = self.lock();
        Ok(state.events.iter().filter(|event| event.task_id() == Some(id)).filter_map(attempt_of).collect())
    }

    async fn notification(&self, id: TaskId) -> Result<Option<Bytes>, Error> {
        let state = self.lock();
        Ok(state.position(id).and_then(|at| state.flows[at].notification.clone()).map(Bytes::from))
    }

    async fn add_events(&self, _: TaskId, happened: Vec<Envelope>) -> Result<(), Error> {
        self.lock().push_events(happened);
        Ok(())
    }
}

#[async_trait]
impl RateBuckets for MemoryLedger {
    async fn counts(&self, buckets: Vec<Bucket>, now: Timestamp) -> Result<Vec<Count>, Error> {
        let state = self.lock();
        Ok(buckets.iter().map(|bucket| state.count(bucket, now)).collect())
    }

    async fn take(&self, buckets: Vec<Bucket>, now: Timestamp) -> Result<Result<(), OverLimit>, Error> {
        Ok(self.lock().take(&buckets, now))
    }
}

#[async_trait]
impl FlowQueue for MemoryLedger {
    async fn adopt_orphans(&self) -> Result<u32, Error> {
        let mut state = self.lock();
        for flow in &mut state.flows {
            flow.not_before = Timestamp::from_unix_ms(i64::MIN);
        }
        Ok(state.requeue(|_| true))
    }

    async fn claim(&self, _worker: &WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Claim>, Error> {
        let mut state = self.lock();
        state.requeue(|flow| flow.lease_until <= now);
        let Some(at) = state.next_claimable(now) else { return Ok(None) };
        let flow = &mut state.flows[at];
        flow.epoch = Epoch(flow.epoch.0 + 1);
        flow.record.state = TaskState::Running;
        flow.lease_until = now.plus(lease);
        Ok(Some(Claim {
            lease: Lease { task: flow.record.id, epoch: flow.epoch },
            task: flow.record.clone(),
            journal: flow.journal.clone(),
        }))
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), LeaseError> {
        self.lock().held(lease)?.lease_until = until;
        Ok(())
    }

    async fn record(
        &self,
        lease: Lease,
        step: StepRecord,
        update: TaskUpdate,
        events: Vec<Envelope>,
    ) -> Result<(), LeaseError> {
        let mut state = self.lock();
        let flow = state.held(lease)?;
        if flow.journal.iter().any(|done| done.step == step.step) {
            return Err(lost(lease));
        }
        flow.journal.push(step);
        apply(&mut flow.record, update);
        state.push_events(events);
        Ok(())
    }

    async fn append(&self, lease: Lease, events: Vec<Envelope>) -> Result<(), LeaseError> {
        let mut state = self.lock();
        state.held(lease)?;
        state.push_events(events);
        Ok(())
    }

    async fn release(&self, lease: Lease, not_before: Timestamp, events: Vec<Envelope>) -> Result<(), LeaseError> {
        let mut state = self.lock();
        let flow = state.held(lease)?;
        flow.record.state = TaskState::Queued;
        flow.not_before = not_before;
        flow.lease_until = NEVER_LEASED;
        state.push_events(events);
        Ok(())
    }

    async fn finish(&self, lease: Lease, closing: Closing, events: Vec<Envelope>) -> Result<(), LeaseError> {
        let mut state = self.lock();
        let flow = state.held(lease)?;
        flow.record.state = TaskState::Finished;
        flow.record.outcome = Some(closing.outcome);
        flow.record.finished_at = Some(closing.at);
        flow.lease_until = NEVER_LEASED;
        flow.notification = closing.notification.or(flow.notification.take());
        state.push_events(events);
        Ok(())
    }

    async fn depth(&self) -> Result<QueueDepth, Error> {
        let state = self.lock();
        let count = |wanted| state.flows.iter().filter(|flow| flow.record.state == wanted).count() as u64;
        Ok(QueueDepth { queued: count(TaskState::Queued), running: count(TaskState::Running) })
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, bytes: Bytes) -> Result<Digest, Error> {
        let digest = Digest::of(&bytes);
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).insert(digest.clone(), bytes);
        Ok(digest)
    }

    fn holds(&self, digest: &Digest) -> bool {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).contains_key(digest)
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes, Error> {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.get(digest).cloned().ok_or_else(|| Error::stop(format!("read blob {digest}: it is not stored")))
    }
}

impl State {
    fn preview(&self, new: &NewTask) -> Acceptance {
        if let Some(earlier) = self.flows.iter().find(|flow| same_identity(&flow.record, new)) {
            let TaskRecord { id, trace_id, state, .. } = earlier.record.clone();
            return match earlier.fingerprint == new.fingerprint {
                true => Acceptance::Repeat { id, trace_id, state },
                false => Acceptance::Conflict { id },
            };
        }
        self.admits(&new.takes, new.accepted_at).map_or_else(Acceptance::OverLimit, |()| Acceptance::New)
    }

    fn accept(&mut self, new: NewTask) -> Result<Acceptance, Error> {
        let preview = self.preview(&new);
        if preview != Acceptance::New {
            return Ok(preview);
        }
        let repo = self.choose_repo(&new)?;
        let repo_known = self.flows.iter().any(|flow| flow.record.repo == repo);
        let mut event = new.event.clone();
        if let Some(Payload::TaskAccepted(accepted)) = &mut event.payload {
            accepted.repo = repo.to_string();
        }
        let taken = self.take(&new.takes, new.accepted_at);
        debug_assert_eq!(taken, Ok(()), "the preview said that there is room");
        self.flows.push(Flow::queued(new, repo, repo_known));
        self.push_events(vec![event]);
        Ok(Acceptance::New)
    }

    fn count(&self, bucket: &Bucket, now: Timestamp) -> Count {
        let current = self.buckets.iter().find(|counter| counter.bucket == *bucket && counter.ends_at > now);
        current
            .map_or_else(Count::default, |counter| Count { used: counter.used, resets_in: counter.ends_at.since(now) })
    }

    fn admits(&self, buckets: &[Bucket], now: Timestamp) -> Result<(), OverLimit> {
        buckets.iter().try_for_each(|bucket| bucket.admits_one_more(self.count(bucket, now)))
    }

    fn take(&mut self, buckets: &[Bucket], now: Timestamp) -> Result<(), OverLimit> {
        self.admits(buckets, now)?;
        for bucket in buckets {
            match self.buckets.iter_mut().find(|counter| counter.bucket == *bucket && counter.ends_at > now) {
                Some(counter) => counter.used = counter.used.saturating_add(1),
                None => {
                    let ends_at = now.plus(bucket.policy.window);
                    self.buckets.push(Counter { bucket: bucket.clone(), used: 1, ends_at });
                }
            }
        }
        Ok(())
    }

    fn choose_repo(&mut self, new: &NewTask) -> Result<RepoName, Error> {
        let ours = |repo: &&RepoRow| repo.email == new.email && repo.task == new.task;
        let name = match &new.repo {
            RepoChoice::New(name) => name,
            RepoChoice::Latest { otherwise } => match self.repos.iter().rev().find(ours) {
                Some(newest) => return Ok(newest.name.clone()),
                None => otherwise,
            },
        };
        match self.repos.iter().find(|repo| repo.name == *name) {
            Some(known) if ours(&known) => {}
            Some(_) => return Err(Error::stop(format!("accept task {}: repository {name} is another task's", new.id))),
            None => {
                self.repos.push(RepoRow { name: name.clone(), email: new.email.clone(), task: new.task.clone() });
            }
        }
        Ok(name.clone())
    }

    fn push_events(&mut self, events: Vec<Envelope>) {
        for mut event in events {
            event.seq = self.events.len() as u64 + 1;
            self.events.push(event);
        }
    }

    fn position(&self, id: TaskId) -> Option<usize> {
        self.flows.iter().position(|flow| flow.record.id == id)
    }

    /// The flow, when the lease is its current one.
    fn held(&mut self, lease: Lease) -> Result<&mut Flow, LeaseError> {
        self.flows
            .iter_mut()
            .find(|flow| flow.record.id == lease.task)
            .filter(|flow| flow.record.state == TaskState::Running && flow.epoch == lease.epoch)
            .ok_or_else(|| lost(lease))
    }

    /// Running flows that `which` picks wait again; says how many.
    fn requeue(&mut self, which: impl Fn(&Flow) -> bool) -> u32 {
        let mut count = 0;
        for flow in self.flows.iter_mut().filter(|flow| flow.record.state == TaskState::Running) {
            if which(flow) {
                flow.record.state = TaskState::Queued;
                flow.lease_until = NEVER_LEASED;
                count += 1;
            }
        }
        count
    }

    /// Rounds of a repository run in order, so only its first unfinished flow may run; that one
    /// running keeps the others waiting.
    fn next_claimable(&self, now: Timestamp) -> Option<usize> {
        let running = self.flows.iter().filter(|flow| flow.record.state == TaskState::Running);
        let mut busy: Vec<&RepoName> = running.map(|flow| &flow.record.repo).collect();
        for (at, flow) in self.flows.iter().enumerate() {
            let record = &flow.record;
            if record.state == TaskState::Finished || busy.contains(&&record.repo) {
                continue;
            }
            if record.state == TaskState::Queued && flow.not_before <= now {
                return Some(at);
            }
            busy.push(&record.repo);
        }
        None
    }
}

impl Flow {
    fn queued(new: NewTask, repo: RepoName, repo_known: bool) -> Self {
        let record = TaskRecord {
            id: new.id,
            trace_id: new.trace_id,
            email: new.email,
            task: new.task,
            round: new.round,
            nonce: new.nonce,
            brief: new.brief,
            checks: new.checks,
            evaluation_url: new.evaluation_url,
            attachments: new.attachments,
            repo,
            repo_known,
            accepted_at: new.accepted_at,
            deadline_at: new.deadline_at,
            attempt: Attempt::FIRST,
            state: TaskState::Queued,
            outcome: None,
            finished_at: None,
            report: None,
            repo_url: None,
            commit_sha: None,
            pages_url: None,
            notes: Vec::new(),
        };
        Self {
            record,
            fingerprint: new.fingerprint,
            epoch: Epoch(0),
            lease_until: NEVER_LEASED,
            not_before: Timestamp::from_unix_ms(i64::MIN),
            journal: Vec::new(),
            notification: None,
        }
    }
}

/// The end of no lease.
const NEVER_LEASED: Timestamp = Timestamp::from_unix_ms(0);

fn shows(show: Show, record: &TaskRecord) -> bool {
    match show {
        Show::All => true,
        Show::Open => record.state != TaskState::Finished,
        Show::Dead => {
            matches!(record.outcome, Some(Outcome::Failed | Outcome::Refused | Outcome::Undelivered))
        }
    }
}

fn same_identity(record: &TaskRecord, new: &NewTask) -> bool {
    record.email == new.email && record.task == new.task && record.round == new.round && record.nonce == new.nonce
}

fn apply(record: &mut TaskRecord, update: TaskUpdate) {
    let TaskUpdate { report, repo_url, commit_sha, pages_url, notes } = update;
    record.report = report.or(record.report.take());
    record.repo_url = repo_url.or(record.repo_url.take());
    record.commit_sha = commit_sha.or(record.commit_sha.take());
    record.pages_url = pages_url.or(record.pages_url.take());
    record.notes.extend(notes);
}

fn attempt_of(event: &Envelope) -> Option<NotificationAttempt> {
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

fn lost(lease: Lease) -> LeaseError {
    LeaseError::Lost { task: lease.task, epoch: lease.epoch }
}
