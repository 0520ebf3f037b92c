//! Language models: an alias and a prompt in, text out.

use std::time::Duration;

use async_trait::async_trait;
use shared_types::{TaskId, TraceId};

use crate::Error;

/// One call. core-flows decides the alias, the template and its values; the adapter renders the
/// template and never learns why.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// A role such as `app-generator`; configuration maps it to a model.
    pub alias: String,
    /// Name of the prompt template, such as `app`.
    pub template: String,
    /// The template's values.
    pub values: serde_json::Value,
    /// At most this long, all told.
    pub timeout: Duration,
    /// The task it is for.
    pub task: TaskId,
    /// Its trace.
    pub trace_id: TraceId,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text, unchanged.
    pub text: String,
    /// Why it ends there.
    pub finish: FinishReason,
    /// The model that answered.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
}

/// Why a text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done.
    Complete,
    /// The output limit cut it.
    Truncated,
}

/// Tokens of one call; 0 where the provider did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the prompt.
    pub input_tokens: u64,
    /// Of the answer.
    pub output_tokens: u64,
}

/// The gate to language models.
#[async_trait]
pub trait Model: Send + Sync {
    /// Whether a model is configured for `alias`.
    fn serves(&self, alias: &str) -> bool;

    /// Runs one completion.
    async fn complete(&self, request: CompletionRequest) -> Result<Completion, Error>;
}
