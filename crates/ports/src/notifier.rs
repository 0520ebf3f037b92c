//! Outbound HTTP: one delivery or one look at a time.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

use crate::Error;

/// A body to POST.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where to.
    pub url: Url,
    /// The same on every attempt; sent as `webhook-id`.
    pub id: String,
    /// JSON, the same bytes on every attempt.
    pub body: Bytes,
    /// At most this long.
    pub timeout: Duration,
}

/// An HTTP answer. Redirects are answers too: they are not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// `Retry-After`, when it was there and in seconds.
    pub retry_after: Option<Duration>,
    /// The body, cut at the adapter's cap.
    pub body: Bytes,
    /// Until the answer was read.
    pub latency: Duration,
}

/// Sends and looks. An error means that no answer came; any answer is a success here.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Why `url` would never be asked, as far as the URL itself tells: its scheme, credentials in
    /// it, a literal address or a port that is closed to us. A sentence for whoever gave the URL,
    /// without a full stop; `None` when it would be tried. Pure: no name is looked up, so a URL that
    /// is not refused here may still be refused when its name has led to an address.
    fn refuses(&self, url: &Url) -> Option<String>;

    /// POSTs a delivery.
    async fn deliver(&self, delivery: &Delivery) -> Result<Answer, Error>;

    /// GETs a URL.
    async fn probe(&self, url: &Url, timeout: Duration) -> Result<Answer, Error>;
}
