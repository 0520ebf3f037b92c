//! Forgetting in memory.

use async_trait::async_trait;
use shared_types::http::{Forgotten, TaskState};
use shared_types::{Digest, Email, Envelope};

use super::{Flow, MemoryLedger, State};
use crate::{AnswerCache, Erased, Error, Forgetting, Forgot, Oblivion, OwnTask};

fn is_of(flow: &Flow, email: &Email) -> bool {
    flow.record.email.as_str().eq_ignore_ascii_case(email.as_str())
}

fn busy(state: &State, wish: &Forgetting) -> Option<Forgot> {
    let own: Vec<_> = state.flows.iter().filter(|flow| is_of(flow, &wish.email)).collect();
    if own.iter().any(|flow| flow.record.state != TaskState::Finished) {
        return Some(Forgot::Busy { until: None });
    }
    let ends = own.iter().filter_map(|flow| Some(flow.record.finished_at?.plus(wish.rest).max(flow.lease_until)));
    ends.max().filter(|until| *until > wish.at).map(|until| Forgot::Busy { until: Some(until) })
}

#[async_trait]
impl Oblivion for MemoryLedger {
    async fn tasks_of(&self, email: &Email) -> Result<Vec<OwnTask>, Error> {
        let state = self.lock();
        let own = state.flows.iter().filter(|flow| is_of(flow, email)).map(|flow| &flow.record);
        let own = own.map(|task| OwnTask {
            id: task.id,
            email: task.email.clone(),
            task: task.task.clone(),
            state: task.state,
            repo: task.repo.clone(),
            repo_url: task.repo_url.clone(),
        });
        Ok(own.collect())
    }

    async fn busy(&self, wish: &Forgetting) -> Result<Option<Forgot>, Error> {
        Ok(busy(&self.lock(), wish))
    }

    async fn prompts_of(&self, _: &Email) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn forget(&self, wish: Forgetting) -> Result<Forgot, Error> {
        let mut state = self.lock();
        if let Some(busy) = busy(&state, &wish) {
            return Ok(busy);
        }
        let own: Vec<_> = state.flows.iter().filter(|flow| is_of(flow, &wish.email)).collect();
        let ids: Vec<_> = own.iter().map(|flow| flow.record.id).collect();
        let repos: Vec<_> =
            state.repos.iter().filter(|repo| repo.email == wish.email).map(|r| r.name.clone()).collect();
        // The place of an event is its `seq`.
        for event in state.events.iter_mut().filter(|event| event.task_id().is_some_and(|id| ids.contains(&id))) {
            *event = Envelope { seq: event.seq, ..Envelope::default() };
        }
        state.flows.retain(|flow| !ids.contains(&flow.record.id));
        state.repos.retain(|repo| repo.email != wish.email);
        state.buckets.retain(|counter| !wish.counters.contains(&counter.bucket.key));
        let rows = [("tasks".to_owned(), ids.len() as u64)].into();
        Ok(Forgot::Done(Erased { rows, repos, ..Erased::default() }))
    }

    async fn named(&self, blobs: Vec<Digest>) -> Result<Vec<Digest>, Error> {
        let state = self.lock();
        let attachments = state.flows.iter().flat_map(|flow| &flow.record.attachments);
        let named: Vec<_> = attachments.map(|attachment| &attachment.sha256).collect();
        Ok(blobs.into_iter().filter(|blob| named.contains(&blob)).collect())
    }

    async fn keep_receipt(&self, _: &Forgotten) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl AnswerCache for MemoryLedger {
    async fn forget_prompts(&self, prompt_hashes: &[String]) -> Result<u64, Error> {
        Ok(prompt_hashes.len() as u64)
    }
}
