//! OpenAI's chat format: what is read of a call, and how an answer is written.

use std::convert::Infallible;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use bytes::Bytes;
use serde_json::{Value, json};

/// Characters of text in one piece of a stream.
const PIECE_CHARS: usize = 64;
/// Fixed, so that an answer is the same each time: 2026-01-01T00:00:00Z in Unix seconds.
const CREATED: u64 = 1_767_225_600;
const ID: &str = "chatcmpl-lab";
/// The usual rule of thumb for English.
const CHARS_PER_TOKEN: usize = 4;

/// A call of the chat API, as far as a script needs it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) model: String,
    pub(super) prompt: String,
    pub(super) body: Value,
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
        let mut prompt = String::new();
        for message in messages {
            message.get("role").and_then(Value::as_str).ok_or("a message has no `role`")?;
            push_text(&mut prompt, message.get("content"));
        }
        Ok(Self { model, prompt, body })
    }

    /// The answer `text`, ended by the model itself.
    pub(super) fn completed(&self, text: &str) -> HttpResponse {
        self.answered(text, "stop")
    }

    /// The answer `text`, cut by the output limit.
    pub(super) fn truncated(&self, text: &str) -> HttpResponse {
        self.answered(text, "length")
    }

    fn answered(&self, text: &str, finish_reason: &str) -> HttpResponse {
        match self.body.get("stream") {
            Some(Value::Bool(true)) => self.streamed(text, finish_reason),
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

    fn streamed(&self, text: &str, finish_reason: &str) -> HttpResponse {
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
        if self.body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)) {
            chunks.push(chunk(json!([]), self.usage(text)));
        }
        let lines = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).chain(["data: [DONE]\n\n".to_owned()]);
        let parts: Vec<Result<Bytes, Infallible>> = lines.map(|line| Ok(Bytes::from(line))).collect();
        HttpResponse::Ok().content_type("text/event-stream").streaming(futures::stream::iter(parts))
    }

    fn usage(&self, text: &str) -> Value {
        let (input, output) = (tokens(&self.prompt), tokens(text));
        json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
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

fn tokens(text: &str) -> usize {
    text.chars().count().div_ceil(CHARS_PER_TOKEN)
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
