//! A model service that answers `/v1/chat/completions` from a list and remembers what it was asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures::{StreamExt as _, future, stream};
use serde_json::{Value, json};
use url::Url;

/// One answer; the last of a list repeats.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Raw {
        status: u16,
        content_type: &'static str,
        body: String,
    },
    /// These events and then, unless the stream ends, silence.
    Stream {
        events: Vec<Value>,
        ends: bool,
    },
    Stall,
}

pub(crate) fn raw(status: u16, content_type: &'static str, body: &str) -> Reply {
    Reply::Raw { status, content_type, body: body.to_owned() }
}

/// A completion, in pieces and with tokens as services report them.
pub(crate) fn answer(text: &str, finish: &str) -> Reply {
    let (one, other) = text.split_at(text.len() / 2);
    let usage = json!({
        "prompt_tokens": 120, "completion_tokens": 34, "total_tokens": 154,
        "prompt_tokens_details": {"cached_tokens": 100},
    });
    let mut events = vec![piece(one), piece(other)];
    events.push(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}));
    events.push(json!({"choices": [], "usage": usage}));
    Reply::Stream { events, ends: true }
}

/// The beginning of an answer, and then nothing.
pub(crate) fn begins(text: &str) -> Reply {
    Reply::Stream { events: vec![piece(text)], ends: false }
}

/// A stream that begins well and then says what went wrong.
pub(crate) fn breaks(error: Value) -> Reply {
    Reply::Stream { events: vec![piece("half"), json!({ "error": error })], ends: true }
}

fn piece(text: &str) -> Value {
    json!({"model": "vendor/model-1-2026", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
}

/// An error answer; every one names a wait of 7 s.
pub(crate) fn refusal(status: u16, body: &str) -> Reply {
    raw(status, "application/json", body)
}

/// Not a byte, ever.
pub(crate) fn stall() -> Reply {
    Reply::Stall
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) authorization: Option<String>,
    pub(crate) body: Value,
}

struct State {
    replies: Vec<Reply>,
    calls: Mutex<Vec<Call>>,
}

/// A service on a port of its own, stopped when dropped.
pub(crate) struct Fake {
    base: Url,
    handle: ServerHandle,
    state: Arc<State>,
}

impl Fake {
    pub(crate) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let state = Arc::new(State { replies: replies.into_iter().collect(), calls: Mutex::default() });
        let data = web::Data::from(state.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(8 * 1024 * 1024))
                .route("/v1/chat/completions", web::post().to(complete))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a free port");
        let base = format!("http://{}", server.addrs()[0]).parse().unwrap();
        let running = server.run();
        let handle = running.handle();
        tokio::spawn(running);
        Self { base, handle, state }
    }

    /// Without a path: the gateway knows where the protocol is.
    pub(crate) fn base_url(&self) -> Url {
        self.base.clone()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    pub(crate) fn only_call(&self) -> Call {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1);
        calls.remove(0)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn complete(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let number = {
        let mut calls = state.calls.lock().unwrap();
        calls.push(Call { authorization, body: serde_json::from_slice(&body).unwrap() });
        calls.len() - 1
    };
    match state.replies.get(number).or(state.replies.last()).unwrap() {
        Reply::Stall => future::pending().await,
        Reply::Stream { events, ends } => {
            let mut lines: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
            if *ends {
                lines.push("data: [DONE]\n\n".to_owned());
            }
            let parts = stream::iter(lines.into_iter().map(|line| Ok::<_, Infallible>(web::Bytes::from(line))));
            let mut answer = HttpResponse::Ok();
            answer.content_type("text/event-stream");
            match ends {
                true => answer.streaming(parts),
                false => answer.streaming(parts.chain(stream::pending())),
            }
        }
        Reply::Raw { status, content_type, body } => HttpResponse::build(StatusCode::from_u16(*status).unwrap())
            .insert_header(("retry-after", "7"))
            .content_type(*content_type)
            .body(body.clone()),
    }
}
