//! HTTP as every stand-in needs it: a client for loopback, and a server that stops on a token.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::Error;

/// A loopback peer accepts at once or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Three missed keep-alives of an event stream (15 s each): then the connection is dead.
const READ_TIMEOUT: Duration = Duration::from_secs(45);
/// What a stand-in may take to end; a stalled answer must not hold up a test.
const SHUTDOWN_SECONDS: u64 = 1;

/// Chooses ring for rustls in this process. Safe to call often: the first choice stays.
pub fn install_crypto_provider() {
    // An Err says that a provider is installed already, which is all we want.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client for servers on loopback: no proxy, no redirects, no trusted certificates.
///
/// # Errors
/// [`Error::Client`] when the TLS back end cannot be set up.
pub fn client() -> Result<reqwest::Client, Error> {
    install_crypto_provider();
    reqwest::Client::builder()
        // Plain HTTP only. An empty trust store also spares the start from reading the system's.
        .tls_certs_only([])
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build()
        .map_err(|source| Error::Client { source })
}

/// Binds at once, so that the address is known, and connections queue, before the server runs.
pub(crate) fn listen(what: &'static str, addr: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let fail = |source| Error::Listen { what, addr, source };
    let listener = TcpListener::bind(addr).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    let local = listener.local_addr().map_err(fail)?;
    Ok((listener, local))
}

/// Serves what `configure` registers on `listener` until `shutdown`.
pub(crate) async fn serve<F>(
    what: &'static str,
    listener: TcpListener,
    configure: F,
    shutdown: CancellationToken,
) -> Result<(), Error>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let fail = |source| Error::Serve { what, source };
    start(listener, configure, shutdown).map_err(fail)?.await.map_err(fail)
}

/// Apart from [`serve`], because the builder may not cross an await: it is not `Send`.
fn start<F>(listener: TcpListener, configure: F, shutdown: CancellationToken) -> io::Result<Server>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let server = HttpServer::new(move || App::new().configure(configure.clone()))
        .workers(1)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .shutdown_signal(shutdown.cancelled_owned())
        .listen(listener)?
        .run();
    Ok(server)
}

/// The plain HTTP address of `path` at `addr`.
pub(crate) fn url_of(addr: SocketAddr, path: &str) -> Url {
    let text = format!("http://{addr}{path}");
    #[expect(clippy::expect_used, reason = "a socket address and an absolute path always make a URL")]
    Url::parse(&text).expect("an address and a path make a URL")
}
