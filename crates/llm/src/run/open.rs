//! A row that is not settled yet. It is settled however its call ends, also when whoever waits for the call stops
//! waiting: the task has no more time, or another call was faster.

use std::sync::Arc;

use ports::{ErrorChain, RunEnd, RunId, RunLedger, Usage};
use shared_types::http::RunStatus;
use tracing::{info, warn};

use super::{Call, Meter, Runs};
use crate::Error;
use crate::prices::Prices;

/// The row of a call that runs.
pub(super) struct OpenRun<'a> {
    ledger: &'a Arc<dyn RunLedger>,
    prices: &'a Prices,
    call: &'a Call,
    model: &'a str,
    run: RunId,
    meter: &'a Meter,
    /// What was said of its end.
    end: Option<RunEnd>,
    settled: bool,
}

impl<'a> OpenRun<'a> {
    pub(super) fn new(runs: &'a Runs, call: &'a Call, model: &'a str, run: RunId, meter: &'a Meter) -> Self {
        let (ledger, prices) = (&runs.parts.runs, &runs.parts.prices);
        Self { ledger, prices, call, model, run, meter, end: None, settled: false }
    }

    /// Settles the row. A ledger that fails now does not take the answer away: the reservation stays counted, and the
    /// next start closes the row.
    pub(super) async fn end(mut self, status: RunStatus, usage: Usage, error: Option<&Error>) {
        let end = self.ended(status, usage, error.map(|error| ErrorChain(error).to_string()));
        self.say(&end);
        self.end = Some(end.clone());
        if let Err(error) = self.ledger.settle(self.run, end).await {
            let error = ErrorChain(&error);
            warn!(event = "model.not_settled", run = self.run.0, %error, "the row of a call was not settled");
        }
        self.settled = true;
    }

    fn ended(&self, status: RunStatus, usage: Usage, error: Option<String>) -> RunEnd {
        let (counted, is_known) = if usage != Usage::default() {
            let counted = self.prices.count(self.model, usage);
            (counted.micro_usd, counted.is_priced)
        } else if made_nothing(status) && self.meter.tokens() == 0 {
            (0, true)
        } else {
            // The service may bill it, and did not say how much it was.
            let input_tokens = self.call.prompt.tokens_at_most();
            let estimate = Usage { input_tokens, output_tokens: self.meter.tokens(), cached_input_tokens: 0 };
            (self.prices.count(self.model, estimate).micro_usd, false)
        };
        RunEnd {
            status,
            input: usage.input_tokens,
            cached_input: usage.cached_input_tokens,
            output: usage.output_tokens,
            cost_micro_usd: is_known.then_some(counted),
            counted_micro_usd: counted,
            price_version: self.prices.version_for(self.model).map(str::to_owned),
            latency: self.meter.elapsed(),
            first_token: self.meter.first_token(),
            error,
        }
    }

    fn say(&self, end: &RunEnd) {
        info!(
            event = "model.called",
            run = self.run.0,
            alias = %self.call.alias,
            model = %self.model,
            template = %self.call.template,
            template_hash = %self.call.prompt.hash,
            prompt_hash = %self.call.prompt_hash,
            task_id = %self.call.task,
            trace_id = %self.call.trace_id,
            input_tokens = end.input,
            cached_tokens = end.cached_input,
            output_tokens = end.output,
            cost_micro_usd = end.cost_micro_usd,
            first_token_ms = end.first_token.map(|first| first.as_millis() as u64),
            latency_ms = end.latency.as_millis() as u64,
            status = end.status.as_str(),
            error = end.error,
            "a model was asked"
        );
    }
}

impl Drop for OpenRun<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let end = self.end.take().unwrap_or_else(|| {
            let why = "nobody waited for it any more".to_owned();
            let end = self.ended(RunStatus::Cancelled, Usage::default(), Some(why));
            self.say(&end);
            end
        });
        // Without a runtime the process ends, and the next start closes the row.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (ledger, run) = (Arc::clone(self.ledger), self.run);
            runtime.spawn(async move { ledger.settle(run, end).await });
        }
    }
}

/// Ends of calls that are not billed unless something came back.
fn made_nothing(status: RunStatus) -> bool {
    matches!(status, RunStatus::Cached | RunStatus::Error | RunStatus::Refused)
}
