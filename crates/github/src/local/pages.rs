//! The pages server: shows the sites of local repositories and lets stock `git clone` read them.
//!
//! It has a port of its own, because what it serves was written by others: the API's origin must
//! never be theirs. Read only: `GET` and `HEAD`. A path reaches the disk only as names that were
//! checked one by one; sites are read out of git objects, so there is no folder to climb out of.

mod clone;
mod people;
mod site;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::http::{Method, StatusCode, header};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use ports::{ErrorChain, RepoName};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::is_owner;
use super::repository::Repository;
use crate::Error;

/// One thread accepts and answers: what a request costs is disk work, done on the threads below.
const WORKERS: usize = 1;
/// Threads that read repositories.
const READERS: usize = 8;
/// Browsers open about six connections each.
const MAX_CONNECTIONS: usize = 512;
/// What a stopping server leaves running requests.
const SHUTDOWN_S: u64 = 5;

/// A server of pages and repositories, bound to its address.
#[derive(Debug)]
pub struct PagesServer {
    listener: TcpListener,
    address: SocketAddr,
    root: PathBuf,
}

impl PagesServer {
    /// Takes `address` (port 0: any free one) for the repositories below `root`, the same folder
    /// as [`super::Options::root`].
    ///
    /// # Errors
    /// The address cannot be had.
    pub fn bind(address: SocketAddr, root: impl Into<PathBuf>) -> Result<Self, Error> {
        let serve = |source| Error::Serve { address, source };
        let listener = TcpListener::bind(address).map_err(serve)?;
        let address = listener.local_addr().map_err(serve)?;
        Ok(Self { listener, address, root: root.into() })
    }

    /// The address that was taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then lets running requests end.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let address = self.address;
        let serve = |source| Error::Serve { address, source };
        let root: web::Data<Path> = web::Data::from(Arc::<Path>::from(self.root));
        let server = HttpServer::new(move || App::new().app_data(root.clone()).default_service(web::to(handle)))
            .workers(WORKERS)
            .worker_max_blocking_threads(READERS)
            .max_connections(MAX_CONNECTIONS)
            .shutdown_timeout(SHUTDOWN_S)
            .disable_signals()
            .listen(self.listener)
            .map_err(serve)?
            .run();
        let running = server.handle();
        tokio::pin!(server);
        tokio::select! {
            ended = &mut server => ended.map_err(serve),
            () = shutdown.cancelled() => {
                // The server hears of the stop only while it is polled.
                let ((), ended) = tokio::join!(running.stop(true), server);
                ended.map_err(serve)
            }
        }
    }
}

/// What was asked for: the path as checked names, and what decides about the answer's form.
struct Asked {
    segments: Vec<String>,
    /// The path ends in a slash.
    folder: bool,
    /// With its question mark; empty when there is none.
    query: String,
    if_none_match: Option<String>,
}

/// An answer before it is HTTP.
struct Answer {
    status: StatusCode,
    content_type: String,
    cache: Cache,
    etag: Option<String>,
    location: Option<String>,
    body: Bytes,
}

#[derive(Clone, Copy)]
enum Cache {
    /// Ask again each time: the next round may have changed it.
    Revalidate,
    /// Its address is its content.
    Forever,
}

impl Answer {
    fn ok(content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: content_type.into(),
            cache: Cache::Revalidate,
            etag: None,
            location: None,
            body: body.into(),
        }
    }

    fn text(body: impl Into<Bytes>) -> Self {
        Self::ok("text/plain; charset=utf-8", body)
    }

    fn html(status: StatusCode, body: String) -> Self {
        Self { status, ..Self::ok("text/html; charset=utf-8", body) }
    }

    fn redirect(location: String) -> Self {
        Self {
            status: StatusCode::MOVED_PERMANENTLY,
            location: Some(location),
            ..Self::text("It has moved: see Location.\n")
        }
    }

    fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CONTENT_TYPE, self.content_type));
        response.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        // As GitHub Pages does: the sites are public, and there is nothing else on this port.
        response.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
        response.insert_header((
            header::CACHE_CONTROL,
            match self.cache {
                Cache::Revalidate => "no-cache",
                Cache::Forever => "public, max-age=31536000, immutable",
            },
        ));
        if let Some(etag) = self.etag {
            response.insert_header((header::ETAG, etag));
        }
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        response.body(self.body)
    }
}

