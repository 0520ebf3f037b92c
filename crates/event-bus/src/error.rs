//! What can go wrong on the way to the broker. The in-process bus cannot fail.

use std::time::Duration;

use async_nats::jetstream::context::{CreateStreamError, PublishError, PublishErrorKind};
use ports::Verdict;

/// A failed operation of the bus. Never holds an address with its user or password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configured address is none.
    #[error("read the broker's address")]
    Address(#[source] std::io::Error),
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
    /// Stop for what a repeat cannot change, else again.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Address(_) => Verdict::GiveUp,
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
