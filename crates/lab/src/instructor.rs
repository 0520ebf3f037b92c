//! The instructor: posts a request to a server the way an issuer does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use shared_types::http::{Problem, Receipt};
use ulid::Ulid;
use url::Url;

use crate::{Error, client};

/// An issuer that waits longer for a receipt has given the server up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Posts requests to one server with one secret.
#[derive(Debug, Clone)]
pub struct Instructor {
    client: reqwest::Client,
    server: Url,
    secret: SecretString,
}

/// What to do about a request's `nonce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nonce {
    /// A new UUID (v7): a new request, whatever the sample says.
    Fresh,
    /// The sample's own: a repeat, when it was sent before.
    Keep,
}

impl Instructor {
    /// An instructor for the server at `server`, such as `http://127.0.0.1:8080/`.
    ///
    /// # Errors
    /// [`Error::Client`] when no HTTP client can be made.
    pub fn new(server: Url, secret: SecretString) -> Result<Self, Error> {
        Ok(Self { client: client()?, server, secret })
    }

    /// POSTs `request` to `path` with the secret, the nonce and `evaluation_url` filled in. Any
    /// answer is an answer; its status says whether the request was accepted.
    ///
    /// # Errors
    /// [`Error::Http`] when no whole answer comes within 30 s.
    pub async fn post(
        &self,
        path: &str,
        request: &Map<String, Value>,
        evaluation_url: &Url,
        nonce: Nonce,
    ) -> Result<Answer, Error> {
        let mut sent = request.clone();
        sent.insert("evaluation_url".to_owned(), evaluation_url.as_str().into());
        if nonce == Nonce::Fresh {
            sent.insert("nonce".to_owned(), fresh_nonce().into());
        }
        sent.remove("secret");
        self.post_as_is(path, sent).await
    }

    /// POSTs `request` with the secret added unless it has one, and nothing else changed: for
    /// requests that are wrong on purpose.
    ///
    /// # Errors
    /// [`Error::Http`] when no whole answer comes within 30 s.
    pub async fn post_as_is(&self, path: &str, request: Map<String, Value>) -> Result<Answer, Error> {
        let mut body = request.clone();
        body.entry("secret").or_insert_with(|| self.secret.expose_secret().into());
        let fail = |source: reqwest::Error| Error::Http { request: format!("POST {path}"), source };

        let mut url = self.server.clone();
        url.set_path(path);
        let sent_at = Instant::now();
        let response = self.client.post(url).timeout(TIMEOUT).json(&body).send().await.map_err(fail)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(fail)?;
        Ok(Answer { request, sent_at, seconds: sent_at.elapsed().as_secs_f64(), status, body, path: path.to_owned() })
    }
}

/// A UUID of version 7: its time is now, its other bits are random.
#[must_use]
pub fn fresh_nonce() -> String {
    let bits = Ulid::new().0;
    let version_and_variant = (0x7 << 76) | (0b10 << 62);
    let bits = (bits & !((0xf << 76) | (0b11 << 62))) | version_and_variant;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A server's answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The request as it was sent, without an added secret.
    pub request: Map<String, Value>,
    /// When sending began.
    pub sent_at: Instant,
    /// From there to the last byte of the answer.
    pub seconds: f64,
    /// HTTP status.
    pub status: u16,
    /// The body as it came.
    pub body: Bytes,
    path: String,
}

impl Answer {
    /// The receipt of an accepted request.
    ///
    /// # Errors
    /// [`Error::Status`] for any status but 200, [`Error::Body`] when the body is no receipt.
    pub fn receipt(&self) -> Result<Receipt, Error> {
        let request = format!("POST {}", self.path);
        if self.status != 200 {
            return Err(Error::Status { request, expected: "HTTP 200", status: self.status });
        }
        serde_json::from_slice(&self.body).map_err(|source| Error::Body { request, source })
    }

    /// The problem document of a refused request, when the body is one.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        serde_json::from_slice(&self.body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_a_uuid_of_version_7_and_new_each_time() {
        let (one, two) = (fresh_nonce(), fresh_nonce());
        assert_ne!(one, two);
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{one}");
        assert_eq!(one.as_bytes()[14], b'7', "{one}");
        assert!(b"89ab".contains(&one.as_bytes()[19]), "{one}");
    }
}
