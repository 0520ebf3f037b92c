//! Everything that was ever thought of to reach the machine behind a guard, against a canary.
//!
//! Each vector is tried with http and https, as a delivery and as a probe. All must be refused, and
//! the canary must not see one connection. That it would see them is shown by an unguarded client.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_notify::{AllowPrivate, HttpNotifier, Lookup, Options};
use ports::{Delivery, ErrorChain, Notifier, Verdict};
use url::Url;

use crate::PATIENCE;
use crate::canary::Canary;
use crate::names::{LOCAL_NAMES, Rebinding, ZONE, Zone};
use crate::server::Server;

/// Where a vector leads when nobody guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To the canary.
    Here,
    /// To the canary over IPv6.
    Here6,
    /// To another machine, nowhere, or no URL at all.
    Elsewhere,
}
use Leads::{Elsewhere, Here, Here6};

/// Spellings of 127.0.0.1 with one to four parts, each decimal, octal or hexadecimal.
pub(crate) fn spellings() -> Vec<String> {
    let parts_of = |count: usize| match count {
        1 => vec![0x7f00_0001_u32],
        2 => vec![127, 1],
        3 => vec![127, 0, 1],
        _ => vec![127, 0, 0, 1],
    };
    let mut all = Vec::new();
    for count in 1..=4_usize {
        for mut form in 0..3_usize.pow(u32::try_from(count).unwrap()) {
            let mut texts = Vec::new();
            for part in parts_of(count) {
                texts.push(match form % 3 {
                    0 => format!("{part}"),
                    1 => format!("0{part:o}"),
                    _ => format!("0x{part:x}"),
                });
                form /= 3;
            }
            all.push(texts.join("."));
        }
    }
    all
}

