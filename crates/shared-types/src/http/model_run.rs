//! How calls of language models are shown to operators: one row a call, and what rows come to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{TaskId, Timestamp, TraceId};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It has not ended yet.
    Running,
    /// The model answered.
    Ok,
    /// The model answered, and the output limit cut the answer.
    Truncated,
    /// The answer came from the response cache: nobody was asked.
    Cached,
    /// No answer, or none that can be used.
    Error,
    /// No answer in time.
    Timeout,
    /// A rule of ours, or the service's content filter, refused the prompt or the answer.
    Refused,
    /// A cap on spending was reached: nobody was asked.
    OverQuota,
    /// Another call was faster, or the caller stopped waiting.
    Cancelled,
    /// The process ended during the call.
    Interrupted,
}

impl RunStatus {
    const ALL: [Self; 10] = [
        Self::Running,
        Self::Ok,
        Self::Truncated,
        Self::Cached,
        Self::Error,
        Self::Timeout,
        Self::Refused,
        Self::OverQuota,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The name in JSON, logs and the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Truncated => "truncated",
            Self::Cached => "cached",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::OverQuota => "over_quota",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What a provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunUnit {
    /// Tokens of a language model.
    Tokens,
    /// Characters that are spoken.
    Characters,
    /// Seconds of sound.
    Seconds,
}

impl RunUnit {
    /// The name in JSON and the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Characters => "characters",
            Self::Seconds => "seconds",
        }
    }

    /// The unit of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Tokens, Self::Characters, Self::Seconds].into_iter().find(|unit| unit.as_str() == name)
    }
}

/// One call: one row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelRun {
    /// Its place among all calls; grows.
    pub id: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// The task it was for.
    pub task: TaskId,
    /// Its trace.
    pub trace_id: TraceId,
    /// For what a model was asked, such as `app-generator`.
    pub alias: String,
    /// The model by the name its service gives it.
    pub model: String,
    /// The prompt's template.
    pub template: String,
    /// SHA-256 over what was sent, in hexadecimal digits; the random boundary counts as the same in every prompt.
    pub prompt_hash: String,
    /// What `input` and `output` count.
    pub unit: RunUnit,
    /// What went in, as the service counted it; 0 where it did not say.
    pub input: u64,
    /// What of `input` came from the service's cache.
    pub cached_input: u64,
    /// What came out.
    pub output: u64,
    /// Millionths of a US dollar; absent when the price or the count is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost_micro_usd: Option<u64>,
    /// What counts against the caps: the cost; an estimate at the dearest known price where the cost is not known; the
    /// reservation while it runs.
    pub counted_micro_usd: u64,
    /// The price table that was used; absent when the model is not in it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price_version: Option<String>,
    /// Milliseconds until its end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latency_ms: Option<u64>,
    /// Milliseconds until the first token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_token_ms: Option<u64>,
    /// How it ended.
    pub status: RunStatus,
    /// Why it did not end well; never quotes a prompt or an answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// What rows come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelRunTotals {
    /// Calls.
    pub runs: u64,
    /// Tokens that went in.
    pub input_tokens: u64,
    /// Those of them that came from services' caches.
    pub cached_input_tokens: u64,
    /// Tokens that came out.
    pub output_tokens: u64,
    /// The known costs together, in millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// Calls whose cost is not known; they are not in `cost_micro_usd`.
    pub unknown_costs: u64,
    /// What counts against the caps.
    pub counted_micro_usd: u64,
}

impl ModelRunTotals {
    /// With one more call.
    #[must_use]
    pub fn plus(self, run: &ModelRun) -> Self {
        let tokens = |count: u64| if run.unit == RunUnit::Tokens { count } else { 0 };
        Self {
            runs: self.runs + 1,
            input_tokens: self.input_tokens + tokens(run.input),
            cached_input_tokens: self.cached_input_tokens + tokens(run.cached_input),
            output_tokens: self.output_tokens + tokens(run.output),
            cost_micro_usd: self.cost_micro_usd + run.cost_micro_usd.unwrap_or(0),
            unknown_costs: self.unknown_costs + u64::from(run.cost_micro_usd.is_none()),
            counted_micro_usd: self.counted_micro_usd + run.counted_micro_usd,
        }
    }
}

/// The answer of `GET /v1/model-runs`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelRunList {
    /// At most the asked number.
    pub runs: Vec<ModelRun>,
    /// Of all calls, or of all calls for the asked task; not of this page alone.
    pub totals: ModelRunTotals,
    /// Give this as `before` to read on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_before: Option<u64>,
}
