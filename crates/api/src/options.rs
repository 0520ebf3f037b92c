//! What the service is given: its bounds and its ports.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use ports::{Blobs, Bus, Clock, HealthPart, Ids, Intake, Ledger, Operator, RunReader};
use secrecy::SecretString;
use shared_types::Round;

/// Where to listen and how much to take.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address to listen at; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Opens `/v1/*`. Without it only clients on loopback may read there.
    pub admin_token: Option<SecretString>,
    /// Bytes of one request body at most.
    pub max_body_bytes: usize,
    /// A connection that has not sent a whole request head by then is closed.
    pub header_timeout: Duration,
    /// A body that is not complete by then is refused, whatever it sends; one that hardly comes is refused sooner.
    pub body_timeout: Duration,
    /// Threads that serve connections.
    pub workers: usize,
    /// Connections at once, over all workers; further ones are answered with 503 and closed.
    pub max_connections: usize,
    /// Proxies in front of this service: `X-Forwarded-For` counts only from them.
    pub trusted_proxies: Vec<IpNet>,
    /// Submissions at once whose body is complete and that are being judged and stored; further ones are answered
    /// with 503.
    pub max_in_flight: usize,
}

impl Options {
    /// Connections beyond `max_connections` that may be open because they are being told so: with that, the number of
    /// open files that the service needs.
    pub const SURPLUS_CONNECTIONS: usize = crate::connections::SURPLUS;

    /// The defaults, listening at `bind`.
    #[must_use]
    pub fn new(bind: SocketAddr) -> Self {
        Self {
            bind,
            admin_token: None,
            // The attachments of one task, base64 included, with room to spare.
            max_body_bytes: 32 << 20,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(30),
            workers: 2,
            max_connections: 16_384,
            trusted_proxies: Vec::new(),
            max_in_flight: 1024,
        }
    }
}

/// What the service asks of the rest of the program.
#[derive(Clone)]
pub struct Ports {
    /// Accepts requests.
    pub intake: Arc<dyn Intake>,
    /// Where tasks and their events are read.
    pub ledger: Arc<dyn Ledger>,
    /// Decides what operators may change.
    pub operator: Arc<dyn Operator>,
    /// Where calls of models are read.
    pub runs: Arc<dyn RunReader>,
    /// Wakes live streams.
    pub bus: Arc<dyn Bus>,
    /// Where screenshots are read.
    pub blobs: Arc<dyn Blobs>,
    /// The time in answers.
    pub clock: Arc<dyn Clock>,
    /// Trace ids for requests that bring none.
    pub ids: Arc<dyn Ids>,
    /// What `/health` looks at.
    pub parts: Vec<Arc<dyn HealthPart>>,
    /// Renders `/metrics` in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The names of a round's steps, in order.
    pub plan: fn(Round) -> &'static [&'static str],
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}