/// Hosts as they stand in a URL.
pub(crate) const HOSTS: &[(&str, Leads)] = &[
    // 127.0.0.1 in other clothes.
    ("127.0.0.1.", Here),
    ("0X7F.0X0.0X0.0X1", Here),
    ("0X7F000001", Here),
    ("0000000177.0.0.1", Here),
    ("0x000000007f.1", Here),
    ("１２７.０.０.１", Here),
    ("１２７。０。０。１", Here),
    ("127｡0｡0｡1", Here),
    ("①②⑦.⓪.⓪.①", Here),
    ("𝟏𝟐𝟕.𝟎.𝟎.𝟏", Here),
    ("¹²⁷.⁰.⁰.¹", Here),
    ("%31%32%37.0.0.1", Here),
    ("127%2e0%2E0%2e1", Here),
    ("127.0.\u{ad}0.1", Here),
    ("127.0.\u{200b}0.1", Here),
    ("127.\t0.0.1", Here),
    ("127.0\n.0.1", Here),
    ("127.0.0\r.1", Here),
    ("0x7f.0.0.1%00", Elsewhere),
    ("127.0.0.1%20", Elsewhere),
    ("127.0.0.1,evaluator.example", Elsewhere),
    ("-dash-.example", Elsewhere),
    ("256.0.0.1", Elsewhere),
    ("4294967297", Elsewhere),
    ("127.0.0.0.1", Elsewhere),
    ("127.8.8.8", Elsewhere),
    ("127.255.255.254", Elsewhere),
    // The unspecified address is this machine too.
    ("0.0.0.0", Here),
    ("0", Here),
    ("0x0", Here),
    ("00.00", Here),
    ("0.0.0.0.", Here),
    ("0.1.2.3", Elsewhere),
    // IPv6.
    ("[::1]", Here6),
    ("[0:0:0:0:0:0:0:1]", Here6),
    ("[0000:0000:0000:0000:0000:0000:0000:0001]", Here6),
    ("[0::1]", Here6),
    ("[::0:0:1]", Here6),
    ("[::0.0.0.1]", Here6),
    ("[::]", Here6),
    ("[0:0::0]", Here6),
    ("[::ffff:127.0.0.1]", Here),
    ("[::FFFF:7F00:1]", Here),
    ("[0:0:0:0:0:ffff:127.0.0.1]", Here),
    ("[::ffff:0.0.0.0]", Here),
    ("[::ffff:10.0.0.1]", Elsewhere),
    ("[::ffff:a9fe:a9fe]", Elsewhere),
    ("[::127.0.0.1]", Elsewhere),
    ("[::7f00:1]", Elsewhere),
    ("[64:ff9b::127.0.0.1]", Elsewhere),
    ("[64:ff9b::7f00:1]", Elsewhere),
    ("[64:ff9b:1::7f00:1]", Elsewhere),
    ("[2002:7f00:1::]", Elsewhere),
    ("[2002:7f00:0001::1]", Elsewhere),
    ("[2002:a9fe:a9fe::1]", Elsewhere),
    ("[2001:0:7f00:1::1]", Elsewhere),
    ("[2001::80ff:fffe]", Elsewhere),
    ("[fe80::1]", Elsewhere),
    ("[fe80::1%25lo]", Elsewhere),
    ("[fe80::1%lo]", Elsewhere),
    ("[::1%25lo]", Elsewhere),
    ("[fc00::1]", Elsewhere),
    ("[fd00::1]", Elsewhere),
    ("[fec0::1]", Elsewhere),
    ("[ff01::1]", Elsewhere),
    ("[ff02::1]", Elsewhere),
    ("[::2]", Elsewhere),
    ("[100::1]", Elsewhere),
    ("[2001:db8::1]", Elsewhere),
    ("[2001:2::1]", Elsewhere),
    ("[3fff::1]", Elsewhere),
    ("[4000::1]", Elsewhere),
    ("[5f00::1]", Elsewhere),
    ("[fd00:ec2::254]", Elsewhere),
    ("[fd20:ce::254]", Elsewhere),
    ("::1", Elsewhere),
    // Networks that are not the public one.
    ("10.0.0.1", Elsewhere),
    ("10.255.255.255", Elsewhere),
    ("0xa.1", Elsewhere),
    ("167772161", Elsewhere),
    ("172.16.0.1", Elsewhere),
    ("172.31.255.255", Elsewhere),
    ("192.168.0.1", Elsewhere),
    ("3232235521", Elsewhere),
    ("0300.0250.0.1", Elsewhere),
    ("100.64.0.1", Elsewhere),
    ("100.127.255.255", Elsewhere),
    ("169.254.0.1", Elsewhere),
    ("192.0.0.1", Elsewhere),
    ("192.0.2.1", Elsewhere),
    ("192.88.99.1", Elsewhere),
    ("198.18.0.1", Elsewhere),
    ("198.51.100.1", Elsewhere),
    ("203.0.113.1", Elsewhere),
    ("224.0.0.1", Elsewhere),
    ("239.255.255.250", Elsewhere),
    ("240.0.0.1", Elsewhere),
    ("255.255.255.255", Elsewhere),
    // Clouds' metadata.
    ("169.254.169.254", Elsewhere),
    ("2852039166", Elsewhere),
    ("0xA9FEA9FE", Elsewhere),
    ("0251.0376.0251.0376", Elsewhere),
    ("0xa9.0xfe.0xa9.0xfe", Elsewhere),
    ("169.254.43518", Elsewhere),
    ("169.254.170.2", Elsewhere),
    ("168.63.129.16", Elsewhere),
    ("100.100.100.200", Elsewhere),
    ("192.0.0.192", Elsewhere),
];

