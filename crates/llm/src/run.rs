//! One call and its row. The provider's client is private to this module, so that no call can pass by the one function
//! that writes a row and a line about it.

mod meter;
mod open;
mod provider;

use std::sync::Arc;
use std::time::Duration;

use ports::{Clock, Completion, FinishReason, Gatekeeper, NewRun, OverCap, RunLedger, SpendCaps, Usage};
use secrecy::SecretString;
use shared_types::http::{RunStatus, RunUnit};
use shared_types::{TaskId, TraceId};
use url::Url;

use self::open::OpenRun;
use self::provider::Provider;
use crate::Error;
use crate::cache::{Cache, Key};
use crate::moderation::Moderation;
use crate::prices::{Counted, Prices};
use crate::prompts::Prompt;

pub(crate) use meter::Meter;

/// Everything about one call but the model, which a chain chooses.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) alias: String,
    pub(crate) template: String,
    pub(crate) prompt: Prompt,
    /// SHA-256 of what is sent, with the boundaries taken out.
    pub(crate) prompt_hash: String,
    /// What differs from prompt to prompt although the prompts say the same.
    pub(crate) boundaries: Vec<String>,
    pub(crate) task: TaskId,
    pub(crate) trace_id: TraceId,
}

/// What the gate is built from.
pub(crate) struct Parts {
    pub(crate) runs: Arc<dyn RunLedger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) prices: Prices,
    pub(crate) caps: SpendCaps,
    pub(crate) cache: Cache,
    pub(crate) moderation: Arc<Moderation>,
}

/// The only way to a provider.
pub(crate) struct Runs {
    provider: Provider,
    max_output_tokens: u32,
    parts: Parts,
}

impl Runs {
    pub(crate) fn new(
        base_url: &Url,
        api_key: Option<SecretString>,
        max_output_tokens: u32,
        redact: Arc<dyn Gatekeeper>,
        parts: Parts,
    ) -> Result<Self, Error> {
        let provider = Provider::new(base_url, api_key, max_output_tokens, redact)?;
        Ok(Self { provider, max_output_tokens, parts })
    }

    /// Makes one call of `model`: its row is written before it and settled after it, however it ends, and one line
    /// says who asked for what, how long it took, what it cost and how it ended. Never a word of the prompt or the
    /// answer. What the response cache holds is not asked for again.
    pub(crate) async fn track_run(
        &self,
        call: &Call,
        model: &str,
        timeout: Duration,
        meter: &Meter,
    ) -> Result<Completion, Error> {
        let key = Key::new(call, model, self.max_output_tokens);
        let cached = self.parts.cache.look(&key, call).await;
        let (reserve, caps) = match &cached {
            Ok(None) => (self.most(call, model), self.parts.caps),
            // Nobody is asked, so nothing is spent.
            Ok(Some(_)) | Err(_) => (Counted::default(), SpendCaps::default()),
        };
        let row = self.begin(call, model, reserve.micro_usd, caps).await?;
        let run = row.map_err(|over| Error::OverQuota { alias: call.alias.clone(), over })?;
        let open = OpenRun::new(self, call, model, run, meter);
        let outcome = match cached {
            Ok(Some(completion)) => {
                open.end(RunStatus::Cached, Usage::default(), None).await;
                return Ok(completion);
            }
            Err(missing) => Err(missing),
            Ok(None) => self.provider.ask(&call.alias, model, &call.prompt, timeout, meter).await,
        };
        match outcome.map(|completion| (self.parts.moderation.judge_answer(call, &completion), completion)) {
            Ok((Some(refused), completion)) => {
                open.end(RunStatus::Refused, completion.usage, Some(&refused)).await;
                Err(refused)
            }
            Ok((None, completion)) => {
                let status = match completion.finish {
                    FinishReason::Complete => RunStatus::Ok,
                    FinishReason::Truncated => RunStatus::Truncated,
                };
                open.end(status, completion.usage, None).await;
                self.parts.cache.keep(&key, call, &completion).await;
                Ok(completion)
            }
            Err(error) => {
                open.end(error.status(), Usage::default(), Some(&error)).await;
                Err(error)
            }
        }
    }

    /// Writes the row of a call that a rule refused before anybody was asked.
    pub(crate) async fn track_refusal(&self, call: &Call, model: &str, refused: &Error) -> Result<(), Error> {
        let row = self.begin(call, model, 0, SpendCaps::default()).await?;
        if let Ok(run) = row {
            OpenRun::new(self, call, model, run, &Meter::default())
                .end(RunStatus::Refused, Usage::default(), Some(refused))
                .await;
        }
        Ok(())
    }

    /// `text` without secrets.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.provider.clean(text)
    }

    async fn begin(
        &self,
        call: &Call,
        model: &str,
        reserve_micro_usd: u64,
        caps: SpendCaps,
    ) -> Result<Result<ports::RunId, OverCap>, Error> {
        let run = NewRun {
            started_at: self.parts.clock.now(),
            task: call.task,
            trace_id: call.trace_id.clone(),
            alias: call.alias.clone(),
            model: model.to_owned(),
            template: call.template.clone(),
            prompt_hash: call.prompt_hash.clone(),
            unit: RunUnit::Tokens,
            reserve_micro_usd,
        };
        self.parts.runs.begin(run, caps).await.map_err(|source| Error::Ledger { alias: call.alias.clone(), source })
    }

    /// The most that a call can cost.
    fn most(&self, call: &Call, model: &str) -> Counted {
        let output_tokens = u64::from(self.max_output_tokens);
        self.parts
            .prices
            .count(model, Usage { input_tokens: call.prompt.tokens_at_most(), output_tokens, cached_input_tokens: 0 })
    }
}
