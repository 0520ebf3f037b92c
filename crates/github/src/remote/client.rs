//! One HTTP call to GitHub: bounded in time and size, any status is an answer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use octocrab::{OctoBody, Octocrab};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::debug;
use url::Url;

use super::{Options, refusal};
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

/// What is asked of a repository by git's own protocol.
#[derive(Debug, Clone)]
pub(super) struct GitCall<'a> {
    pub(super) method: Method,
    /// In the imperative.
    pub(super) operation: &'static str,
    /// `owner/name`.
    pub(super) repo: String,
    /// As the API gave it.
    pub(super) clone_url: &'a Url,
    /// Path and query below it.
    pub(super) below: &'static str,
    pub(super) body: Option<Bytes>,
}

/// Either of the two.
#[derive(Debug, Clone, Copy)]
enum Ask<'a> {
    Api(&'a Call),
    Git(&'a GitCall<'a>),
}

impl Ask<'_> {
    /// Operation and object.
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Api(call) => (call.operation, &call.object),
            Self::Git(call) => (call.operation, &call.repo),
        }
    }
}

/// An answer of any status.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The setting that holds the token with which was asked.
    pub(super) token_name: Arc<str>,
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
        refusal::read(call.operation, &call.object, self, SystemTime::now())
    }

    /// This answer of git's protocol as an error.
    pub(super) fn git_refusal(&self, call: &GitCall<'_>) -> Error {
        refusal::read(call.operation, &call.repo, self, SystemTime::now())
    }
}

/// The way to GitHub.
pub(super) struct Client {
    octocrab: Octocrab,
    git: GitWay,
    timeout: Duration,
    token_name: Arc<str>,
}

/// The way to its repositories, which have a host and a form of credentials of their own.
struct GitWay {
    /// Adds no credentials by itself.
    octocrab: Octocrab,
    /// Where repositories are: the token goes nowhere else, whatever a URL says.
    root: Url,
    credentials: HeaderValue,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // octocrab holds the token and prints nothing else of use.
        f.debug_struct("Client").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Client {
    /// For options that are sound.
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let Options { api_url, token, timeout, .. } = options;
        let timeout = *timeout;
        let git = GitWay::new(api_url, token, timeout)?;
        let octocrab = Octocrab::builder()
            .base_uri(api_url.as_str().trim_end_matches('/'))
            .map(|builder| builder.personal_token(token.clone()).set_connect_timeout(Some(timeout)))
            .and_then(|builder| builder.build())
            .map_err(|error| Error::Client(Box::new(error)))?;
        Ok(Self { octocrab, git, timeout, token_name: options.token_name.as_str().into() })
    }

    #[cfg(test)]
    pub(super) fn token_name(&self) -> &str {
        &self.token_name
    }

    /// Sends `call` and reads the body of a 2xx answer.
    pub(super) async fn get<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        self.send(&call).await?.read(&call)
    }

    /// Sends `call` once. An error means that no whole answer came.
    pub(super) async fn send(&self, call: &Call) -> Result<Reply, Error> {
        let builder = Request::builder()
            .method(call.method.clone())
            .uri(&call.route)
            .header(ACCEPT, "application/vnd.github+json");
        let request = self
            .octocrab
            .build_request(builder, call.body.as_ref())
            .map_err(|error| lost(call.operation, &call.object, error))?;
        self.bounded(&self.octocrab, request, call.operation, &call.object).await
    }

    /// Sends `call` once, to the repository that it names.
    pub(super) async fn send_git(&self, call: &GitCall<'_>) -> Result<Reply, Error> {
        let request = self.git.request(call)?;
        self.bounded(&self.git.octocrab, request, call.operation, &call.repo).await
    }

    /// Like [`Self::send`], and again after 1, 2, 4 and 8 s while `unsettled` says that the answer
    /// speaks of a repository that is still being made.
    pub(super) async fn settling(&self, call: &Call, unsettled: fn(&Reply) -> bool) -> Result<Reply, Error> {
        self.settle(Ask::Api(call), unsettled).await
    }

    /// [`Self::settling`] for git's protocol.
    pub(super) async fn settling_git(&self, call: &GitCall<'_>, unsettled: fn(&Reply) -> bool) -> Result<Reply, Error> {
        self.settle(Ask::Git(call), unsettled).await
    }

    async fn settle(&self, ask: Ask<'_>, unsettled: fn(&Reply) -> bool) -> Result<Reply, Error> {
        for wait_s in SETTLING_S {
            let reply = self.ask(ask).await?;
            if !unsettled(&reply) {
                return Ok(reply);
            }
            let (wait_ms, (operation, object)) = (wait_s * 1000, ask.words());
            debug!(event = "github.unsettled", wait_ms, operation, object, "the repository is not ready");
            tokio::time::sleep(Duration::from_secs(wait_s)).await;
        }
        self.ask(ask).await
    }

    async fn ask(&self, ask: Ask<'_>) -> Result<Reply, Error> {
        match ask {
            Ask::Api(call) => self.send(call).await,
            Ask::Git(call) => self.send_git(call).await,
        }
    }

    async fn bounded(
        &self,
        way: &Octocrab,
        request: Request<OctoBody>,
        operation: &'static str,
        object: &str,
    ) -> Result<Reply, Error> {
        let exchange = exchange(way, request, operation, object);
        let (parts, body) = tokio::time::timeout(self.timeout, exchange).await.map_err(|_| Error::TimedOut {
            operation,
            object: object.to_owned(),
            waited: self.timeout,
        })??;
        debug!(event = "github.answered", status = parts.status.as_u16(), operation, object, "GitHub answered");
        let token_name = Arc::clone(&self.token_name);
        Ok(Reply { status: parts.status, headers: parts.headers, body, token_name })
    }
}

