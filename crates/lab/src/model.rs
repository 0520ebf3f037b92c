//! A language model whose answers are scripted, behind OpenAI's chat API: `POST
//! /v1/chat/completions`, whole or as a stream, and `GET /v1/models`.
//!
//! # How an answer holds files
//! The prompt has a line `Boundary: <16 hex digits>`, new for each task, so that nothing in a
//! file can end a file. In the answer a whole file is
//! ```text
//! <<<FILE <boundary> path/to/file
//! ...content lines...
//! FILE>>> <boundary>
//! ```
//! Every content line ends in a line feed, also the last; text outside of blocks is talk.
//! [`Reply::Files`] and [`Reply::Instant`] write it; a prompt without a boundary gets a 400, which
//! is how a test learns that the prompt broke the contract. Other blocks (edits, conversions, answers
//! that were cut and go on) are scripted as text, in which `{boundary}` stands for the boundary.

mod instant;
mod script;
mod wire;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::SecretString;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::Error;
use crate::http::{listen, serve, url_of};
use crate::inbox::Inbox;

pub use script::{Reply, Script};
pub use wire::Served;

const WHAT: &str = "language model";
/// A prompt with every attachment in it stays below this.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Digits of a boundary.
const BOUNDARY_DIGITS: usize = 16;

/// A block that holds a whole file.
#[must_use]
pub fn file_block(boundary: &str, path: &str, content: &str) -> String {
    let line_end = if content.is_empty() || content.ends_with('\n') { "" } else { "\n" };
    format!("<<<FILE {boundary} {path}\n{content}{line_end}FILE>>> {boundary}\n")
}

