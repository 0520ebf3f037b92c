//! One call. The provider's client is private to this file, so that no call can pass by the one
//! function that writes a line about it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ChatRequest, ChatResponse, StopReason};
use genai::resolver::{AuthData, Endpoint};
use genai::{Headers, ModelIden, ServiceTarget, webc};
use ports::{Completion, FinishReason, Gatekeeper, Usage};
use reqwest::redirect;
use secrecy::{ExposeSecret as _, SecretString};
use shared_types::{TaskId, TraceId};
use url::Url;

use crate::prompts::Prompt;
use crate::{Error, refusal};

/// A service that does not take a connection in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What an error shows of a provider's message.
const MAX_MESSAGE_CHARS: usize = 300;

/// A shorter key is a stand-in such as `none` or `ollama`, and a word of innocent texts.
const MIN_KEY_BYTES: usize = 8;

/// Where services put the protocol when the base URL has no path.
const DEFAULT_PATH: &str = "/v1/";

/// Everything about one call.
pub(crate) struct Run<'a> {
    pub(crate) alias: String,
    pub(crate) model: &'a str,
    pub(crate) template: String,
    pub(crate) prompt: Prompt,
    pub(crate) timeout: Duration,
    pub(crate) task: TaskId,
    pub(crate) trace_id: TraceId,
}

/// A client of one OpenAI-compatible service.
pub(crate) struct Client {
    genai: genai::Client,
    max_output_tokens: u32,
    api_key: Option<SecretString>,
    redact: Arc<dyn Gatekeeper>,
}

impl Client {
    pub(crate) fn new(
        base_url: &Url,
        api_key: Option<SecretString>,
        max_output_tokens: u32,
        redact: Arc<dyn Gatekeeper>,
    ) -> Result<Self, Error> {
        let base_url = folder(base_url).ok_or(Error::BaseUrl)?;
        let api_key = api_key.filter(|key| !key.expose_secret().is_empty());
        let auth = Auth::new(&base_url, api_key.clone())?;
        let target = move |asked: ServiceTarget| {
            let endpoint = Endpoint::from_owned(base_url.as_str());
            Ok(ServiceTarget { endpoint, auth: auth.data(), model: asked.model })
        };
        let genai = genai::Client::builder()
            .with_reqwest(http_client()?)
            .with_service_target_resolver_fn(target)
            .build()
            // Its error is a text about adapters and environment variables that are not in use.
            .map_err(|_| Error::Client)?;
        Ok(Self { genai, max_output_tokens, api_key, redact })
    }

    /// Runs one call and writes the one line about it: who asked for what, how long it took, what
    /// it cost in tokens and how it ended. Never a word of the prompt or the answer.
    pub(crate) async fn track_run(&self, run: Run<'_>) -> Result<Completion, Error> {
        let began = Instant::now();
        let outcome = self.ask(&run).await;
        let (status, usage) = match &outcome {
            Ok(completion) if completion.finish == FinishReason::Truncated => {
                ("truncated".to_owned(), completion.usage)
            }
            Ok(completion) => ("complete".to_owned(), completion.usage),
            Err(error) => (error.status(), Usage::default()),
        };
        tracing::info!(
            event = "model.called",
            alias = %run.alias,
            model = %run.model,
            template = %run.template,
            prompt_hash = %run.prompt.hash,
            task_id = %run.task,
            trace_id = %run.trace_id,
            input_tokens = usage.input_tokens,
            output_tokens = usage.output_tokens,
            latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            status,
            "a model was asked"
        );
        outcome
    }

    async fn ask(&self, run: &Run<'_>) -> Result<Completion, Error> {
        let mut request = ChatRequest::from_user(run.prompt.user.clone());
        if !run.prompt.system.is_empty() {
            request = request.with_system(run.prompt.system.clone());
        }
        let options = ChatOptions::default().with_max_tokens(self.max_output_tokens);
        // Without the adapter's kind the client would guess the provider from the model's name.
        let model = ModelIden::new(AdapterKind::OpenAI, run.model);
        let answer = self.genai.exec_chat(model, request, Some(&options));
        match tokio::time::timeout(run.timeout, answer).await {
            Ok(Ok(response)) => completion(&run.alias, response),
            Ok(Err(error)) => Err(self.fault(run, error)),
            Err(_elapsed) => Err(Error::TimedOut { alias: run.alias.clone(), within: run.timeout }),
        }
    }

