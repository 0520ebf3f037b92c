//! OpenAI's chat format: what is read of a call, and how an answer is written.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};

/// Characters of text in one piece of a stream.
const PIECE_CHARS: usize = 64;
/// Fixed, so that an answer is the same each time: 2026-01-01T00:00:00Z in Unix seconds.
const CREATED: u64 = 1_767_225_600;
const ID: &str = "chatcmpl-lab";
/// The usual rule of thumb for English.
const CHARS_PER_TOKEN: usize = 4;

/// What was answered, as it is billed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    /// Calls that were answered with a text, whole or cut.
    pub answers: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: u64,
    /// Those of them that were in the service's cache.
    pub cached_tokens: u64,
    /// Tokens of their texts.
    pub completion_tokens: u64,
}

impl Served {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            answers: self.answers + other.answers,
            prompt_tokens: self.prompt_tokens + other.prompt_tokens,
            cached_tokens: self.cached_tokens + other.cached_tokens,
            completion_tokens: self.completion_tokens + other.completion_tokens,
        }
    }
}

/// A call of the chat API, as far as a script needs it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) model: String,
    pub(super) prompt: String,
    pub(super) body: Value,
    /// Tokens of the system message: what providers keep in their cache.
    stable_tokens: u64,
    served: Cell<Served>,
}

impl Call {
    /// Reads a body; the error says what is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
        let model = body.get("model").and_then(Value::as_str).ok_or("`model` is missing")?.to_owned();
        let messages = body.get("messages").and_then(Value::as_array).ok_or("`messages` is missing")?;
        if messages.is_empty() {
            return Err("`messages` is empty".to_owned());
        }
        let (mut prompt, mut stable) = (String::new(), String::new());
        for message in messages {
            let role = message.get("role").and_then(Value::as_str).ok_or("a message has no `role`")?;
            push_text(&mut prompt, message.get("content"));
            if role == "system" {
                push_text(&mut stable, message.get("content"));
            }
        }
        Ok(Self { model, prompt, body, stable_tokens: tokens(&stable), served: Cell::default() })
    }

    /// The answer `text`, ended by the model itself.
    pub(super) fn completed(&self, text: &str) -> HttpResponse {
        self.answered(text, "stop", Duration::ZERO)
    }

    /// The same, with a pause before each piece.
    pub(super) fn trickled(&self, text: &str, pause: Duration) -> HttpResponse {
        self.answered(text, "stop", pause)
    }

    /// The answer `text`, cut by the output limit.
    pub(super) fn truncated(&self, text: &str) -> HttpResponse {
        self.answered(text, "length", Duration::ZERO)
    }

    /// What has been answered.
    pub(super) fn served(&self) -> Served {
        self.served.get()
    }

    fn answered(&self, text: &str, finish_reason: &str, pause: Duration) -> HttpResponse {
        match self.body.get("stream") {
            Some(Value::Bool(true)) => self.streamed(text, finish_reason, pause),
            _ => HttpResponse::Ok().json(json!({
                "id": ID, "object": "chat.completion", "created": CREATED, "model": self.model,
                "choices": [{
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": null},
                    "logprobs": null,
                    "finish_reason": finish_reason,
                }],
                "usage": self.usage(text),
            })),
        }
    }

    fn streamed(&self, text: &str, finish_reason: &str, pause: Duration) -> HttpResponse {
        let chunk = |choices: Value, usage: Value| {
            json!({
                "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": self.model,
                "choices": choices, "usage": usage,
            })
        };
        let delta = |delta: Value, finish: Value| {
            chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]), Value::Null)
        };
        let mut chunks = vec![delta(json!({"role": "assistant", "content": ""}), Value::Null)];
        chunks.extend(pieces(text).map(|piece| delta(json!({"content": piece}), Value::Null)));
        chunks.push(delta(json!({}), finish_reason.into()));
        let usage = self.usage(text);
        if self.body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)) {
            chunks.push(chunk(json!([]), usage));
        }
        let lines = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).chain(["data: [DONE]\n\n".to_owned()]);
        let parts: Vec<Result<Bytes, Infallible>> = lines.map(|line| Ok(Bytes::from(line))).collect();
        let parts = futures::stream::iter(parts).then(move |part| async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            part
        });
        HttpResponse::Ok().content_type("text/event-stream").streaming(parts)
    }

    /// The bill of an answer; it is noted as served.
    fn usage(&self, text: &str) -> Value {
        let (input, cached, output) = (tokens(&self.prompt), self.stable_tokens, tokens(text));
        let served = Served { answers: 1, prompt_tokens: input, cached_tokens: cached, completion_tokens: output };
        self.served.set(served);
        json!({
            "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": cached},
        })
    }
}

/// The answer of `GET /v1/models`.
pub(super) fn model_list<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let models: Vec<Value> =
        names.map(|name| json!({"id": name, "object": "model", "created": CREATED, "owned_by": "lab"})).collect();
    json!({"object": "list", "data": models})
}

/// An error in OpenAI's form.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = json!({"error": {"message": message, "type": code, "param": null, "code": code}});
    raw(status, &body.to_string())
}

/// 429 with the wait that clients are to keep.
pub(super) fn busy(seconds: u32) -> HttpResponse {
    let mut response = refusal(429, "rate_limit_exceeded", "Too many requests.");
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// A scripted status and body. An impossible status becomes 500.
pub(super) fn raw(status: u16, body: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).content_type("application/json").body(body.to_owned())
}

fn push_text(prompt: &mut String, content: Option<&Value>) {
    match content {
        Some(Value::String(text)) => {
            prompt.push_str(text);
            prompt.push('\n');
        }
        Some(Value::Array(parts)) => {
            for part in parts {
                push_text(prompt, part.get("text"));
            }
        }
        _ => {}
    }
}

fn tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(CHARS_PER_TOKEN) as u64
}

/// `text` in pieces of at most [`PIECE_CHARS`] characters.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let end = text.char_indices().nth(PIECE_CHARS).map_or(text.len(), |(at, _)| at);
        let (piece, rest) = text.split_at(end);
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_text_again() {
        let text = "äöü €".repeat(60);
        let parts: Vec<&str> = pieces(&text).collect();
        assert!(parts.len() > 1 && parts.iter().all(|part| part.chars().count() <= PIECE_CHARS));
        assert_eq!(parts.concat(), text);
        assert_eq!(pieces("").count(), 0);
    }

    #[test]
    fn a_prompt_is_all_texts_of_all_messages() {
        let body = json!({"model": "m", "messages": [
            {"role": "system", "content": "rules"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": null},
        ]});
        assert_eq!(Call::read(body.to_string().as_bytes()).unwrap().prompt, "rules\na\nb\n");
        for (bad, reason) in [
            ("{}", "`model` is missing"),
            (r#"{"model":"m"}"#, "`messages` is missing"),
            (r#"{"model":"m","messages":[]}"#, "`messages` is empty"),
            (r#"{"model":"m","messages":[{}]}"#, "a message has no `role`"),
        ] {
            assert_eq!(Call::read(bad.as_bytes()).unwrap_err(), reason);
        }
    }
}
