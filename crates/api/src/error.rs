//! Why the service cannot run. What goes wrong within a request is a problem document instead.

use std::io;
use std::net::SocketAddr;

use ports::Verdict;

/// The service could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, not ours, or not allowed.
    #[error("listen at {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The OpenAPI document does not serialize.
    #[error("render the OpenAPI document")]
    OpenApi(#[source] serde_json::Error),
    /// The workers or the accept loop failed.
    #[error("serve HTTP at {address}")]
    Serve {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Always to stop at: a person changes the configuration or frees the port.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::GiveUp
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