/// The boundary that a prompt sets, when it sets one.
#[must_use]
pub fn boundary_of(prompt: &str) -> Option<&str> {
    prompt
        .lines()
        .filter_map(|line| line.strip_prefix("Boundary: "))
        .map(str::trim_end)
        .find(|text| text.len() == BOUNDARY_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A model that is bound and not yet running. Connections queue until [`ModelServer::run`].
#[derive(Debug)]
pub struct ModelServer {
    listener: TcpListener,
    handle: Handle,
}

impl ModelServer {
    /// Binds `addr`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Listen`] when the address is taken or forbidden.
    pub fn bind(addr: SocketAddr, script: Script) -> Result<Self, Error> {
        let (listener, local) = listen(WHAT, addr)?;
        let shared = Shared { script, calls: Mutex::default(), requests: Inbox::new(), served: Mutex::default() };
        Ok(Self { listener, handle: Handle { addr: local, shared: Arc::new(shared) } })
    }

    /// The base URL for clients: `http://.../v1/`.
    #[must_use]
    pub fn base_url(&self) -> Url {
        self.handle.base_url()
    }

    /// Sees what comes, while the model runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// [`Error::Serve`] when serving fails.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let shared = Data::from(self.handle.shared);
        let configure = move |config: &mut web::ServiceConfig| {
            config
                .app_data(Data::clone(&shared))
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .route("/v1/models", web::get().to(models))
                .route("/v1/chat/completions", web::post().to(complete));
        };
        serve(WHAT, self.listener, configure, shutdown).await
    }
}

/// A cheap view of a running model.
#[derive(Debug, Clone)]
pub struct Handle {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Handle {
    /// The base URL for clients: `http://.../v1/`.
    #[must_use]
    pub fn base_url(&self) -> Url {
        url_of(self.addr, "/v1/")
    }

    /// Every call so far that named a model, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.snapshot()
    }

    /// What was answered so far, as the service counts it.
    #[must_use]
    pub fn served(&self) -> Served {
        *self.shared.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first `n` calls and any more that have come, as soon as there are `n`.
    ///
    /// # Errors
    /// [`Error::Waited`] after `timeout`, on tokio's clock.
    pub async fn wait_for(&self, n: usize, timeout: Duration) -> Result<Vec<Recorded>, Error> {
        let what = format!("{n} calls of the model");
        self.shared.requests.wait_until(&what, timeout, |items| items.len() >= n).await
    }
}

/// One call as it came.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// When its body was whole.
    pub at: Instant,
    /// The model it names.
    pub model: String,
    /// Which call of this model it is, from 0.
    pub call: usize,
    /// The texts of all messages, each followed by a line feed.
    pub prompt: String,
    /// The `authorization` header.
    pub authorization: Option<SecretString>,
    /// The whole body.
    pub body: Value,
}

#[derive(Debug)]
struct Shared {
    script: Script,
    calls: Mutex<BTreeMap<String, usize>>,
    requests: Inbox<Recorded>,
    served: Mutex<Served>,
}

impl Shared {
    /// The number of this call of `model`, from 0.
    fn count(&self, model: &str) -> usize {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let next = calls.entry(model.to_owned()).or_default();
        *next += 1;
        *next - 1
    }
}

async fn models(shared: Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(wire::model_list(shared.script.models.keys().map(String::as_str)))
}

async fn complete(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let call = match wire::Call::read(&body) {
        Ok(call) => call,
        Err(reason) => return wire::refusal(400, "invalid_request_error", &reason),
    };
    let number = shared.count(&call.model);
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let recorded = Recorded {
        at: Instant::now(),
        model: call.model.clone(),
        call: number,
        prompt: call.prompt.clone(),
        authorization: header.map(SecretString::from),
        body: call.body.clone(),
    };
    if shared.requests.push(recorded).is_err() {
        return wire::refusal(503, "server_error", "the inbox is full");
    }
    match shared.script.reply(&call.model, number) {
        Some(reply) => {
            let response = answer(&call, number, reply).await;
            let mut served = shared.served.lock().unwrap_or_else(PoisonError::into_inner);
            *served = served.plus(call.served());
            response
        }
        None => wire::refusal(404, "model_not_found", &format!("the script has no model {:?}", call.model)),
    }
}

async fn answer(call: &wire::Call, number: usize, reply: &Reply) -> HttpResponse {
    let boundary = boundary_of(&call.prompt);
    match (reply, boundary) {
        (Reply::After(silence, reply), _) => {
            tokio::time::sleep(*silence).await;
            Box::pin(answer(call, number, reply)).await
        }
        (Reply::Text(text), _) => call.completed(&with_boundary(text, boundary)),
        (Reply::Trickle(pause, text), _) => call.trickled(&with_boundary(text, boundary), *pause),
        (Reply::Truncated(text), _) => call.truncated(&with_boundary(text, boundary)),
        (Reply::Files(files), Some(boundary)) => {
            let blocks: String = files.iter().map(|(path, content)| file_block(boundary, path, content)).collect();
            call.completed(&blocks)
        }
        (Reply::Files(_), None) => {
            wire::refusal(400, "invalid_request_error", "the prompt has no line `Boundary: <16 hex digits>`")
        }
        (Reply::Instant, Some(boundary)) => {
            call.completed(&file_block(boundary, "index.html", &instant::page(&call.prompt)))
        }
        (Reply::Unlike, Some(boundary)) => {
            let page = format!("{}<!-- answer {number} -->\n", instant::page(&call.prompt));
            call.completed(&file_block(boundary, "index.html", &page))
        }
        (Reply::Instant | Reply::Unlike, None) => call.completed(instant::SENTENCE),
        (Reply::Status(status, body), _) => wire::raw(*status, body),
        (Reply::Busy(seconds), _) => wire::busy(*seconds),
        (Reply::NoQuota, _) => wire::refusal(429, "insufficient_quota", "You exceeded your current quota."),
        (Reply::Stall(silence), _) => {
            tokio::time::sleep(*silence).await;
            wire::refusal(504, "server_error", "the model stalled, as scripted")
        }
    }
}

fn with_boundary<'a>(text: &'a str, boundary: Option<&str>) -> Cow<'a, str> {
    boundary.map_or(Cow::Borrowed(text), |boundary| text.replace("{boundary}", boundary).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_a_line_of_its_own() {
        for (prompt, expected) in [
            ("x\nBoundary: 00112233445566ff\ny", Some("00112233445566ff")),
            ("Boundary: 0011\nBoundary: 00112233445566ff\r\n", Some("00112233445566ff")),
            ("say Boundary: 00112233445566ff", None),
            ("Boundary: zz112233445566ff", None),
            ("", None),
        ] {
            assert_eq!(boundary_of(prompt), expected, "{prompt:?}");
        }
    }

    #[test]
    fn a_block_ends_on_a_line_of_its_own() {
        assert_eq!(file_block("b", "a.txt", "x"), "<<<FILE b a.txt\nx\nFILE>>> b\n");
        assert_eq!(file_block("b", "a.txt", "x\n"), "<<<FILE b a.txt\nx\nFILE>>> b\n");
        assert_eq!(file_block("b", "a.txt", ""), "<<<FILE b a.txt\nFILE>>> b\n");
    }
}
