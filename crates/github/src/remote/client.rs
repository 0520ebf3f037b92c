//! One HTTP call to GitHub: bounded in time and size, any status is an answer.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::debug;
use url::Url;

use super::refusal;
use crate::Error;

/// The largest answer that is read: a file of 25 MB in base64, with room to spare.
const MAX_BODY_BYTES: usize = 48 * 1024 * 1024;
/// A new repository answers 404 or 409 for some seconds; waits between the attempts.
const SETTLING_S: [u64; 4] = [1, 2, 4, 8];

/// What is asked of GitHub, with words for errors.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    /// In the imperative, such as `create repository`.
    pub(super) operation: &'static str,
    /// What it is about, such as `owner/name`.
    pub(super) object: String,
    /// Path and query below the API's root.
    pub(super) route: String,
    pub(super) body: Option<Value>,
}

impl Call {
    pub(super) fn get(operation: &'static str, object: String, route: String) -> Self {
        Self { method: Method::GET, operation, object, route, body: None }
    }

    pub(super) fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

/// An answer of any status.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    /// The body of a 2xx answer; the refusal otherwise.
    pub(super) fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        if !self.status.is_success() {
            return Err(self.refusal(call));
        }
        serde_json::from_slice(&self.body).map_err(|source| Error::Answer {
            operation: call.operation,
            object: call.object.clone(),
            source,
        })
    }

    /// This answer as an error.
    pub(super) fn refusal(&self, call: &Call) -> Error {
        refusal::read(call, self, SystemTime::now())
    }
}

/// The way to GitHub.
pub(super) struct Client {
    octocrab: Octocrab,
    timeout: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // octocrab holds the token and prints nothing else of use.
        f.debug_struct("Client").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(api_url: &Url, token: &SecretString, timeout: Duration) -> Result<Self, Error> {
        // octocrab panics on a token that is no header value.
        if http::HeaderValue::from_str(token.expose_secret()).is_err() || token.expose_secret().is_empty() {
            let reason = "one line of printable characters is expected".to_owned();
            return Err(Error::Option { option: "token", reason });
        }
        if api_url.host_str().is_none() || !matches!(api_url.scheme(), "http" | "https") {
            let reason = "an http or https URL is expected".to_owned();
            return Err(Error::Option { option: "api_url", reason });
        }
        let octocrab = Octocrab::builder()
            .base_uri(api_url.as_str().trim_end_matches('/'))
            .map(|builder| builder.personal_token(token.clone()).set_connect_timeout(Some(timeout)))
            .and_then(|builder| builder.build())
            .map_err(|error| Error::Client(Box::new(error)))?;
        Ok(Self { octocrab, timeout })
    }

    /// Sends `call` and reads the body of a 2xx answer.
    pub(super) async fn get<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        self.send(&call).await?.read(&call)
    }

    /// Sends `call` once. An error means that no whole answer came.
    pub(super) async fn send(&self, call: &Call) -> Result<Reply, Error> {
        let exchange = self.exchange(call);
        let reply = tokio::time::timeout(self.timeout, exchange).await.map_err(|_| Error::TimedOut {
            operation: call.operation,
            object: call.object.clone(),
            waited: self.timeout,
        })??;
        let status = reply.status.as_u16();
        debug!(event = "github.answered", status, operation = call.operation, object = call.object, "GitHub answered");
        Ok(reply)
    }

    /// Like [`Self::send`], and again after 1, 2, 4 and 8 s while `unsettled` says that the answer
    /// speaks of a repository that is still being made.
    pub(super) async fn settling(&self, call: &Call, unsettled: fn(&Reply) -> bool) -> Result<Reply, Error> {
        for wait_s in SETTLING_S {
            let reply = self.send(call).await?;
            if !unsettled(&reply) {
                return Ok(reply);
            }
            let wait_ms = wait_s * 1000;
            let Call { operation, object, .. } = call;
            debug!(event = "github.unsettled", wait_ms, operation, object, "the repository is not ready");
            tokio::time::sleep(Duration::from_secs(wait_s)).await;
        }
        self.send(call).await
    }

    async fn exchange(&self, call: &Call) -> Result<Reply, Error> {
        let lost = |source: Box<dyn std::error::Error + Send + Sync>| Error::Transport {
            operation: call.operation,
            object: call.object.clone(),
            source,
        };
        let builder = Request::builder()
            .method(call.method.clone())
            .uri(&call.route)
            .header(http::header::ACCEPT, "application/vnd.github+json");
        let request =
            self.octocrab.build_request(builder, call.body.as_ref()).map_err(|error| lost(Box::new(error)))?;
        let response = self.octocrab.execute(request).await.map_err(|error| lost(Box::new(error)))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Error::Unreadable {
                    object: call.object.clone(),
                    reason: format!("GitHub's answer is longer than {MAX_BODY_BYTES} bytes"),
                }
            } else {
                lost(error)
            }
        })?;
        Ok(Reply { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    }
}

/// 404, or a 409 that is about the repository's state: still being made, or empty.
pub(super) fn not_ready(reply: &Reply) -> bool {
    reply.status == StatusCode::NOT_FOUND
        || reply.status == StatusCode::CONFLICT && !refusal::is_push_protection(&reply.body)
}

/// 404 alone, where 409 is an answer of its own.
pub(super) fn not_found(reply: &Reply) -> bool {
    reply.status == StatusCode::NOT_FOUND
}
