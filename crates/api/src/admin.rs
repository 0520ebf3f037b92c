//! Who may read and change what is below `/v1`: whoever has the admin token; without one, whoever sits at the machine
//! itself. A change, moreover, may not be asked for by a page of another site that a browser on this machine shows.

use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use actix_web::http::uri::Authority;
use actix_web::{FromRequest, HttpRequest, web};
use constant_time_eq::constant_time_eq;
use secrecy::{ExposeSecret, SecretString};
use tracing::{Span, warn};

use crate::problem::Fault;
use crate::state::State;

const SEND_TOKEN: &str =
    "Send `Authorization: Bearer <ADMIN_TOKEN>` with the token that this service was started with.";
const SET_TOKEN: &str = "No ADMIN_TOKEN is set, so only clients on this machine may read here, directly and under the \
                         name localhost. Set one, restart, and send it as `Authorization: Bearer <ADMIN_TOKEN>`.";

/// Proof that a request may read what operators read.
#[derive(Debug)]
pub(crate) struct Admin(());

impl FromRequest for Admin {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = request.app_data::<web::Data<State>>().and_then(|state| state.options.admin_token.as_ref());
        let (headers, peer) = (request.headers(), request.peer_addr());
        let admitted = admit(token, headers, named(request), peer);
        if admitted.is_ok() {
            Span::current().record("actor", "operator");
        } else if let (Some(_), Some(peer)) = (bearer(headers), peer) {
            warn!(event = "admin.refused", client = %peer.ip(), "wrong admin token");
        }
        ready(admitted.map(|()| Self(())))
    }
}

/// Proof that a request may change what operators change.
#[derive(Debug)]
pub(crate) struct AdminChange(());

impl FromRequest for AdminChange {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let admitted = Admin::from_request(request, payload).into_inner();
        ready(admitted.and_then(|_| {
            if is_foreign(request.headers(), named(request)) { Err(Fault::ForeignOrigin) } else { Ok(Self(())) }
        }))
    }
}

/// Whether a browser says that a page of another origin asks. Browsers send `Sec-Fetch-Site`, older ones at least
/// `Origin` with each POST; programs send neither.
fn is_foreign(headers: &HeaderMap, host: Option<&str>) -> bool {
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    if let Some(site) = value("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = value(ORIGIN.as_str()) else { return false };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_none_or(|authority| host.is_none_or(|host| !authority.eq_ignore_ascii_case(host)))
}

/// The host that was asked for: that of an absolute target, which makes `Host` count for nothing (RFC 9112, section
/// 3.2.2), else `Host`. `head` has seen to it that there are not two.
fn named(request: &HttpRequest) -> Option<&str> {
    let host = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
    request.uri().authority().map(Authority::host).or_else(host)
}

fn admit(
    token: Option<&SecretString>,
    headers: &HeaderMap,
    host: Option<&str>,
    peer: Option<SocketAddr>,
) -> Result<(), Fault> {
    match token {
        Some(token) if bearer(headers).is_some_and(|given| is_same(token, given)) => Ok(()),
        Some(_) => Err(Fault::AdminTokenNeeded(SEND_TOKEN)),
        None if is_local(headers, host, peer) => Ok(()),
        None => Err(Fault::AdminTokenNeeded(SET_TOKEN)),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Takes the same time for any text of the token's length.
fn is_same(token: &SecretString, given: &str) -> bool {
    constant_time_eq(token.expose_secret().as_bytes(), given.as_bytes())
}

/// Loopback alone would also let in whatever a proxy on this machine passes on, and any page whose host name was
/// rebound to 127.0.0.1 in a browser here.
fn is_local(headers: &HeaderMap, host: Option<&str>, peer: Option<SocketAddr>) -> bool {
    let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name));
    let to_us = host.is_some_and(is_loopback_host);
    peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback()) && to_us && !passed_on
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _port)) => v6,
        None => host.rsplit_once(':').map_or(host, |(name, _port)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[track_caller]
    fn check(token: Option<&str>, peer: &str, headers: &[(&'static str, &str)], admitted: bool) {
        let token = token.map(|text| SecretString::from(text.to_owned()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let host = headers.iter().find_map(|(name, value)| (*name == "host").then_some(*value));
        let got = admit(token.as_ref(), &map, host, Some(peer.parse().unwrap()));
        assert_eq!(got.is_ok(), admitted, "{token:?} {peer} {headers:?}");
    }

    #[test]
    fn the_token_opens_from_anywhere_and_its_absence_only_to_this_machine() {
        let far = "203.0.113.7:4000";
        let near = "127.0.0.1:4000";
        let word = ["correct", "horse"].concat();
        let right = format!("Bearer {word}");
        check(Some(&word), far, &[("authorization", &right)], true);
        check(Some(&word), far, &[("authorization", &right.to_lowercase())], true);
        check(Some(&word), far, &[("authorization", "Bearer correct")], false);
        check(Some(&word), far, &[("authorization", "Basic correct")], false);
        check(Some(&word), near, &[("host", "localhost")], false);

        check(None, near, &[("host", "localhost:8080")], true);
        check(None, near, &[("host", "127.0.0.1")], true);
        check(None, "[::1]:4000", &[("host", "[::1]:8080")], true);
        check(None, "[::ffff:127.0.0.1]:4000", &[("host", "127.0.0.1:1")], true);
        check(None, far, &[("host", "localhost")], false);
        check(None, near, &[("host", "rebound.example.com")], false);
        check(None, near, &[], false);
        check(None, near, &[("host", "localhost"), ("x-forwarded-for", "203.0.113.7")], false);
        check(None, near, &[("host", "localhost"), ("authorization", &right)], true);
    }

    #[test]
    fn a_page_of_another_site_changes_nothing() {
        for (header, foreign) in [
            (None, false),
            (Some(("origin", "http://localhost:8080")), false),
            (Some(("origin", "http://localhost:9999")), true),
            (Some(("origin", "https://evil.example.com")), true),
            (Some(("origin", "null")), true),
            (Some(("sec-fetch-site", "same-origin")), false),
            (Some(("sec-fetch-site", "none")), false),
            (Some(("sec-fetch-site", "same-site")), true),
            (Some(("sec-fetch-site", "cross-site")), true),
        ] {
            let mut map = HeaderMap::new();
            if let Some((name, value)) = header {
                map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(is_foreign(&map, Some("localhost:8080")), foreign, "{header:?}");
        }
    }
}