async fn handle(request: HttpRequest, root: web::Data<Path>) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, "GET, HEAD"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .content_type("text/plain; charset=utf-8")
            .body("Pages are read only.\n");
    }
    let Some(asked) = read_request(&request) else { return people::not_found().into_response() };
    let path = request.path().to_owned();
    match web::block(move || answer(&root, &asked)).await {
        Ok(Ok(answer)) => answer.into_response(),
        Ok(Err(fault)) => {
            error!(event = "page.failed", path, error = %ErrorChain(&fault), "page not served");
            people::failed().into_response()
        }
        Err(fault) => {
            error!(event = "page.failed", path, error = %fault, "page not served");
            people::failed().into_response()
        }
    }
}

/// `None` when the path holds anything but plain names.
fn read_request(request: &HttpRequest) -> Option<Asked> {
    let path = request.uri().path().strip_prefix('/')?;
    let (names, folder) = match path.strip_suffix('/') {
        Some(names) => (names, true),
        None => (path, path.is_empty()),
    };
    let segments =
        if path.is_empty() { Vec::new() } else { names.split('/').map(plain_name).collect::<Option<Vec<_>>>()? };
    let if_none_match = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    Some(Asked {
        segments,
        folder,
        query: request.uri().query().map(|query| format!("?{query}")).unwrap_or_default(),
        if_none_match: if_none_match.map(str::to_owned),
    })
}

/// A path segment, decoded once; `None` for what could name anything but an entry of its folder.
fn plain_name(segment: &str) -> Option<String> {
    let name = percent_decode_str(segment).decode_utf8().ok()?;
    let plain = !name.is_empty()
        && !matches!(&*name, "." | "..")
        && !name.eq_ignore_ascii_case(".git")
        && !name.contains(['/', '\\', '\0']);
    plain.then(|| name.into_owned())
}

fn answer(root: &Path, asked: &Asked) -> Result<Answer, Error> {
    match asked.segments.as_slice() {
        [] => Ok(people::front()),
        [git] if git == "git" => Ok(people::front()),
        [git, owner, name, rest @ ..] if git == "git" => {
            let name = name.strip_suffix(".git").unwrap_or(name);
            match open(root, owner, name)? {
                Some(repository) => clone::answer(&repository, owner, name, rest),
                None => Ok(people::not_found()),
            }
        }
        [owner] if is_owner(owner) => Ok(people::owner(owner)),
        [owner, name, rest @ ..] => match open(root, owner, name)? {
            Some(repository) => site::answer(&repository, asked, rest),
            None => Ok(people::not_found()),
        },
        _ => Ok(people::not_found()),
    }
}

fn open(root: &Path, owner: &str, name: &str) -> Result<Option<Repository>, Error> {
    match name.parse::<RepoName>() {
        Ok(name) if is_owner(owner) => Repository::open(&root.join(owner).join(format!("{name}.git"))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_names_an_entry_of_its_folder_or_nothing() {
        for (segment, name) in [
            ("index.html", Some("index.html")),
            ("%C3%BCn%C3%AF.txt", Some("ünï.txt")),
            ("a%20b", Some("a b")),
            ("%252e%252e", Some("%2e%2e")),
            ("..", None),
            ("%2e%2e", None),
            ("%2E.", None),
            ("a%2fb", None),
            ("a%5Cb", None),
            (".GIT", None),
            ("x%00", None),
            ("%ff", None),
            ("", None),
        ] {
            assert_eq!(plain_name(segment).as_deref(), name, "{segment}");
        }
    }
}