/// Whole URLs; `S` stands for the scheme, `P` for the canary's port.
const URLS: &[(&str, Leads)] = &[
    ("S://user:pw@127.0.0.1:P/", Here),
    ("S://user@localhost:P/", Here),
    ("S://:pw@[::1]:P/", Here6),
    ("S://:@127.0.0.1:P/", Here),
    ("S://evaluator.example@127.0.0.1:P/", Here),
    ("S://evaluator.example:443@127.0.0.1:P/", Here),
    ("S://evaluator.example%2F@127.0.0.1:P/", Here),
    ("S://a@b@127.0.0.1:P/", Here),
    ("S://127.0.0.1:P\\@evaluator.example/", Here),
    ("S://127.0.0.1:P#@evaluator.example/", Here),
    ("S://127.0.0.1:P?@evaluator.example/", Here),
    ("S://127.0.0.1:P/@evaluator.example/", Here),
    ("S://127.0.0.1:P/..%2f..%2f", Here),
    ("S:127.0.0.1:P/", Here),
    ("S:/127.0.0.1:P/", Here),
    ("S:///127.0.0.1:P/", Here),
    ("S:////127.0.0.1:P/", Here),
    ("S:\\\\127.0.0.1:P\\", Here),
    ("S:/\\127.0.0.1:P/", Here),
    ("  S://127.0.0.1:P/  ", Here),
    ("\u{1}S://127.0.0.1:P/", Here),
    ("S:\t//127.0.0.1:P/", Here),
    ("S://127.0.0.1:000P/", Here),
    ("S://127.0.0.1:99999/", Elsewhere),
    ("S://127.0.0.1:-1/", Elsewhere),
    ("S://127.0.0.1:P:80/", Elsewhere),
    ("S://evaluator.example:P@/", Elsewhere),
    ("S://evaluator.example\u{0}.127.0.0.1:P/", Elsewhere),
    ("S://user:pw@1.1.1.1/", Elsewhere),
    // The scheme is part of the check.
    ("ws://127.0.0.1:P/", Elsewhere),
    ("wss://127.0.0.1:P/", Elsewhere),
    ("ftp://127.0.0.1:P/", Elsewhere),
    ("gopher://127.0.0.1:P/", Elsewhere),
    ("file:///etc/passwd", Elsewhere),
    ("file://127.0.0.1/etc/passwd", Elsewhere),
    ("data:text/html,<script>location='S://127.0.0.1:P/'</script>", Elsewhere),
    ("javascript:location='S://127.0.0.1:P/'", Elsewhere),
    ("blob:S://127.0.0.1:P/x", Elsewhere),
    ("view-source:S://127.0.0.1:P/", Elsewhere),
    ("unix:/var/run/docker.sock", Elsewhere),
    ("http://1.1.1.1/", Elsewhere),
    // Ports of other protocols, at an address that is open.
    ("S://1.1.1.1:0/", Elsewhere),
    ("S://1.1.1.1:22/", Elsewhere),
    ("S://1.1.1.1:25/", Elsewhere),
    ("S://1.1.1.1:53/", Elsewhere),
    ("S://1.1.1.1:587/", Elsewhere),
    ("S://1.1.1.1:6000/", Elsewhere),
    ("S://1.1.1.1:6667/", Elsewhere),
    ("S://1.1.1.1:10080/", Elsewhere),
];

/// URLs for one scheme and one canary.
fn vectors(scheme: &str, port: u16) -> Vec<(String, Leads)> {
    let spellings = spellings();
    let spelt = spellings.iter().map(|text| (text.as_str(), Here));
    let local = LOCAL_NAMES.iter().map(|name| (*name, Here));
    let named = ZONE.iter().map(|(name, addresses)| {
        let leads = match addresses[0] {
            "127.0.0.1" | "0.0.0.0" | "::ffff:127.0.0.1" => Here,
            "::1" | "::" => Here6,
            _ => Elsewhere,
        };
        (*name, leads)
    });
    let hosts = spelt.chain(HOSTS.iter().copied()).chain(local).chain(named);
    let mut all: Vec<(String, Leads)> =
        hosts.map(|(host, leads)| (format!("{scheme}://{host}:{port}/canary"), leads)).collect();
    let filled = |text: &str| text.replace('S', scheme).replace('P', &port.to_string());
    all.extend(URLS.iter().map(|(text, leads)| (filled(text), *leads)));
    all
}

fn guarded(allow_private: AllowPrivate, lookup: impl Lookup + 'static) -> HttpNotifier {
    HttpNotifier::new(Options { allow_private, lookup: Arc::new(lookup), ..Options::default() }).unwrap()
}

fn delivery(url: &Url, timeout: Duration) -> Delivery {
    Delivery { url: url.clone(), id: "vector".into(), body: Bytes::from_static(b"{}"), timeout }
}

