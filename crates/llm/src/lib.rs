//! The one gate to language models.
//!
//! A request names an alias, a template and its values; the [`Gateway`] maps the alias to a model,
//! takes secrets out of the values, renders the prompt, and runs one call against a service that
//! speaks OpenAI's chat completions: a LiteLLM proxy, Ollama, vLLM or OpenAI itself.
//!
//! Invariants: every call goes through one private function that writes one line about it; no
//! prompt, answer or key is logged or held in an error; a model's name stands in the configuration
//! and nowhere in code.
//!
//! Not here: what to ask, retries, and reading files out of answers. core-flows decides those.

mod error;
mod gateway;
mod prompts;
mod refusal;
mod run;

pub use error::Error;
pub use gateway::{Gateway, Options};
