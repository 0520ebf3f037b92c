//! From a request of core-flows to a call, and back.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ports::{Completion, CompletionRequest, Gatekeeper, Model};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::Error;
use crate::prompts::Prompts;
use crate::run::{Client, Run};

/// Settings of the gateway.
#[derive(Debug, Clone)]
pub struct Options {
    /// The service's base URL, such as `https://api.openai.com/v1` or `http://localhost:4000`;
    /// without a path, `/v1/` is taken.
    pub base_url: Url,
    /// Sent as a bearer token; without it no `Authorization` header is sent.
    pub api_key: Option<SecretString>,
    /// Alias to model name. A suffix such as `-high` sets the reasoning effort.
    pub aliases: BTreeMap<String, String>,
    /// The model of every alias that is not in `aliases`.
    pub default_model: Option<String>,
    /// Tokens that an answer may have.
    pub max_output_tokens: u32,
    /// A folder whose `NAME.md.jinja` and `parts/NAME.md.jinja` replace the built-in ones.
    pub prompts_dir: Option<PathBuf>,
}

impl Options {
    /// The service at `base_url`, without key, aliases or default model.
    #[must_use]
    pub fn new(base_url: Url) -> Self {
        // Room for some 1,500 lines; common models refuse to be asked for more.
        const MAX_OUTPUT_TOKENS: u32 = 16_384;
        Self {
            base_url,
            api_key: None,
            aliases: BTreeMap::new(),
            default_model: None,
            max_output_tokens: MAX_OUTPUT_TOKENS,
            prompts_dir: None,
        }
    }
}

/// The gate to language models.
pub struct Gateway {
    aliases: BTreeMap<String, String>,
    default_model: Option<String>,
    prompts: Prompts,
    client: Client,
}

impl Gateway {
    /// A gateway that passes every value through `redact` before it leaves. Reads and compiles
    /// the templates; does not connect.
    ///
    /// # Errors
    /// A base URL, client or template that cannot be used: stop.
    pub fn new(options: Options, redact: Arc<dyn Gatekeeper>) -> Result<Self, Error> {
        Ok(Self {
            prompts: Prompts::load(options.prompts_dir.as_deref())?,
            client: Client::new(&options.base_url, options.api_key, options.max_output_tokens, redact)?,
            aliases: options.aliases,
            default_model: options.default_model,
        })
    }

    fn model(&self, alias: &str) -> Option<&String> {
        self.aliases.get(alias).or(self.default_model.as_ref())
    }

    async fn run(&self, request: CompletionRequest) -> Result<Completion, Error> {
        let CompletionRequest { alias, template, values, timeout, task, trace_id } = request;
        let Some(model) = self.model(&alias) else { return Err(Error::NoModel { alias }) };
        // Values, not the whole prompt: a finding must not reach over the mark that ends its data.
        let prompt = self.prompts.render(&template, &self.redacted(values))?;
        // Boxed: the client's future is some kilobytes large.
        Box::pin(self.client.track_run(Run { alias, model, template, prompt, timeout, task, trace_id })).await
    }

    fn redacted(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.client.clean(&text)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.redacted(item)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(name, value)| (name, self.redacted(value))).collect())
            }
            other => other,
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("aliases", &self.aliases)
            .field("default_model", &self.default_model)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Model for Gateway {
    fn serves(&self, alias: &str) -> bool {
        self.model(alias).is_some()
    }

    async fn complete(&self, request: CompletionRequest) -> Result<Completion, ports::Error> {
        Ok(self.run(request).await?)
    }
}
