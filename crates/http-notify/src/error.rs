//! Why no answer came.

use ports::Verdict;

use crate::guard::Refusal;

/// A request without an answer. Names the other side by scheme, host and port: a path or a query
/// may hold what nobody else should read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client could not be built; the system's certificates may be missing.
    #[error("build the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The proxy has no port to listen on.
    #[error("open the browser's proxy on loopback")]
    Proxy(#[source] std::io::Error),
    /// The guard did not let it through. Nothing was sent.
    #[error("{method} {origin}: not allowed")]
    Refused {
        /// `GET` or `POST`.
        method: &'static str,
        /// Scheme, host and port.
        origin: String,
        /// Which rule.
        #[source]
        source: Refusal,
    },
    /// The delivery's id is not a header value. Nothing was sent.
    #[error("POST {origin}: the delivery's id cannot be sent as a header")]
    DeliveryId {
        /// Scheme, host and port.
        origin: String,
    },
    /// No connection, no answer, or not in time.
    #[error("{method} {origin}: no answer")]
    NoAnswer {
        /// `GET` or `POST`.
        method: &'static str,
        /// Scheme, host and port.
        origin: String,
        /// What the client says, without the URL.
        #[source]
        source: reqwest::Error,
    },
}

impl Error {
    /// Again when no answer came, stop for what was never sent.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::NoAnswer { .. } => Verdict::RetryWithBackoff,
            Self::Client(_) | Self::Proxy(_) | Self::Refused { .. } | Self::DeliveryId { .. } => Verdict::GiveUp,
        }
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
