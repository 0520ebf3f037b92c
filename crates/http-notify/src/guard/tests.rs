//! Vectors: each block at its first and last address, and its neighbours.

use super::*;

/// Address, what it is (empty for public).
const VECTORS: &[(&str, &str)] = &[
    // Public, among them the neighbours of closed blocks.
    ("1.1.1.1", ""),
    ("8.8.8.8", ""),
    ("9.255.255.255", ""),
    ("11.0.0.0", ""),
    ("100.63.255.255", ""),
    ("100.128.0.0", ""),
    ("126.255.255.255", ""),
    ("128.0.0.0", ""),
    ("140.82.121.4", ""),
    ("168.63.129.15", ""),
    ("169.253.255.255", ""),
    ("169.255.0.0", ""),
    ("172.15.255.255", ""),
    ("172.32.0.0", ""),
    ("185.199.108.153", ""),
    ("191.255.255.255", ""),
    ("192.0.1.0", ""),
    ("192.0.3.0", ""),
    ("192.88.98.255", ""),
    ("192.167.255.255", ""),
    ("192.169.0.0", ""),
    ("198.17.255.255", ""),
    ("198.20.0.0", ""),
    ("203.0.112.255", ""),
    ("203.0.114.0", ""),
    ("223.255.255.255", ""),
    ("2001:200::1", ""),
    ("2001:4860:4860::8888", ""),
    ("2001:db9::1", ""),
    ("2003::1", ""),
    ("2606:4700:4700::1111", ""),
    ("2a00:1450:4001::200e", ""),
    ("3ffe:ffff::1", ""),
    // IPv4.
    ("0.0.0.0", "unspecified"),
    ("0.255.255.255", "unspecified"),
    ("10.0.0.0", "private"),
    ("10.255.255.255", "private"),
    ("100.64.0.0", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT"),
    ("100.100.100.200", "a cloud's metadata service"),
    ("127.0.0.0", "loopback"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.255", "loopback"),
    ("168.63.129.16", "a cloud's metadata service"),
    ("169.254.0.0", "link-local"),
    ("169.254.169.254", "a cloud's metadata service"),
    ("169.254.170.2", "a cloud's metadata service"),
    ("169.254.255.255", "link-local"),
    ("172.16.0.0", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.0", "reserved"),
    ("192.0.0.192", "a cloud's metadata service"),
    ("192.0.0.255", "reserved"),
    ("192.0.2.1", "reserved"),
    ("192.88.99.1", "reserved"),
    ("192.168.0.0", "private"),
    ("192.168.255.255", "private"),
    ("198.18.0.0", "reserved"),
    ("198.19.255.255", "reserved"),
    ("198.51.100.7", "reserved"),
    ("203.0.113.7", "reserved"),
    ("224.0.0.0", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.0", "reserved"),
    ("255.255.255.254", "reserved"),
    ("255.255.255.255", "multicast"),
    // IPv6.
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::2", "an IPv4 address embedded in IPv6"),
    ("::127.0.0.1", "an IPv4 address embedded in IPv6"),
    ("::8.8.8.8", "an IPv4 address embedded in IPv6"),
    ("::ffff:127.0.0.1", "an IPv4 address embedded in IPv6"),
    ("::ffff:169.254.169.254", "an IPv4 address embedded in IPv6"),
    ("::ffff:8.8.8.8", "an IPv4 address embedded in IPv6"),
    ("64:ff9b::7f00:1", "an IPv4 address embedded in IPv6"),
    ("64:ff9b::808:808", "an IPv4 address embedded in IPv6"),
    ("64:ff9b:1::a00:1", "an IPv4 address embedded in IPv6"),
    ("64:ff9b:2::1", "reserved"),
    ("100::1", "reserved"),
    ("1fff:ffff::1", "reserved"),
    ("2001::1", "an IPv4 address embedded in IPv6"),
    ("2001:2::1", "reserved"),
    ("2001:10::1", "reserved"),
    ("2001:20::1", "reserved"),
    ("2001:1ff:ffff::1", "reserved"),
    ("2001:db8::1", "reserved"),
    ("2002:7f00:1::1", "an IPv4 address embedded in IPv6"),
    ("2002:808:808::1", "an IPv4 address embedded in IPv6"),
    ("3fff::1", "reserved"),
    ("3fff:fff:ffff::1", "reserved"),
    ("4000::1", "reserved"),
    ("5f00::1", "reserved"),
    ("fc00::1", "private"),
    ("fd00:ec2::254", "a cloud's metadata service"),
    ("fd20:ce::254", "a cloud's metadata service"),
    ("fdff:ffff::1", "private"),
    ("fe00::1", "reserved"),
    ("fe80::1", "link-local"),
    ("febf:ffff::1", "link-local"),
    ("fec0::1", "private"),
    ("ff02::1", "multicast"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
];

#[test]
fn every_address_is_what_the_registries_say() {
    for (text, expected) in VECTORS {
        let address: IpAddr = text.parse().unwrap();
        let shown = class(address).map(|class| class.to_string()).unwrap_or_default();
        assert_eq!(&shown, expected, "{text}");
        assert_eq!(verdict(address, AllowPrivate::None).is_ok(), expected.is_empty(), "{text}");
    }
}

#[test]
fn a_policy_opens_its_own_classes_and_no_other() {
    for (text, class) in VECTORS {
        let allowed = |allow| verdict(text.parse().unwrap(), allow).is_ok();
        assert_eq!(allowed(AllowPrivate::Loopback), matches!(*class, "" | "loopback"), "{text}");
        assert_eq!(allowed(AllowPrivate::LoopbackAndPrivate), matches!(*class, "" | "loopback" | "private"), "{text}");
    }
}

#[test]
fn a_url_is_checked_before_anything_is_resolved() {
    fn check(allow: AllowPrivate, text: &str, expected: &str) {
        let shown =
            check_url(&text.parse().unwrap(), allow).map_or_else(|refusal| refusal.to_string(), |()| "ok".into());
        assert_eq!(shown, expected, "{text} with {allow:?}");
    }
    use AllowPrivate::{Loopback, LoopbackAndPrivate, None};

    check(None, "https://evaluator.example.com/notify", "ok");
    check(None, "https://1.1.1.1/", "ok");
    check(None, "http://evaluator.example.com/", "the scheme http is not allowed, expected https");
    check(Loopback, "http://evaluator.example.com/", "ok");
    check(Loopback, "ftp://127.0.0.1/", "the scheme ftp is not allowed, expected https");
    check(Loopback, "file:///etc/passwd", "the scheme file is not allowed, expected https");
    check(None, "https://user:pw@example.com/", "the URL holds a user or a password");
    check(None, "https://user@example.com/", "the URL holds a user or a password");
    check(None, "https://:pw@example.com/", "the URL holds a user or a password");
    // Every spelling of 127.0.0.1 that a URL parser reads.
    for spelling in ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "0177.0.0.1", "017700000001"] {
        check(None, &format!("https://{spelling}/"), "the address 127.0.0.1 is loopback");
        check(Loopback, &format!("http://{spelling}:8080/"), "ok");
    }
    check(None, "https://１２７.0.0.1/", "the address 127.0.0.1 is loopback");
    check(None, "https://[::1]/", "the address ::1 is loopback");
    check(Loopback, "https://[::1]/", "ok");
    check(
        LoopbackAndPrivate,
        "https://[::ffff:127.0.0.1]/",
        "the address ::ffff:127.0.0.1 is an IPv4 address embedded in IPv6",
    );
    check(Loopback, "http://10.0.0.1/", "the address 10.0.0.1 is private");
    check(LoopbackAndPrivate, "http://10.0.0.1/", "ok");
    check(LoopbackAndPrivate, "http://169.254.169.254/", "the address 169.254.169.254 is a cloud's metadata service");
    // Ports are the web's or the issuer's own, never another protocol's, under any policy.
    check(None, "https://evaluator.example.com:8443/", "ok");
    check(None, "https://evaluator.example.com:9000/", "ok");
    check(None, "https://evaluator.example.com:22/", "the port 22 is closed to web requests");
    check(None, "https://evaluator.example.com:0/", "the port 0 is closed to web requests");
    check(LoopbackAndPrivate, "http://127.0.0.1:25/", "the port 25 is closed to web requests");
}
