//! One request, one answer.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use ports::{Answer, Delivery, Notifier};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, redirect, retry};
use url::Url;

use crate::Error;
use crate::guard::{self, AllowPrivate, Refusal};
use crate::lookup::{GuardedResolver, Lookup, SystemLookup};

/// Names of the Standard Webhooks headers (standardwebhooks.com).
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");

/// A host that does not take a connection in this time will not take it in the rest either; the
/// next attempt has a better chance.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Below the idle time-outs of common servers, so that a kept connection is still alive.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// A longer wait than this means no more to a caller, and an absurd one could overflow its clock.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Settings of the notifier.
#[derive(Debug, Clone)]
pub struct Options {
    /// Addresses beside the public ones that may be reached.
    pub allow_private: AllowPrivate,
    /// An answer's body is cut after this many bytes.
    pub body_cap: usize,
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// Knows the addresses of names; what it answers is checked.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for Options {
    /// Public addresses over https; bodies up to 64 KB.
    fn default() -> Self {
        Self {
            allow_private: AllowPrivate::None,
            body_cap: 64 * 1024,
            user_agent: shared_types::events::PRODUCER.to_owned(),
            lookup: Arc::new(SystemLookup::default()),
        }
    }
}

/// Sends deliveries and looks at URLs.
#[derive(Debug, Clone)]
pub struct HttpNotifier {
    client: Client,
    allow: AllowPrivate,
    body_cap: usize,
}

/// What an answer is worth when its body breaks off.
#[derive(Clone, Copy)]
enum Body {
    /// The status decides; the body is evidence for people.
    Evidence,
    /// Without the body there is no answer.
    Needed,
}

impl HttpNotifier {
    /// A notifier with its own connections.
    ///
    /// # Errors
    /// [`Error::Client`] when the client cannot be built, as without the system's certificates.
    pub fn new(options: Options) -> Result<Self, Error> {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!(event = "tls.provider_kept", "a TLS provider was installed before");
        }
        let client = Client::builder()
            .user_agent(options.user_agent)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .retry(retry::never())
            .dns_resolver(GuardedResolver { lookup: options.lookup, allow: options.allow_private })
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()
            .map_err(Error::Client)?;
        Ok(Self { client, allow: options.allow_private, body_cap: options.body_cap })
    }

    async fn post(&self, delivery: &Delivery) -> Result<Answer, Error> {
        let origin = || origin(&delivery.url);
        let id = HeaderValue::from_str(&delivery.id).map_err(|_| Error::DeliveryId { origin: origin() })?;
        self.check("POST", &delivery.url)?;
        let request = self
            .client
            .post(delivery.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(WEBHOOK_ID, id)
            .header(WEBHOOK_TIMESTAMP, unix_seconds())
            .body(delivery.body.clone())
            .timeout(delivery.timeout);
        self.send(request, Body::Evidence).await.map_err(|error| no_answer("POST", &delivery.url, error))
    }

    async fn get(&self, url: &Url, timeout: Duration) -> Result<Answer, Error> {
        self.check("GET", url)?;
        let request = self.client.get(url.clone()).timeout(timeout);
        self.send(request, Body::Needed).await.map_err(|error| no_answer("GET", url, error))
    }

    fn check(&self, method: &'static str, url: &Url) -> Result<(), Error> {
        guard::check_url(url, self.allow).map_err(|source| Error::Refused { method, origin: origin(url), source })
    }

    /// The request's time-out covers everything up to the last byte of the body.
    async fn send(&self, request: RequestBuilder, body: Body) -> Result<Answer, reqwest::Error> {
        let began = Instant::now();
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let body = self.read(&mut response, body).await?;
        Ok(Answer { status, retry_after, body, latency: began.elapsed() })
    }

    async fn read(&self, response: &mut Response, worth: Body) -> Result<Bytes, reqwest::Error> {
        let mut body = BytesMut::new();
        while body.len() < self.body_cap {
            match (response.chunk().await, worth) {
                (Ok(Some(chunk)), _) => body.extend_from_slice(&chunk),
                (Ok(None), _) | (Err(_), Body::Evidence) => break,
                (Err(error), Body::Needed) => return Err(error),
            }
        }
        body.truncate(self.body_cap);
        Ok(body.freeze())
    }
}

#[async_trait]
impl Notifier for HttpNotifier {
    fn refuses(&self, url: &Url) -> Option<String> {
        guard::check_url(url, self.allow).err().map(|refusal| refusal.to_string())
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<Answer, ports::Error> {
        Ok(self.post(delivery).await?)
    }

    async fn probe(&self, url: &Url, timeout: Duration) -> Result<Answer, ports::Error> {
        Ok(self.get(url, timeout).await?)
    }
}

/// A refusal of the resolver comes back deep inside the client's error.
fn no_answer(method: &'static str, url: &Url, error: reqwest::Error) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(refusal) = inner.downcast_ref::<Refusal>() {
            return Error::Refused { method, origin: origin(url), source: refusal.clone() };
        }
        cause = inner.source();
    }
    Error::NoAnswer { method, origin: origin(url), source: error.without_url() }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Only the form in seconds; a date would need the other side's clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
