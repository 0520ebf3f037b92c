//! From a request of core-flows to calls, and back.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ports::{Clock, Completion, CompletionRequest, Gatekeeper, Model, RunLedger, SpendCaps, Unwatched, Watch};
use secrecy::SecretString;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::addresses::Addresses;
use crate::breaker::Breakers;
use crate::cache::{self, Cache};
use crate::chain::Chain;
use crate::prompts::Prompts;
use crate::run::{Call, Parts, Runs};
use crate::{BreakerOptions, CacheMode, Error, Moderation, Prices};

/// Values that are random words and say nothing.
const BOUNDARIES: [&str; 2] = ["boundary", "fence"];

/// Settings of the gateway.
#[derive(Debug, Clone)]
pub struct Options {
    /// The service's base URL, such as `https://api.openai.com/v1` or `http://localhost:4000`;
    /// without a path, `/v1/` is taken.
    pub base_url: Url,
    /// Sent as a bearer token; without it no `Authorization` header is sent.
    pub api_key: Option<SecretString>,
    /// Alias to the names of models, best first: each stands in for those before it. A suffix such as `-high` sets the
    /// reasoning effort.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// The models of every alias that is not in `aliases`.
    pub default_models: Vec<String>,
    /// Tokens that an answer may have.
    pub max_output_tokens: u32,
    /// A folder whose `NAME.md.jinja` and `parts/NAME.md.jinja` replace the built-in ones.
    pub prompts_dir: Option<PathBuf>,
    /// What calls cost.
    pub prices: Prices,
    /// What may be spent.
    pub caps: SpendCaps,
    /// The response cache.
    pub cache: CacheMode,
    /// What is refused.
    pub moderation: Moderation,
    /// When a provider is not asked for a while.
    pub breaker: BreakerOptions,
    /// The share of a call's time after which, without a first token, the next model is asked as well; `None`: never.
    pub hedge_after: Option<f32>,
}

impl Options {
    /// The service at `base_url`, without key, models, caps, cache and moderation.
    #[must_use]
    pub fn new(base_url: Url, prices: Prices) -> Self {
        // Room for some 1,500 lines; common models refuse to be asked for more.
        const MAX_OUTPUT_TOKENS: u32 = 16_384;
        Self {
            base_url,
            api_key: None,
            aliases: BTreeMap::new(),
            default_models: Vec::new(),
            max_output_tokens: MAX_OUTPUT_TOKENS,
            prompts_dir: None,
            prices,
            caps: SpendCaps::default(),
            cache: CacheMode::Off,
            moderation: Moderation::off(),
            breaker: BreakerOptions::default(),
            hedge_after: None,
        }
    }
}

/// The gate to language models.
pub struct Gateway {
    aliases: BTreeMap<String, Vec<String>>,
    default_models: Vec<String>,
    prompts: Prompts,
    moderation: Arc<Moderation>,
    chain: Chain,
}

/// Roles that nothing hangs on: they cost calls only where a model is named for them.
const NAMED_ONLY: [&str; 1] = ["judge"];

impl Gateway {
    /// A gateway that passes every value through `redact` before it leaves, and writes every call into `runs`. Reads
    /// and compiles the templates; does not connect.
    ///
    /// # Errors
    /// A base URL, client or template that cannot be used: stop.
    pub fn new(
        options: Options,
        redact: Arc<dyn Gatekeeper>,
        runs: Arc<dyn RunLedger>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let moderation = Arc::new(options.moderation);
        let parts = Parts {
            runs,
            clock,
            prices: options.prices,
            caps: options.caps,
            cache: Cache::new(options.cache),
            moderation: Arc::clone(&moderation),
        };
        Ok(Self {
            prompts: Prompts::load(options.prompts_dir.as_deref())?,
            chain: Chain {
                runs: Runs::new(&options.base_url, options.api_key, options.max_output_tokens, redact, parts)?,
                breakers: Breakers::new(options.breaker),
                hedge_after: options.hedge_after,
            },
            aliases: options.aliases,
            default_models: options.default_models,
            moderation,
        })
    }

    fn models(&self, alias: &str) -> &[String] {
        match self.aliases.get(alias) {
            Some(models) => models,
            None if NAMED_ONLY.contains(&alias) => &[],
            None => &self.default_models,
        }
    }

    async fn run(&self, request: CompletionRequest, watch: &dyn Watch) -> Result<Completion, Error> {
        let CompletionRequest { alias, template, values, timeout, task, trace_id } = request;
        let models = self.models(&alias);
        let Some(first) = models.first() else { return Err(Error::NoModel { alias }) };
        let mut addresses = Addresses::default();
        // Values, not the whole prompt: a finding must not reach over the mark that ends its data.
        let shown = self.redacted(&values, &mut addresses);
        let prompt = self.prompts.render(&template, &shown)?;
        let word = |name: &&str| shown.get(*name)?.as_str().filter(|word| !word.is_empty()).map(str::to_owned);
        let boundaries: Vec<String> = BOUNDARIES.iter().filter_map(word).collect();
        let sent = cache::without(&format!("{}\n{}", prompt.system, prompt.user), &boundaries);
        let prompt_hash = hex::encode(Sha256::digest(sent));
        let call = Call { alias, template, prompt, prompt_hash, boundaries, task, trace_id };
        let brief = values.get("brief").and_then(Value::as_str).unwrap_or_default();
        let asked = match self.moderation.judge_brief(&call, brief) {
            Some(refused) => {
                self.chain.runs.track_refusal(&call, first, &refused).await?;
                Err(refused)
            }
            None => Box::pin(self.chain.ask(&call, models, timeout, watch)).await,
        };
        if let Err(Error::Unsafe { objection, .. }) = &asked {
            watch.refused(objection.clone());
        }
        let completion = asked?;
        Ok(Completion { text: addresses.restore(completion.text), ..completion })
    }

    /// `value` without secrets, and with stand-ins for e-mail addresses.
    fn redacted(&self, value: &Value, addresses: &mut Addresses) -> Value {
        match value {
            Value::String(text) => Value::String(addresses.hide(&self.chain.runs.clean(text))),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.redacted(item, addresses)).collect()),
            Value::Object(fields) => {
                let redacted = fields.iter().map(|(name, value)| (name.clone(), self.redacted(value, addresses)));
                Value::Object(redacted.collect())
            }
            other => other.clone(),
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("aliases", &self.aliases)
            .field("default_models", &self.default_models)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Model for Gateway {
    fn serves(&self, alias: &str) -> bool {
        !self.models(alias).is_empty()
    }

    async fn complete(&self, request: CompletionRequest) -> Result<Completion, ports::Error> {
        self.complete_watched(request, &Unwatched).await
    }

    async fn complete_watched(
        &self,
        request: CompletionRequest,
        watch: &dyn Watch,
    ) -> Result<Completion, ports::Error> {
        Ok(self.run(request, watch).await?)
    }
}
