//! Which addresses a URL from outside may lead to.
//!
//! Pure: a table and its lookup. The first matching row decides. IPv6 is closed outside
//! `2000::/3`, the only block that IANA has opened for global unicast, so forms that embed an
//! IPv4 address (mapped, compatible, NAT64) need no decoding: they are refused as such.
//!
//! Sources: the IANA special-purpose address registries (RFC 6890 and its updates) and the
//! metadata addresses that the large clouds document; for ports see [`bad_ports`].

mod bad_ports;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls::pki_types::ServerName;
use url::{Host, Url};

/// Which addresses beside the public ones may be reached. Anything but `None` also allows http.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AllowPrivate {
    /// Public addresses over https only.
    #[default]
    None,
    /// This machine too: local use, tests, `DRY_RUN`.
    Loopback,
    /// This machine and private networks (RFC 1918, unique local): an evaluator in the same
    /// compose project or campus network.
    LoopbackAndPrivate,
}

/// Why a URL is not requested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither https nor an http that the policy allows.
    #[error("the scheme {0} is not allowed, expected https")]
    Scheme(String),
    /// A user or password in the URL would be sent to its host, and end up in logs.
    #[error("the URL holds a user or a password")]
    Credentials,
    /// There is nobody to ask.
    #[error("the URL has no host")]
    NoHost,
    /// A connection over TLS could not be made.
    #[error("no certificate can hold the host's name")]
    Name,
    /// Something else than a web server listens there, or nothing can.
    #[error("the port {0} is closed to web requests")]
    Port(u16),
    /// The literal or a resolved address.
    #[error("the address {address} is {class}")]
    Address {
        /// Which.
        address: IpAddr,
        /// What it is for.
        class: Class,
    },
}

/// What a refused address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `0.0.0.0/8`, `::`.
    Unspecified,
    /// This machine.
    Loopback,
    /// A private network.
    Private,
    /// Shared by the customers of a carrier (RFC 6598).
    CarrierGrade,
    /// This link only.
    LinkLocal,
    /// Hands out a cloud machine's credentials.
    Metadata,
    /// Many receivers, or all.
    Multicast,
    /// For examples, measurements and protocols; nothing answers there.
    Reserved,
    /// An IPv4 address in the clothes of an IPv6 address.
    Embedded,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::CarrierGrade => "carrier-grade NAT",
            Self::LinkLocal => "link-local",
            Self::Metadata => "a cloud's metadata service",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::Embedded => "an IPv4 address embedded in IPv6",
        })
    }
}

/// Network, prefix length, class.
type Row<A> = (A, u8, Class);

const V4: &[Row<Ipv4Addr>] = &[
    (Ipv4Addr::new(169, 254, 169, 254), 32, Class::Metadata), // AWS, Azure, Google, Oracle, DigitalOcean
    (Ipv4Addr::new(169, 254, 170, 2), 32, Class::Metadata),   // AWS ECS tasks
    (Ipv4Addr::new(168, 63, 129, 16), 32, Class::Metadata),   // Azure WireServer, a public address
    (Ipv4Addr::new(100, 100, 100, 200), 32, Class::Metadata), // Alibaba
    (Ipv4Addr::new(192, 0, 0, 192), 32, Class::Metadata),     // Oracle, classic
    (Ipv4Addr::new(0, 0, 0, 0), 8, Class::Unspecified),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Class::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Class::CarrierGrade),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Class::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Class::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Class::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Class::Reserved), // IETF protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24, Class::Reserved), // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24, Class::Reserved), // 6to4 relays, withdrawn
    (Ipv4Addr::new(192, 168, 0, 0), 16, Class::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Class::Reserved), // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24, Class::Reserved), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24, Class::Reserved), // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4, Class::Multicast),
    (Ipv4Addr::new(255, 255, 255, 255), 32, Class::Multicast), // broadcast
    (Ipv4Addr::new(240, 0, 0, 0), 4, Class::Reserved),
];

const V6: &[Row<Ipv6Addr>] = &[
    (Ipv6Addr::UNSPECIFIED, 128, Class::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, Class::Loopback),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, Class::Embedded), // mapped
    (Ipv6Addr::UNSPECIFIED, 96, Class::Embedded),                      // compatible, withdrawn
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, Class::Embedded), // NAT64
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Class::Embedded), // NAT64, local
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, Class::Embedded), // Teredo
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Class::Embedded), // 6to4
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0), 32, Class::Metadata), // AWS
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, Class::Metadata), // Google
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Class::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Class::LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Class::Private), // site-local, withdrawn
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Class::Multicast),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Class::Reserved), // IETF protocol assignments
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Class::Reserved), // documentation
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Class::Reserved), // documentation
];

/// The only block of global unicast that is in use.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Whether `address` may be connected to.
///
/// # Errors
/// The refusal, with what the address is for.
pub fn verdict(address: IpAddr, allow: AllowPrivate) -> Result<(), Refusal> {
    match class(address) {
        None => Ok(()),
        Some(Class::Loopback) if allow != AllowPrivate::None => Ok(()),
        Some(Class::Private) if allow == AllowPrivate::LoopbackAndPrivate => Ok(()),
        Some(class) => Err(Refusal::Address { address, class }),
    }
}

/// Whether `port` may be connected to, whatever the address and the policy.
///
/// # Errors
/// The refusal.
pub fn check_port(port: u16) -> Result<(), Refusal> {
    if bad_ports::contains(port) { Err(Refusal::Port(port)) } else { Ok(()) }
}

/// Whether `url` may be requested as far as the URL itself tells. A name's addresses are checked
/// when it is resolved.
///
/// # Errors
/// The refusal.
pub fn check_url(url: &Url, allow: AllowPrivate) -> Result<(), Refusal> {
    match url.scheme() {
        "https" => {}
        "http" if allow != AllowPrivate::None => {}
        other => return Err(Refusal::Scheme(other.to_owned())),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::Credentials);
    }
    url.port_or_known_default().map_or(Ok(()), check_port)?;
    match url.host() {
        None => Err(Refusal::NoHost),
        Some(Host::Domain(name)) if url.scheme() == "https" && ServerName::try_from(name).is_err() => {
            Err(Refusal::Name)
        }
        Some(Host::Domain(_)) => Ok(()),
        Some(Host::Ipv4(address)) => verdict(address.into(), allow),
        Some(Host::Ipv6(address)) => verdict(address.into(), allow),
    }
}

/// What a special address is for; `None` for a public one.
fn class(address: IpAddr) -> Option<Class> {
    match address {
        IpAddr::V4(v4) => {
            let within = |(net, prefix, _): &&Row<Ipv4Addr>| same_prefix(v4.to_bits(), net.to_bits(), *prefix);
            V4.iter().find(within).map(|row| row.2)
        }
        IpAddr::V6(v6) => {
            let within = |net: Ipv6Addr, prefix| same_prefix_v6(v6.to_bits(), net.to_bits(), prefix);
            let listed = V6.iter().find(|(net, prefix, _)| within(*net, *prefix)).map(|row| row.2);
            let global = within(GLOBAL_V6.0, GLOBAL_V6.1);
            listed.or((!global).then_some(Class::Reserved))
        }
    }
}

fn same_prefix(one: u32, other: u32, prefix: u8) -> bool {
    (one ^ other).leading_zeros() >= u32::from(prefix)
}

fn same_prefix_v6(one: u128, other: u128, prefix: u8) -> bool {
    (one ^ other).leading_zeros() >= u32::from(prefix)
}

#[cfg(test)]
mod tests;
