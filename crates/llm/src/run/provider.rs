//! The client of one OpenAI-compatible service: one streamed answer, or why there is none.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ChatRequest, ChatStreamEvent, StopReason, StreamEnd};
use genai::resolver::{AuthData, Endpoint};
use genai::{Headers, ModelIden, ServiceTarget, webc};
use ports::{Completion, FinishReason, Gatekeeper, Usage};
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::Meter;
use crate::prompts::Prompt;
use crate::{Error, refusal};

/// A service that does not take a connection in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What an error shows of a provider's message.
const MAX_MESSAGE_CHARS: usize = 300;

/// Far above any output limit: a service that goes on beyond it does not speak the protocol.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// A shorter key is a stand-in such as `none` or `ollama`, and a word of innocent texts.
const MIN_KEY_BYTES: usize = 8;

/// Where services put the protocol when the base URL has no path.
const DEFAULT_PATH: &str = "/v1/";

/// A client of one OpenAI-compatible service.
pub(super) struct Provider {
    genai: genai::Client,
    max_output_tokens: u32,
    api_key: Option<SecretString>,
    redact: Arc<dyn Gatekeeper>,
}

impl Provider {
    pub(super) fn new(
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

    /// One request and its answer, within `timeout`; `meter` hears how it goes.
    pub(super) async fn ask(
        &self,
        alias: &str,
        model: &str,
        prompt: &Prompt,
        timeout: Duration,
        meter: &Meter,
    ) -> Result<Completion, Error> {
        match tokio::time::timeout(timeout, self.stream(alias, model, prompt, meter)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Error::TimedOut { alias: alias.to_owned(), within: timeout }),
        }
    }

    async fn stream(&self, alias: &str, model: &str, prompt: &Prompt, meter: &Meter) -> Result<Completion, Error> {
        let mut request = ChatRequest::from_user(prompt.user.clone());
        if !prompt.system.is_empty() {
            request = request.with_system(prompt.system.clone());
        }
        let options = ChatOptions::default().with_max_tokens(self.max_output_tokens).with_capture_usage(true);
        // Without the adapter's kind the client would guess the provider from the model's name.
        let asked = ModelIden::new(AdapterKind::OpenAI, model);
        let unusable = |reason| Error::Unusable { alias: alias.to_owned(), reason };
        let answer = self.genai.exec_chat_stream(asked, request, Some(&options)).await;
        let mut events = answer.map_err(|error| self.fault(alias, error))?.stream;
        let mut text = String::new();
        while let Some(event) = events.next().await {
            match event.map_err(|error| self.fault(alias, error))? {
                ChatStreamEvent::Chunk(chunk) => {
                    text.push_str(&chunk.content);
                    meter.wrote(chunk.content.len());
                }
                ChatStreamEvent::ReasoningChunk(chunk) => meter.wrote(chunk.content.len()),
                ChatStreamEvent::End(end) => return completion(alias, model, text, &end),
                _ => {}
            }
            if text.len() > MAX_ANSWER_BYTES {
                return Err(unusable("the answer does not end"));
            }
        }
        Err(unusable("the answer is not a chat completion, or broke off"))
    }

    /// Our own error for the client's, which quotes requests and answers.
    fn fault(&self, alias: &str, error: genai::Error) -> Error {
        use webc::Error as Web;

        let web = match error {
            genai::Error::WebModelCall { webc_error, .. } | genai::Error::WebAdapterCall { webc_error, .. } => {
                webc_error
            }
            genai::Error::HttpError { status, body, headers, .. } => {
                Web::ResponseFailedStatus { status, body, headers }
            }
            genai::Error::WebStream { error, .. } => return self.stream_fault(alias, error),
            // An error within a stream that began well.
            genai::Error::ChatResponse { body, .. } => {
                let status = status_within(&body).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return self.refused(
                    alias,
                    status,
                    &HeaderMap::new(),
                    &serde_json::json!({ "error": body }).to_string(),
                );
            }
            _ => return Error::Unusable { alias: alias.to_owned(), reason: "the answer is not a chat completion" },
        };
        match web {
            Web::ResponseFailedStatus { status, body, headers } => self.refused(alias, status, &headers, &body),
            Web::Reqwest(source) => Error::Unreachable { alias: alias.to_owned(), source: source.without_url() },
            _ => Error::Unusable { alias: alias.to_owned(), reason: "the answer is not JSON" },
        }
    }

    fn stream_fault(&self, alias: &str, error: Box<dyn std::error::Error + Send + Sync>) -> Error {
        let other = match error.downcast::<reqwest::Error>() {
            Ok(source) => return Error::Unreachable { alias: alias.to_owned(), source: source.without_url() },
            Err(other) => other,
        };
        match other.downcast::<genai::Error>() {
            Ok(inner) if !matches!(*inner, genai::Error::WebStream { .. }) => self.fault(alias, *inner),
            _ => Error::Unusable { alias: alias.to_owned(), reason: "the stream of the answer cannot be read" },
        }
    }

    fn refused(&self, alias: &str, status: StatusCode, headers: &HeaderMap, body: &str) -> Error {
        let refusal = refusal::read(status.as_u16(), headers, body);
        let message = self.presentable(&refusal.message);
        Error::Refused { alias: alias.to_owned(), status: status.as_u16(), message, verdict: refusal.verdict }
    }

    /// `text` without the key of this service and without anything that the gatekeeper knows.
    pub(super) fn clean(&self, text: &str) -> String {
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

/// The status that an error within a stream names, when it names one.
fn status_within(body: &Value) -> Option<StatusCode> {
    let named = ["code", "status"].iter().find_map(|name| match body.get(*name)? {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })?;
    StatusCode::from_u16(named).ok().filter(|status| !status.is_success())
}

fn completion(alias: &str, model: &str, text: String, end: &StreamEnd) -> Result<Completion, Error> {
    let finish = match &end.captured_stop_reason {
        Some(StopReason::MaxTokens(_)) => FinishReason::Truncated,
        Some(StopReason::ContentFilter(_)) => return Err(Error::Declined { alias: alias.to_owned() }),
        _ => FinishReason::Complete,
    };
    if text.trim().is_empty() && finish == FinishReason::Complete {
        return Err(Error::Unusable { alias: alias.to_owned(), reason: "the answer is empty" });
    }
    let tokens = |count: Option<i32>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    let usage = end.captured_usage.as_ref().map_or_else(Usage::default, |usage| Usage {
        input_tokens: tokens(usage.prompt_tokens),
        cached_input_tokens: tokens(usage.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens)),
        output_tokens: tokens(usage.completion_tokens),
    });
    Ok(Completion { text, finish, model: model.to_owned(), usage })
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
