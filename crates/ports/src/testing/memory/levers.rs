//! The levers in memory.

use async_trait::async_trait;
use shared_types::http::{Outcome, TaskState};
use shared_types::{Envelope, TaskId, Timestamp};

use super::MemoryLedger;
use crate::{Attempt, Error, Levers, Moved, Reopening, Standing};

#[async_trait]
impl Levers for MemoryLedger {
    async fn standing(&self, id: TaskId) -> Result<Option<Standing>, Error> {
        let state = self.lock();
        let Some(at) = state.position(id) else { return Ok(None) };
        let (task, journal) = (state.flows[at].record.clone(), state.flows[at].journal.clone());
        let later = state.flows[at + 1..].iter().map(|flow| &flow.record);
        let mut published = later.filter(|record| record.repo == task.repo && record.commit_sha.is_some());
        let published_later = published.next_back().map(|record| record.id);
        Ok(Some(Standing { task, journal, published_later }))
    }

    async fn reopen(&self, reopening: Reopening) -> Result<Moved, Error> {
        let Reopening { id, after_attempt, keep, at, deadline_at, event } = reopening;
        let mut state = self.lock();
        let Some(flow) = state.position(id).map(|place| &mut state.flows[place]) else { return Ok(Moved::No) };
        if flow.record.state == TaskState::Running || flow.record.attempt.number != after_attempt {
            return Ok(Moved::No);
        }
        flow.journal.retain(|step| keep.contains(&step.step));
        flow.record.state = TaskState::Queued;
        flow.record.outcome = None;
        flow.record.finished_at = None;
        flow.record.deadline_at = deadline_at;
        flow.record.attempt = Attempt { number: after_attempt + 1, began_at: Some(at), epoch: flow.epoch };
        flow.not_before = flow.lease_until;
        state.push_events(vec![event]);
        Ok(Moved::Yes)
    }

    async fn cancel(&self, id: TaskId, at: Timestamp, event: Envelope) -> Result<Moved, Error> {
        let mut state = self.lock();
        let Some(flow) = state.position(id).map(|place| &mut state.flows[place]) else { return Ok(Moved::No) };
        if flow.record.state == TaskState::Finished {
            return Ok(Moved::No);
        }
        flow.record.state = TaskState::Finished;
        flow.record.outcome = Some(Outcome::Cancelled);
        flow.record.finished_at = Some(at);
        let (repo, until) = (flow.record.repo.clone(), flow.lease_until);
        let waiting = |flow: &&mut super::Flow| flow.record.repo == repo && flow.record.state == TaskState::Queued;
        if let Some(next) = state.flows.iter_mut().find(waiting) {
            next.not_before = next.not_before.max(until);
        }
        state.push_events(vec![event]);
        Ok(Moved::Yes)
    }
}
