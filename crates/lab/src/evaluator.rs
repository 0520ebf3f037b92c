//! The evaluator: an address that waits for notifications.
//!
//! It reads each body as strictly as the strictest known grader: exactly seven fields, each of
//! its type, else 400 with every reason. A body that is right gets the next answer of the
//! script, then 200s. A wrong body never uses up an answer, so a script of 500, 500, 200 plays
//! as written. Everything that comes is kept, bytes and all, for whoever asks.

mod body;

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use shared_types::Timestamp;
use shared_types::http::Notification;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use body::read_notification;

use crate::Error;
use crate::http::{listen, serve};
use crate::inbox::Inbox;
use crate::witness::{Effect, Witness};

const WHAT: &str = "evaluator";
/// Where notifications are awaited.
const PATH: &str = "/notify";
/// Seven short fields fit many times over.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// An evaluator that is bound and not yet running. Connections queue until [`Evaluator::run`].
#[derive(Debug)]
pub struct Evaluator {
    listener: TcpListener,
    handle: Handle,
}

impl Evaluator {
    /// Binds `addr`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Listen`] when the address is taken or forbidden.
    pub fn bind(addr: SocketAddr) -> Result<Self, Error> {
        Self::bind_with(addr, Witness::default())
    }

    /// The same, with a witness of every notification.
    ///
    /// # Errors
    /// [`Error::Listen`] when the address is taken or forbidden.
    pub fn bind_with(addr: SocketAddr, witness: Witness) -> Result<Self, Error> {
        let (listener, local) = listen(WHAT, addr)?;
        let shared = Shared { received: Inbox::new(), script: Mutex::default(), witness };
        Ok(Self { listener, handle: Handle { addr: local, shared: Arc::new(shared) } })
    }

    /// The address to put into a request's `evaluation_url`.
    #[must_use]
    pub fn url(&self) -> Url {
        self.handle.url()
    }

    /// Sees what comes and sets the answers, while the evaluator runs.
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
                .route(PATH, web::post().to(notify));
        };
        serve(WHAT, self.listener, configure, shutdown).await
    }
}

/// A cheap view of a running evaluator.
#[derive(Debug, Clone)]
pub struct Handle {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Handle {
    /// The address to put into a request's `evaluation_url`.
    #[must_use]
    pub fn url(&self) -> Url {
        crate::http::url_of(self.addr, PATH)
    }

    /// Puts answers to right bodies behind those already scripted.
    pub fn script<A: Into<Answer>>(&self, answers: impl IntoIterator<Item = A>) {
        self.shared.answers().extend(answers.into_iter().map(Into::into));
    }

    /// Everything received so far, in order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.snapshot()
    }

    /// The first `n` and any more that have come, as soon as there are `n`.
    ///
    /// # Errors
    /// [`Error::Waited`] after `timeout`, on tokio's clock.
    pub async fn wait_for(&self, n: usize, timeout: Duration) -> Result<Vec<Received>, Error> {
        let what = format!("{n} notifications");
        self.shared.received.wait_until(&what, timeout, |items| items.len() >= n).await
    }

    /// Everything received, as soon as `enough` holds for it; `what` names it in the error.
    ///
    /// # Errors
    /// [`Error::Waited`] after `timeout`, on tokio's clock.
    pub async fn wait_until(
        &self,
        what: &str,
        timeout: Duration,
        enough: impl Fn(&[Received]) -> bool,
    ) -> Result<Vec<Received>, Error> {
        self.shared.received.wait_until(what, timeout, enough).await
    }
}

/// How the evaluator answers one right body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Silence before it.
    pub delay: Duration,
    /// Headers beside `content-type`, such as `retry-after`.
    pub headers: Vec<(String, String)>,
    /// So many bytes of white space follow the body.
    pub padding: usize,
}

impl Answer {
    /// `status`, after `delay` of silence.
    #[must_use]
    pub fn after(status: u16, delay: Duration) -> Self {
        Self { delay, ..Self::from(status) }
    }

    /// The same with so many bytes of white space behind the body.
    #[must_use]
    pub fn padded(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl From<u16> for Answer {
    fn from(status: u16) -> Self {
        Self { status, delay: Duration::ZERO, headers: Vec::new(), padding: 0 }
    }
}

/// One POST as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// When its body was whole; monotonic, for gaps between attempts.
    pub at: Instant,
    /// The same moment on the calendar.
    pub at_time: Timestamp,
    /// Names in lower case, in order; values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The body's bytes, unread.
    pub body: Bytes,
    /// The seven fields, or every reason why it is not them.
    pub reading: Result<Notification, Vec<String>>,
    /// The status that it was, or will be, answered with.
    pub status: u16,
}

impl Received {
    /// The seven fields, when the body was right and the answer was 200.
    #[must_use]
    pub fn accepted(&self) -> Option<&Notification> {
        self.reading.as_ref().ok().filter(|_| self.status == 200)
    }

    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
struct Shared {
    received: Inbox<Received>,
    script: Mutex<VecDeque<Answer>>,
    witness: Witness,
}

impl Shared {
    fn answers(&self) -> MutexGuard<'_, VecDeque<Answer>> {
        // A deque of plain data is whole whatever panicked beside it.
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn notify(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let reading = read_notification(request.headers().get("content-type").and_then(|v| v.to_str().ok()), &body);
    let answer = match &reading {
        Ok(_) => shared.answers().pop_front().unwrap_or_else(|| Answer::from(200)),
        Err(_) => Answer::from(400),
    };
    let reply = match &reading {
        Ok(_) => json!({"status": answer.status}),
        Err(reasons) => json!({"status": 400, "reasons": reasons}),
    };
    let received = Received {
        at: Instant::now(),
        at_time: now(),
        headers: text_headers(&request),
        body,
        reading,
        status: answer.status,
    };
    shared.witness.note(|| Effect::Notified {
        id: received.header("webhook-id").map(str::to_owned),
        body: String::from_utf8_lossy(&received.body).into_owned(),
        status: received.status,
    });
    if shared.received.push(received).is_err() {
        return HttpResponse::ServiceUnavailable().json(json!({"status": 503, "reasons": ["the inbox is full"]}));
    }
    // Recorded on arrival: a caller that gives up during the silence has still been here.
    tokio::time::sleep(answer.delay).await;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in &answer.headers {
        response.append_header((header.0.as_str(), header.1.as_str()));
    }
    let padding = " ".repeat(answer.padding);
    response.content_type("application/json").body(format!("{reply}{padding}"))
}

fn text_headers(request: &HttpRequest) -> Vec<(String, String)> {
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().map(str::to_owned).ok();
    request.headers().iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect()
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(0).plus(since_epoch)
}