/// The client that a careless notifier would be.
fn unguarded() -> reqwest::Client {
    struct Careless;
    impl reqwest::dns::Resolve for Careless {
        fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
            Box::pin(async move {
                let found = Zone.addresses(name.as_str()).await?;
                let found = found.into_iter().map(|address| std::net::SocketAddr::new(address, 0));
                Ok(Box::new(found) as reqwest::dns::Addrs)
            })
        }
    }
    // Also makes sure that a TLS provider is there.
    drop(guarded(AllowPrivate::None, Zone));
    reqwest::Client::builder().no_proxy().dns_resolver(Careless).timeout(PATIENCE).build().unwrap()
}

#[tokio::test]
async fn no_vector_reaches_the_canary() {
    let canary = Canary::start().await;
    let notifier = guarded(AllowPrivate::None, Zone);
    let mut tried = 0;
    for scheme in ["http", "https"] {
        let vectors = vectors(scheme, canary.port());
        let mut distinct: Vec<_> = vectors.iter().map(|(text, _)| text).collect();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() >= 200, "{} vectors", distinct.len());
        for (text, _) in &vectors {
            // What is no URL is no evaluator's address either: the intake says so.
            let Ok(url) = text.parse::<Url>() else { continue };
            let delivered = notifier.deliver(&delivery(&url, PATIENCE)).await;
            let probed = notifier.probe(&url, PATIENCE).await;
            for outcome in [delivered, probed] {
                let error = outcome.expect_err(text);
                assert_eq!(error.verdict(), Verdict::GiveUp, "{text:?}: {}", ErrorChain(&error));
            }
            tried += 2;
        }
    }
    assert!(tried >= 800, "{tried} requests");
    assert_eq!(canary.hits().await, 0);
}

/// The control: what the guard keeps out would arrive without it.
#[tokio::test]
async fn without_the_guard_the_vectors_do_reach_the_canary() {
    let canary = Canary::start().await;
    let client = unguarded();
    let (mut before, mut reaching) = (0, 0);
    for scheme in ["http", "https"] {
        for (text, leads) in vectors(scheme, canary.port()) {
            if leads == Elsewhere || (leads == Here6 && !canary.hears_v6()) {
                continue;
            }
            let answer = client.get(text.parse::<Url>().unwrap()).send().await;
            let hits = canary.hits().await;
            assert!(hits > before, "{text:?} does not lead to the canary: {answer:?}");
            (before, reaching) = (hits, reaching + 1);
        }
    }
    assert!(reaching >= 300, "{reaching} of the vectors reach it");
}

/// The other control: the same notifier, allowed to.
#[tokio::test]
async fn a_policy_that_opens_loopback_reaches_the_canary() {
    let canary = Canary::start().await;
    let notifier = guarded(AllowPrivate::Loopback, Zone);
    for host in ["127.0.0.1", "localhost", "2130706433", "rebound.example"] {
        let before = canary.hits().await;
        let url: Url = format!("http://{host}:{}/", canary.port()).parse().unwrap();
        assert_eq!(notifier.refuses(&url), None);
        let error = notifier.deliver(&delivery(&url, PATIENCE)).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{host}: the canary answers nobody");
        assert!(canary.hits().await > before, "{host}");
    }
}

#[tokio::test]
async fn a_name_that_is_rebound_after_the_check_is_not_followed() {
    let canary = Canary::start().await;
    let url: Url = format!("https://rebound.example:{}/", canary.port()).parse().unwrap();
    let names = Arc::new(Rebinding::new(&[crate::names::PUBLIC, "127.0.0.1", "127.0.0.1"]));
    let options = Options { lookup: names.clone(), ..Options::default() };
    let notifier = HttpNotifier::new(options).unwrap();

    // The public address that was checked is the one that is tried, however little comes of it.
    let error = notifier.deliver(&delivery(&url, Duration::from_millis(300))).await.unwrap_err();
    assert_eq!((error.verdict(), names.asked.load(Ordering::SeqCst)), (Verdict::RetryWithBackoff, 1));
    // Each further connection asks again, and the answer is checked again.
    for asked in [2, 3] {
        let error = notifier.probe(&url, PATIENCE).await.unwrap_err();
        assert_eq!((error.verdict(), names.asked.load(Ordering::SeqCst)), (Verdict::GiveUp, asked));
        assert!(ErrorChain(&error).to_string().contains("127.0.0.1 is loopback"), "{}", ErrorChain(&error));
    }
    assert_eq!(canary.hits().await, 0);
}

