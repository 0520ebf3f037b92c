//! Ports that no request for a web page goes to.
//!
//! A service that speaks another protocol may take a request's lines for commands of its own, so a
//! public address alone does not make a port harmless. Browsers refuse these ports for the same
//! reason. Whoever serves pages elsewhere, as on 8443 or 9000, is not hindered.
//!
//! Source: the bad ports of the Fetch standard, <https://fetch.spec.whatwg.org/#port-blocking>.

/// Sorted, so that it can be searched.
const BAD_PORTS: [u16; 83] = [
    0,     // no port at all
    1,     // tcpmux
    7,     // echo
    9,     // discard
    11,    // systat
    13,    // daytime
    15,    // netstat
    17,    // qotd
    19,    // chargen
    20,    // ftp-data
    21,    // ftp
    22,    // ssh
    23,    // telnet
    25,    // smtp
    37,    // time
    42,    // name
    43,    // nicname
    53,    // domain
    69,    // tftp
    77,    // private remote job entry
    79,    // finger
    87,    // private terminal link
    95,    // supdup
    101,   // hostname
    102,   // iso-tsap
    103,   // gppitnp
    104,   // acr-nema
    109,   // pop2
    110,   // pop3
    111,   // sunrpc
    113,   // auth
    115,   // sftp
    117,   // uucp-path
    119,   // nntp
    123,   // ntp
    135,   // epmap
    137,   // netbios-ns
    139,   // netbios-ssn
    143,   // imap
    161,   // snmp
    179,   // bgp
    389,   // ldap
    427,   // svrloc
    465,   // submissions
    512,   // exec
    513,   // login
    514,   // shell
    515,   // printer
    526,   // tempo
    530,   // courier
    531,   // chat
    532,   // netnews
    540,   // uucp
    548,   // afp
    554,   // rtsp
    556,   // remotefs
    563,   // nntps
    587,   // submission
    601,   // syslog-conn
    636,   // ldaps
    989,   // ftps-data
    990,   // ftps
    993,   // imaps
    995,   // pop3s
    1719,  // h323gatestat
    1720,  // h323hostcall
    1723,  // pptp
    2049,  // nfs
    3659,  // apple-sasl
    4045,  // npp
    4190,  // sieve
    5060,  // sip
    5061,  // sips
    6000,  // x11
    6566,  // sane-port
    6665,  // ircu
    6666,  // ircu
    6667,  // ircu
    6668,  // ircu
    6669,  // ircu
    6679,  // osaut
    6697,  // ircs-u
    10080, // amanda
];

/// Whether `port` is closed to requests.
pub(super) fn contains(port: u16) -> bool {
    BAD_PORTS.binary_search(&port).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched_and_closes_what_it_names_only() {
        assert!(BAD_PORTS.is_sorted());
        let closed: Vec<u16> = (0..=u16::MAX).filter(|port| contains(*port)).collect();
        assert_eq!(closed, BAD_PORTS);
        for open in [80, 443, 3000, 6379, 8000, 8080, 8443, 9000, 49_152] {
            assert!(!contains(open), "{open}");
        }
    }
}
