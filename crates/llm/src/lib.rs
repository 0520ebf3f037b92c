//! The one gate to language models.
//!
//! A request names an alias, a template and its values; the [`Gateway`] takes secrets and e-mail addresses out of the
//! values, renders the prompt, and asks the models behind the alias, best first, at a service that speaks OpenAI's chat
//! completions: a LiteLLM proxy, Ollama, vLLM or OpenAI itself.
//!
//! The way of a call: `gateway` (alias, redaction, moderation, prompt) -> `chain` (who stands in, hedging, `breaker`)
//! -> `run` (reservation, `cache`, the request, row and line).
//!
//! Invariants: every call goes through one private function that writes a row in the ledger before it and settles it
//! after it; no prompt, answer or key is logged or held in an error; a model's name stands in the configuration and
//! nowhere in code.
//!
//! Not here: what to ask, when to try again, and reading files out of answers. core-flows decides those.

mod addresses;
mod breaker;
mod cache;
mod chain;
mod error;
mod gateway;
mod moderation;
mod prices;
mod prompts;
mod refusal;
mod run;

pub use breaker::BreakerOptions;
pub use cache::{CacheFolder, CacheMode};
pub use error::Error;
pub use gateway::{Gateway, Options};
pub use moderation::{Moderation, ModerationError};
pub use prices::{Prices, PricesError};
