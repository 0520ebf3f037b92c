//! Who sent a request: the peer, or whom proxies of ours name in `X-Forwarded-For`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address. Each proxy adds whom it heard from at the right end of the header, so it
/// is read from there, for as long as the address that speaks is one of `trusted`: what stands
/// further left is only what the client likes to say. Requirement C-104.
pub(crate) fn of(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    // Without a peer there is nobody to tell from anybody else.
    let mut client = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip()).to_canonical();
    if trusted.is_empty() {
        return client;
    }
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).filter_map(|line| line.to_str().ok()).collect();
    let named = lines.iter().rev().flat_map(|line| line.rsplit(',')).map(str::trim);
    for name in named {
        if !trusted.iter().any(|proxies| proxies.contains(&client)) {
            break;
        }
        match address(name) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    client
}

/// Some proxies add the port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[track_caller]
    fn check(peer: &str, trusted: &[&str], lines: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HeaderName::from_static(FORWARDED_FOR), HeaderValue::from_str(line).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        assert_eq!(of(Some(peer.parse().unwrap()), &headers, &trusted).to_string(), expected, "{lines:?}");
    }

    #[test]
    fn a_header_counts_only_from_trusted_proxies() {
        let far = "203.0.113.7:4000";
        check(far, &[], &["198.51.100.1"], "203.0.113.7");
        check(far, &["10.0.0.0/8"], &["198.51.100.1"], "203.0.113.7");
        check("10.1.2.3:4000", &["10.0.0.0/8"], &["198.51.100.1"], "198.51.100.1");
        check("[::ffff:10.1.2.3]:4000", &["10.0.0.0/8"], &["198.51.100.1"], "198.51.100.1");
        check("10.1.2.3:4000", &["10.0.0.0/8"], &[], "10.1.2.3");
    }

    #[test]
    fn what_a_client_says_of_itself_does_not_count() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        check("10.1.2.3:1", &trusted, &["1.1.1.1, 198.51.100.1"], "198.51.100.1");
        check("10.1.2.3:1", &trusted, &["1.1.1.1", "198.51.100.1, 10.9.9.9"], "198.51.100.1");
        check("10.1.2.3:1", &trusted, &["1.1.1.1, nonsense, 10.9.9.9"], "10.9.9.9");
        check("10.1.2.3:1", &trusted, &["198.51.100.1:4711"], "198.51.100.1");
        check("[2001:db8::1]:1", &trusted, &["[2600::1]:4711"], "2600::1");
        check("[2001:db8::1]:1", &trusted, &["2600::1"], "2600::1");
    }
}
