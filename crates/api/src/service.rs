//! The running server: bound first, then run until its token is cancelled.
//!
//! What bounds it, from the outside in:
//!
//! | what | bound | beyond it |
//! |---|---|---|
//! | connections that wait to be accepted | `connections::BACKLOG` | the system refuses them |
//! | connections | `Options::max_connections` | 503 `busy` and `Connection: close` (`connections`) |
//! | a request's head | `Options::header_timeout`, 128 KiB | 408, closed |
//! | a request's body | `Options::max_body_bytes`, `Options::body_timeout` | 413, 408 (`body`) |
//! | all bodies together | `body::BodyBudget` | 503 `busy` |
//! | submissions being judged and stored | `Options::max_in_flight` | 503 `busy` (`routes::submit`) |
//!
//! A connection that only drips costs its buffers and state until its time-out, and no place among the submissions in
//! flight: those are taken once a body is complete.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use metrics::{describe_counter, describe_gauge, describe_histogram};
use tokio_util::sync::CancellationToken;

use crate::connections::{self, Connections};
use crate::state::State;
use crate::{Error, Options, Ports, edge, routes};

/// How long requests in flight may take once the service was told to stop.
const SHUTDOWN_S: u64 = 10;
/// How long a client that was answered early may go on sending before its connection is closed.
const LINGER: Duration = Duration::from_secs(2);

/// Inbound HTTP. Connections wait in the system's backlog from [`Service::bind`] on and are served by
/// [`Service::run`].
pub struct Service {
    address: SocketAddr,
    server: Server,
    ending: CancellationToken,
}

impl Service {
    /// Listens at `options.bind`. The metrics recorder must be installed before.
    ///
    /// # Errors
    /// [`Error::Bind`] when the address cannot be had.
    pub fn bind(options: Options, ports: Ports) -> Result<Self, Error> {
        describe_metrics();
        let bind = options.bind;
        let failed = |source| Error::Bind { address: bind, source };
        let workers = options.workers.max(1);
        let connections = Connections::up_to(options.max_connections.max(1));
        // actix counts a worker at a time and leaves connections beyond its own cap unanswered: ours comes first.
        let accepted = options.max_connections.max(1).saturating_add(connections::SURPLUS).div_ceil(workers);
        let header_timeout = options.header_timeout;
        let state = web::Data::new(State::new(options, ports)?);
        let ending = state.ending.clone();

        let app = move || {
            App::new()
                .app_data(state.clone())
                .wrap(from_fn(edge::handle))
                .configure(routes::configure)
                .default_service(web::to(routes::not_found))
        };
        let server = HttpServer::new(app)
            .workers(workers)
            .max_connections(accepted)
            .backlog(connections::BACKLOG)
            .on_connect(move |_, extensions| connections.enter(extensions))
            .client_request_timeout(header_timeout)
            .client_disconnect_timeout(LINGER)
            .shutdown_timeout(SHUTDOWN_S)
            .disable_signals()
            .bind(bind)
            .map_err(failed)?;
        let address = server.addrs().first().copied().unwrap_or(bind);
        Ok(Self { address, server: server.run(), ending })
    }

    /// Where it listens, with the port that was taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is cancelled; then stops accepting, ends live streams, gives requests in flight ten
    /// seconds, and returns.
    ///
    /// # Errors
    /// [`Error::Serve`] when the workers cannot be started or fail.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let Self { address, mut server, ending } = self;
        let failed = |source| Error::Serve { address, source };
        let handle = server.handle();
        tokio::select! {
            served = &mut server => return served.map_err(failed),
            () = shutdown.cancelled() => ending.cancel(),
        }
        // Stopping is a message to the server, which acts on it only while it is polled.
        let (served, ()) = tokio::join!(server, handle.stop(true));
        served.map_err(failed)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("address", &self.address).finish_non_exhaustive()
    }
}

fn describe_metrics() {
    describe_counter!(edge::REQUESTS, "Requests answered, by route and status.");
    describe_gauge!(connections::OPEN, "Connections that are open.");
    describe_histogram!(edge::SECONDS, metrics::Unit::Seconds, "Seconds until the head of the answer, by route.");
}
