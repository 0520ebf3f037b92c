//! What can go wrong on the way to the broker. The in-process bus cannot fail.

use std::error::Error as StdError;
use std::time::Duration;

use async_nats::jetstream::context::{CreateStreamError, PublishError, PublishErrorKind};
use ports::Verdict;
use shared_types::Digest;

/// A failed operation of the bus. Never holds an address with its user or password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configured address is none.
    #[error("read the broker's address")]
    Address(#[source] std::io::Error),
    /// The file with the user's JWT and seed cannot be read.
    #[error("read the credentials for the broker")]
    Credentials(#[source] std::io::Error),
    /// No connection came about.
    #[error("connect to the broker at {server}")]
    Connect {
        /// Host and port.
        server: String,
        /// Why.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The broker is known to be away; the client is reconnecting.
    #[error("{operation}: the broker at {server} is away")]
    Away {
        /// What was wanted.
        operation: String,
        /// Host and port.
        server: String,
    },
    /// The stream could not be looked up or created.
    #[error("ensure the stream {stream}")]
    EnsureStream {
        /// Its name.
        stream: &'static str,
        /// Why.
        #[source]
        source: CreateStreamError,
    },
    /// The broker did not take the event, or did not say so.
    #[error("publish event {event_id}")]
    Publish {
        /// Which event.
        event_id: String,
        /// Why.
        #[source]
        source: PublishError,
    },
    /// The broker did not do something.
    #[error("{operation}")]
    Broker {
        /// What was wanted.
        operation: String,
        /// Why.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Places in the stream of reports mean nothing any more.
    #[error("read reports: their stream was deleted and made anew")]
    ReportsBegunAnew,
    /// What lies at the broker is not what this program writes.
    #[error("{operation}: it cannot be read")]
    Unreadable {
        /// What was wanted.
        operation: String,
        /// Why.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The broker does not have these bytes.
    #[error("read blob {digest}: the broker does not have it")]
    BlobMissing {
        /// Of the bytes.
        digest: Digest,
    },
    /// The broker has other bytes under this name.
    #[error("read blob {digest}: its bytes are others")]
    BlobAltered {
        /// Of the bytes.
        digest: Digest,
    },
    /// The bound passed first.
    #[error("{operation}: no answer from the broker at {server} within {} ms", within.as_millis())]
    TimedOut {
        /// What was wanted.
        operation: String,
        /// Host and port.
        server: String,
        /// The bound.
        within: Duration,
    },
}

impl Error {
    /// From a failure of the broker or its client.
    pub(crate) fn at<E: StdError + Send + Sync + 'static>(operation: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |source| Self::Broker { operation: operation.into(), source: source.into() }
    }

    /// The same from an error of the client without a type of its own.
    pub(crate) fn of(operation: impl Into<String>) -> impl FnOnce(Box<dyn StdError + Send + Sync>) -> Self {
        move |source| Self::Broker { operation: operation.into(), source }
    }

    /// From what cannot be read.
    pub(crate) fn unreadable<E: Into<Box<dyn StdError + Send + Sync>>>(
        operation: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Unreadable { operation: operation.into(), source: source.into() }
    }

    /// Whether what was looked up at the broker should be looked up again.
    pub(crate) fn is_of_the_broker(&self) -> bool {
        matches!(self, Self::Broker { .. } | Self::TimedOut { .. })
    }

    /// Stop for what a repeat cannot change, else again.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Address(_) | Self::Unreadable { .. } | Self::BlobMissing { .. } | Self::BlobAltered { .. } => {
                Verdict::GiveUp
            }
            Self::Publish { source, .. } if source.kind() == PublishErrorKind::MaxPayloadExceeded => Verdict::GiveUp,
            _ => Verdict::RetryWithBackoff,
        }
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
