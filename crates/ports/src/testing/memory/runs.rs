//! The ledger of calls in memory.

use async_trait::async_trait;
use shared_types::http::{ModelRun, ModelRunTotals, RunStatus};
use shared_types::{TaskId, Timestamp};

use super::{MemoryLedger, State};
use crate::{Error, NewRun, OverCap, RunEnd, RunId, RunLedger, RunPage, RunReader, SpendCaps, TaskRecord, day_of};

#[async_trait]
impl RunLedger for MemoryLedger {
    async fn begin(&self, run: NewRun, caps: SpendCaps) -> Result<Result<RunId, OverCap>, Error> {
        let mut state = self.lock();
        let admitted = caps.admit(state.counted(run.task, run.started_at), run.reserve_micro_usd);
        let id = state.runs.len() as u64 + 1;
        state.runs.push(row(id, run, admitted));
        Ok(admitted.map(|()| RunId(id)))
    }

    async fn settle(&self, id: RunId, end: RunEnd) -> Result<(), Error> {
        let mut state = self.lock();
        let running = |run: &&mut ModelRun| run.id == id.0 && run.status == RunStatus::Running;
        if let Some(run) = state.runs.iter_mut().find(running) {
            run.status = end.status;
            (run.input, run.cached_input, run.output) = (end.input, end.cached_input, end.output);
            (run.cost_micro_usd, run.counted_micro_usd) = (end.cost_micro_usd, end.counted_micro_usd);
            run.price_version = end.price_version;
            run.latency_ms = Some(end.latency.as_millis() as u64);
            run.first_token_ms = end.first_token.map(|first| first.as_millis() as u64);
            run.error = end.error;
        }
        Ok(())
    }

    async fn close_interrupted(&self) -> Result<u32, Error> {
        let mut state = self.lock();
        let mut closed = 0;
        for run in state.runs.iter_mut().filter(|run| run.status == RunStatus::Running) {
            run.status = RunStatus::Interrupted;
            run.error = Some("the process ended during the call".to_owned());
            closed += 1;
        }
        Ok(closed)
    }
}

#[async_trait]
impl RunReader for MemoryLedger {
    async fn runs(&self, page: RunPage) -> Result<Vec<ModelRun>, Error> {
        let state = self.lock();
        let newest_first = state.runs.iter().rev();
        let asked = newest_first
            .filter(|run| page.task.is_none_or(|task| run.task == task))
            .filter(|run| page.before.is_none_or(|before| run.id < before.0));
        Ok(asked.take(page.limit as usize).cloned().collect())
    }

    async fn run_totals(&self, task: Option<TaskId>) -> Result<ModelRunTotals, Error> {
        let state = self.lock();
        let asked = state.runs.iter().filter(|run| task.is_none_or(|task| run.task == task));
        Ok(asked.fold(ModelRunTotals::default(), ModelRunTotals::plus))
    }
}

impl State {
    /// What is counted for the task, for its student on the day of `at`, and for all on that day.
    fn counted(&self, task: TaskId, at: Timestamp) -> [u64; 3] {
        let today = || self.runs.iter().filter(|run| day_of(run.started_at) == day_of(at));
        let student = |task: TaskId| self.record(task).map(|record| &record.email);
        let own = student(task);
        let of_task = self.runs.iter().filter(|run| run.task == task).map(|run| run.counted_micro_usd);
        let of_student = today().filter(|run| own.is_some() && student(run.task) == own);
        [
            of_task.sum(),
            of_student.map(|run| run.counted_micro_usd).sum(),
            today().map(|run| run.counted_micro_usd).sum(),
        ]
    }

    fn record(&self, task: TaskId) -> Option<&TaskRecord> {
        self.flows.iter().map(|flow| &flow.record).find(|record| record.id == task)
    }
}

fn row(id: u64, run: NewRun, admitted: Result<(), OverCap>) -> ModelRun {
    let over = admitted.err();
    ModelRun {
        id,
        started_at: run.started_at,
        task: run.task,
        trace_id: run.trace_id,
        alias: run.alias,
        model: run.model,
        template: run.template,
        prompt_hash: run.prompt_hash,
        unit: run.unit,
        input: 0,
        cached_input: 0,
        output: 0,
        cost_micro_usd: over.map(|_| 0),
        counted_micro_usd: if over.is_some() { 0 } else { run.reserve_micro_usd },
        price_version: None,
        latency_ms: None,
        first_token_ms: None,
        status: if over.is_some() { RunStatus::OverQuota } else { RunStatus::Running },
        error: over.map(|over| over.to_string()),
    }
}
