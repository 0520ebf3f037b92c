//! Names as an attacker's name server would answer them.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use http_notify::Lookup;

/// Public by the registries (RFC 7450's relays, retired), and nobody answers there.
pub(crate) const PUBLIC: &str = "192.52.193.1";

/// Names with fixed answers; every other name leads to 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Zone;

/// Name and addresses.
pub(crate) const ZONE: &[(&str, &[&str])] = &[
    ("v6.example", &["::1"]),
    ("both.example", &["127.0.0.1", "::1"]),
    ("private-first.example", &["127.0.0.1", PUBLIC]),
    ("public-first.example", &[PUBLIC, "127.0.0.1"]),
    ("public-first-v6.example", &[PUBLIC, "::1"]),
    ("public-v6-first.example", &["2a00:1450:4001::200e", "127.0.0.1"]),
    ("in-the-middle.example", &[PUBLIC, "10.0.0.1", PUBLIC]),
    ("last-of-many.example", &[PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, "127.0.0.1"]),
    ("mapped.example", &["::ffff:127.0.0.1"]),
    ("compatible.example", &["::127.0.0.1"]),
    ("nat64.example", &["64:ff9b::7f00:1"]),
    ("sixtofour.example", &["2002:7f00:1::1"]),
    ("teredo.example", &["2001:0:7f00:1::1"]),
    ("zero.example", &["0.0.0.0"]),
    ("zero6.example", &["::"]),
    ("other-loopback.example", &["127.8.8.8"]),
    ("ten.example", &["10.1.2.3"]),
    ("oneseventwo.example", &["172.20.0.1"]),
    ("oneninetwo.example", &["192.168.1.1"]),
    ("carrier.example", &["100.64.0.1"]),
    ("link.example", &["169.254.1.1"]),
    ("link6.example", &["fe80::1"]),
    ("unique-local.example", &["fd12:3456::1"]),
    ("site-local.example", &["fec0::1"]),
    ("multicast.example", &["224.0.0.1"]),
    ("multicast6.example", &["ff02::1"]),
    ("broadcast.example", &["255.255.255.255"]),
    ("reserved.example", &["240.0.0.1"]),
    ("documentation.example", &["192.0.2.1"]),
    ("metadata.google.internal", &["169.254.169.254"]),
    ("instance-data.ec2.internal", &["169.254.169.254"]),
    ("wireserver.example", &["168.63.129.16"]),
    ("alibaba.example", &["100.100.100.200"]),
    ("aws6.example", &["fd00:ec2::254"]),
];

/// Names that a resolver, a hosts file or a public service of that kind turns into 127.0.0.1.
pub(crate) const LOCAL_NAMES: &[&str] = &[
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "localhost.",
    "localhost.localdomain",
    "LocalHost.LocalDomain.",
    "sub.localhost",
    "a.b.c.localhost.",
    "ip6-localhost",
    "ip6-loopback",
    "127.0.0.1.nip.io",
    "127-0-0-1.sslip.io",
    "7f000001.example",
    "localtest.me",
    "cname-to-localhost.example",
    "CNAME-To-Localhost.Example.",
    "rebound.example",
    "evaluator",
    "db_internal",
    "xn--lcalhost-1ya.example",
    "ＬＯＣＡＬＨＯＳＴ",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "𝓁ocalhost",
    "local\u{ad}host",
    "l%6fcalhost",
    "%6C%6F%63%61%6C%68%6F%73%74",
    "localhost。",
];

fn parsed(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[async_trait]
impl Lookup for Zone {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let name = name.trim_end_matches('.');
        let row = ZONE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        Ok(parsed(row.map_or(&["127.0.0.1"], |row| row.1)))
    }
}

/// Another answer at each question, as a name server does that rebinds its name.
#[derive(Debug)]
pub(crate) struct Rebinding {
    answers: Mutex<VecDeque<&'static str>>,
    pub(crate) asked: AtomicUsize,
}

impl Rebinding {
    pub(crate) fn new(answers: &[&'static str]) -> Self {
        Self { answers: Mutex::new(answers.iter().copied().collect()), asked: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Lookup for Rebinding {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().pop_front();
        Ok(parsed(answer.as_slice()))
    }
}