impl GitWay {
    fn new(api_url: &Url, token: &SecretString, timeout: Duration) -> Result<Self, Error> {
        let root = git_root(api_url)?;
        // Any user name will do; this is what GitHub's own programs use.
        let pair = BASE64.encode(format!("x-access-token:{}", token.expose_secret()));
        let mut credentials = HeaderValue::try_from(format!("Basic {pair}")).map_err(client_fault)?;
        credentials.set_sensitive(true);
        let octocrab = Octocrab::builder()
            .base_uri(root.as_str().trim_end_matches('/'))
            .map(|builder| builder.set_connect_timeout(Some(timeout)))
            .and_then(|builder| builder.build())
            .map_err(client_fault)?;
        Ok(Self { octocrab, root, credentials })
    }

    fn request(&self, call: &GitCall<'_>) -> Result<Request<OctoBody>, Error> {
        if call.clone_url.origin() != self.root.origin() {
            let reason = format!("its clone URL is not at {}", self.root);
            return Err(Error::Unreadable { object: call.repo.clone(), reason });
        }
        let uri = format!("{}{}", call.clone_url.path(), call.below);
        let builder =
            Request::builder().method(call.method.clone()).uri(uri).header(AUTHORIZATION, self.credentials.clone());
        let (builder, body) = match &call.body {
            Some(body) => (
                builder
                    .header(CONTENT_TYPE, "application/x-git-receive-pack-request")
                    .header(ACCEPT, "application/x-git-receive-pack-result"),
                OctoBody::from(body.clone()),
            ),
            None => (builder, OctoBody::empty()),
        };
        builder.body(body).map_err(|error| lost(call.operation, &call.repo, error))
    }
}

/// `https://github.com/` for `https://api.github.com/`, and the same host for any other: an
/// enterprise server has its API below its own name.
fn git_root(api_url: &Url) -> Result<Url, Error> {
    let mut root = api_url.clone();
    root.set_path("/");
    root.set_query(None);
    root.set_fragment(None);
    if let Some(host) = api_url.host_str().and_then(|host| host.strip_prefix("api.")) {
        root.set_host(Some(host)).map_err(client_fault)?;
    }
    Ok(root)
}

fn client_fault(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Client(Box::new(error))
}

fn lost(operation: &'static str, object: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Transport { operation, object: object.to_owned(), source: source.into() }
}

async fn exchange(
    way: &Octocrab,
    request: Request<OctoBody>,
    operation: &'static str,
    object: &str,
) -> Result<(Parts, Bytes), Error> {
    let response = way.execute(request).await.map_err(|error| lost(operation, object, error))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let reason = format!("GitHub's answer is longer than {MAX_BODY_BYTES} bytes");
            Error::Unreadable { object: object.to_owned(), reason }
        } else {
            lost(operation, object, error)
        }
    })?;
    Ok((parts, body.to_bytes()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_beside_the_api() {
        for (api, git) in [
            ("https://api.github.com/", "https://github.com/"),
            ("https://github.example.com/api/v3/", "https://github.example.com/"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
        ] {
            assert_eq!(git_root(&api.parse().unwrap()).unwrap().as_str(), git);
        }
    }

    #[tokio::test]
    async fn credentials_go_to_no_other_host() {
        let token = ["gh", "p_", "notarealtoken"].concat();
        let way =
            GitWay::new(&"https://api.github.com/".parse().unwrap(), &token.into(), Duration::from_secs(1)).unwrap();
        let request = |clone_url: &str| {
            let (method, repo) = (Method::GET, "o/r".to_owned());
            let clone_url = clone_url.parse().unwrap();
            way.request(&GitCall { method, operation: "read", repo, clone_url: &clone_url, below: "/x", body: None })
        };
        let sound = request("https://github.com/o/r.git").unwrap();
        assert_eq!(sound.uri(), "/o/r.git/x");
        assert!(sound.headers()[AUTHORIZATION].is_sensitive());
        for other in
            ["https://github.com.evil.example/o/r.git", "http://github.com/o/r.git", "https://api.github.com/o/r.git"]
        {
            assert!(request(other).is_err(), "{other}");
        }
    }
}