    /// Our own error for the client's, which quotes requests and answers.
    fn fault(&self, run: &Run<'_>, error: genai::Error) -> Error {
        use webc::Error as Web;

        let alias = run.alias.clone();
        let web = match error {
            genai::Error::WebModelCall { webc_error, .. } | genai::Error::WebAdapterCall { webc_error, .. } => {
                webc_error
            }
            genai::Error::HttpError { status, body, headers, .. } => {
                Web::ResponseFailedStatus { status, body, headers }
            }
            _ => return Error::Unusable { alias, reason: "the answer is not a chat completion" },
        };
        match web {
            Web::ResponseFailedStatus { status, body, headers } => {
                let refusal = refusal::read(status.as_u16(), &headers, &body);
                let message = self.presentable(&refusal.message);
                Error::Refused { alias, status: status.as_u16(), message, verdict: refusal.verdict }
            }
            Web::Reqwest(source) => Error::Unreachable { alias, source: source.without_url() },
            _ => Error::Unusable { alias, reason: "the answer is not JSON" },
        }
    }

    /// `text` without the key of this service and without anything that the gatekeeper knows.
    pub(crate) fn clean(&self, text: &str) -> String {
        let key = self.api_key.as_ref().map(|key| key.expose_secret()).filter(|key| key.len() >= MIN_KEY_BYTES);
        match key {
            Some(key) if text.contains(key) => self.redact.redact(&text.replace(key, "[redacted]")),
            _ => self.redact.redact(text),
        }
    }

    /// A provider's message without secrets, in one line, cut.
    fn presentable(&self, message: &str) -> String {
        let line = self.clean(message).split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().take(MAX_MESSAGE_CHARS).collect()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// How calls prove who they are.
#[derive(Clone)]
enum Auth {
    Bearer(SecretString),
    /// A service of one's own often needs no key, and the client knows no other way to send none.
    Anonymous {
        url: Url,
    },
}

impl Auth {
    fn new(base_url: &Url, api_key: Option<SecretString>) -> Result<Self, Error> {
        match api_key {
            Some(key) => Ok(Self::Bearer(key)),
            None => Ok(Self::Anonymous { url: base_url.join("chat/completions").map_err(|_| Error::BaseUrl)? }),
        }
    }

    fn data(&self) -> AuthData {
        match self {
            Self::Bearer(key) => AuthData::from_single(key.expose_secret()),
            Self::Anonymous { url } => AuthData::RequestOverride { url: url.to_string(), headers: Headers::default() },
        }
    }
}

fn completion(alias: &str, response: ChatResponse) -> Result<Completion, Error> {
    let finish = match &response.stop_reason {
        Some(StopReason::MaxTokens(_)) => FinishReason::Truncated,
        Some(StopReason::ContentFilter(_)) => return Err(Error::Declined { alias: alias.to_owned() }),
        _ => FinishReason::Complete,
    };
    let tokens = |count: Option<i32>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    let usage = Usage {
        input_tokens: tokens(response.usage.prompt_tokens),
        output_tokens: tokens(response.usage.completion_tokens),
    };
    let model = response.provider_model_iden.model_name.to_string();
    let text = response.content.into_texts().concat();
    if text.trim().is_empty() && finish == FinishReason::Complete {
        return Err(Error::Unusable { alias: alias.to_owned(), reason: "the answer is empty" });
    }
    Ok(Completion { text, finish, model, usage })
}

fn http_client() -> Result<reqwest::Client, Error> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!(event = "tls.provider_kept", "a TLS provider was installed before");
    }
    reqwest::Client::builder()
        .user_agent(shared_types::events::PRODUCER)
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect could carry the key to another host.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(Error::HttpClient)
}

/// The base URL as a folder, so that a path can be joined to it.
fn folder(base_url: &Url) -> Option<Url> {
    let named = base_url.username().is_empty() && base_url.password().is_none();
    if !matches!(base_url.scheme(), "http" | "https") || !base_url.has_host() || !named {
        return None;
    }
    let mut folder = base_url.clone();
    folder.set_fragment(None);
    match base_url.path() {
        "/" => folder.set_path(DEFAULT_PATH),
        path if !path.ends_with('/') => folder.set_path(&format!("{path}/")),
        _ => {}
    }
    Some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_becomes_a_folder() {
        for (text, expected) in [
            ("http://localhost:4000", Some("http://localhost:4000/v1/")),
            ("https://api.example.com/v1", Some("https://api.example.com/v1/")),
            ("https://api.example.com/openai/v1/", Some("https://api.example.com/openai/v1/")),
            ("https://user:pw@api.example.com/v1", None),
            ("file:///etc", None),
            ("mailto:a@b", None),
        ] {
            assert_eq!(folder(&text.parse().unwrap()).as_ref().map(Url::as_str), expected, "{text}");
        }
    }
}
