//! Language models: an alias and a prompt in, text out.

use std::time::Duration;

use async_trait::async_trait;
use shared_types::{Digest, TaskId, TraceId};

use crate::Error;

/// One call. core-flows decides the alias, the template and its values; the adapter renders the
/// template and never learns why.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// A role such as `app-generator`; configuration maps it to a model, and to those that stand in for it.
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
    /// The model that was asked.
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
    /// Those of the prompt that came from the provider's cache.
    pub cached_input_tokens: u64,
    /// Of the answer.
    pub output_tokens: u64,
}

/// How far an answer has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The model that writes.
    pub model: String,
    /// Tokens so far, estimated from the text: services count them at the end only.
    pub output_tokens: u64,
}

/// A text that a rule of safety refused. It is named by its digest, never quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The rule's name.
    pub rule: String,
    /// `brief` or `answer`.
    pub place: &'static str,
    /// SHA-256 of the text.
    pub digest: Digest,
}

/// Rules of safety, which no model is asked for.
pub trait Moderator: Send + Sync {
    /// What speaks against making a site from `brief`.
    fn objects_to_brief(&self, brief: &str) -> Option<Objection>;
}

/// Hears of a call while it runs. Called often, so it must return at once.
pub trait Watch: Send + Sync {
    /// More of the answer came.
    fn progressed(&self, progress: Progress);

    /// The call is refused for what it asks or what came back.
    fn refused(&self, objection: Objection);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progressed(&self, _: Progress) {}

    fn refused(&self, _: Objection) {}
}

/// The gate to language models.
#[async_trait]
pub trait Model: Send + Sync {
    /// Whether a model is configured for `alias`.
    fn serves(&self, alias: &str) -> bool;

    /// Runs one completion.
    async fn complete(&self, request: CompletionRequest) -> Result<Completion, Error>;

    /// The same, and tells `watch` how it goes. A model that answers at once has nothing to tell.
    async fn complete_watched(&self, request: CompletionRequest, _: &dyn Watch) -> Result<Completion, Error> {
        self.complete(request).await
    }
}