/// The check and the connection use one answer; a second one would be the attacker's.
#[tokio::test]
async fn a_connection_goes_to_the_answer_that_was_checked() {
    let server = Server::start();
    let names = Arc::new(Rebinding::new(&["127.0.0.1", "10.0.0.1"]));
    let options = Options { allow_private: AllowPrivate::Loopback, lookup: names.clone(), ..Options::default() };
    let mut url = server.url("/canary");
    url.set_host(Some("rebound.example")).unwrap();
    let answer = HttpNotifier::new(options).unwrap().probe(&url, PATIENCE).await.unwrap();
    assert_eq!((answer.status, names.asked.load(Ordering::SeqCst)), (200, 1));
    assert_eq!(server.canary.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_without_an_address_is_tried_again() {
    let notifier = guarded(AllowPrivate::None, Rebinding::new(&[]));
    let error = notifier.probe(&"https://gone.example/".parse().unwrap(), PATIENCE).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{}", ErrorChain(&error));
}

#[tokio::test]
async fn no_way_of_sending_elsewhere_is_followed() {
    let (server, canary) = (Server::start(), Canary::start().await);
    // Loopback is open here, so that nothing but not following keeps the canary alone.
    let notifier = guarded(AllowPrivate::Loopback, Zone);
    let targets = [
        format!("http://127.0.0.1:{}/", canary.port()),
        format!("//localhost:{}/", canary.port()),
        format!("http://[::1]:{}/", canary.port()),
    ];
    for status in [301, 302, 303, 307, 308, 300, 201, 200] {
        for target in &targets {
            let mut url = server.url("/elsewhere");
            url.query_pairs_mut().append_pair("status", &status.to_string()).append_pair("to", target);
            let delivered = notifier.deliver(&delivery(&url, PATIENCE)).await.unwrap();
            let probed = notifier.probe(&url, PATIENCE).await.unwrap();
            assert_eq!((delivered.status, probed.status), (status, status));
        }
    }
    assert_eq!(canary.hits().await, 0);

    // The control: a client that follows arrives.
    let mut url = server.url("/elsewhere");
    url.query_pairs_mut().append_pair("status", "302").append_pair("to", &targets[0]);
    unguarded().get(url).send().await.unwrap_err();
    assert!(canary.hits().await > 0);
}

/// What can be known of a URL without asking anybody is said without asking anybody.
#[test]
fn an_issuer_learns_at_once_what_is_never_asked() {
    let refuses = |allow, text: &str| {
        let names = Arc::new(Rebinding::new(&[]));
        let options = Options { allow_private: allow, lookup: names.clone(), ..Options::default() };
        let said = HttpNotifier::new(options).unwrap().refuses(&text.parse().unwrap());
        assert_eq!(names.asked.load(Ordering::SeqCst), 0, "{text}");
        said.unwrap_or_default()
    };
    use AllowPrivate::{Loopback, None};
    assert_eq!(refuses(None, "https://evaluator.example/notify"), "");
    assert_eq!(refuses(None, "https://evaluator.example:8443/notify"), "");
    assert_eq!(refuses(None, "https://localhost/"), "", "a name is looked up when it is asked");
    assert_eq!(refuses(None, "http://evaluator.example/"), "the scheme http is not allowed, expected https");
    assert_eq!(refuses(None, "https://u:p@evaluator.example/"), "the URL holds a user or a password");
    assert_eq!(refuses(None, "https://0x7f.1/"), "the address 127.0.0.1 is loopback");
    assert_eq!(refuses(None, "https://evaluator.example:22/"), "the port 22 is closed to web requests");
    assert_eq!(refuses(None, "https://a,b.example/"), "no certificate can hold the host's name");
    assert_eq!(refuses(Loopback, "http://127.0.0.1:8080/"), "");
    assert_eq!(refuses(Loopback, "http://10.0.0.1/"), "the address 10.0.0.1 is private");
}
