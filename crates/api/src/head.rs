//! What may be wrong with the head of a request whatever it asks for: its target, and the host it names.
//!
//! RFC 9112, section 3.2, wants 400 for a missing, doubled or broken `Host`. Besides, who may read what operators
//! read hangs on that name (`admin`), so two of them must never be a choice: the HTTP layer refuses most of this by
//! itself, and this does not rely on it.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HOST, HeaderMap};
use actix_web::http::uri::Authority;
use actix_web::http::{Uri, Version};

use crate::problem::Fault;

/// Bytes of path and query. RFC 9110, section 4.1, asks for at least 8,000; the longest path here has about 50.
pub(crate) const MAX_TARGET_BYTES: usize = 8192;

/// Refuses a request that means nothing, before any route sees it.
pub(crate) fn check(request: &ServiceRequest) -> Result<(), Fault> {
    check_target(request.uri())?;
    check_host(request.version(), request.headers())
}

fn check_target(uri: &Uri) -> Result<(), Fault> {
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES) {
        return Err(Fault::UriTooLong { limit_bytes: MAX_TARGET_BYTES });
    }
    if is_percent_encoded(uri.path()) { Ok(()) } else { Err(Fault::BadRequest(BROKEN_ENCODING)) }
}

/// Said of a path like `/%zz`.
pub(crate) const BROKEN_ENCODING: &str = "The path holds a % that two hexadecimal digits do not follow.";

fn is_percent_encoded(path: &str) -> bool {
    let digits = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    path.split('%').skip(1).all(digits)
}

fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Fault> {
    let mut hosts = headers.get_all(HOST);
    match (hosts.next(), hosts.next()) {
        // Such as the probe of a container, which is a line of shell.
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(Fault::BadRequest("The request names no Host.")),
        (Some(_), Some(_)) => Err(Fault::BadRequest("The request names two Hosts.")),
        (Some(host), None) if host.to_str().is_ok_and(is_host) => Ok(()),
        (Some(_), None) => Err(Fault::BadRequest("Host is no name or address with an optional port.")),
    }
}

/// An authority without user; the empty one is what a client sends whose target has none.
fn is_host(text: &str) -> bool {
    text.is_empty() || (!text.contains('@') && text.parse::<Authority>().is_ok())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_path_is_percent_encoded_or_refused() {
        for (path, sound) in
            [("/", true), ("/a%2Fb%c3%a9", true), ("/%", false), ("/%4", false), ("/%zz", false), ("/%2f%", false)]
        {
            assert_eq!(is_percent_encoded(path), sound, "{path}");
        }
    }

    #[test]
    fn one_host_is_named() {
        for (version, hosts, sound) in [
            (Version::HTTP_11, vec!["localhost"], true),
            (Version::HTTP_11, vec!["[::1]:8080"], true),
            (Version::HTTP_11, vec!["127.0.0.1:8080"], true),
            (Version::HTTP_11, vec![""], true),
            (Version::HTTP_11, vec![], false),
            (Version::HTTP_10, vec![], true),
            (Version::HTTP_11, vec!["localhost", "localhost"], false),
            (Version::HTTP_10, vec!["localhost", "example.com"], false),
            (Version::HTTP_11, vec!["a b"], false),
            (Version::HTTP_11, vec!["user@localhost"], false),
            (Version::HTTP_11, vec!["localhost/path"], false),
        ] {
            let mut headers = HeaderMap::new();
            for host in &hosts {
                headers.append(HOST, HeaderValue::from_str(host).unwrap());
            }
            assert_eq!(check_host(version, &headers).is_ok(), sound, "{version:?} {hosts:?}");
        }
    }
}
