//! Requests that failed: by whose doing, and whether the page could have done anything about it.

use chromiumoxide::cdp::browser_protocol::network::{EventLoadingFailed, ResourceType};
use shared_types::FailureCause;
use url::Url;

use crate::{CDN_HOSTS, Egress};

/// What the browser says of a connection that did not come about or broke off.
const NO_ANSWER: [&str; 15] = [
    "net::ERR_ADDRESS_",
    "net::ERR_CERT_",
    "net::ERR_CONNECTION_",
    "net::ERR_CONTENT_LENGTH_MISMATCH",
    "net::ERR_EMPTY_RESPONSE",
    "net::ERR_HTTP2_",
    "net::ERR_INCOMPLETE_",
    "net::ERR_INTERNET_DISCONNECTED",
    "net::ERR_INVALID_HTTP_RESPONSE",
    "net::ERR_NAME_",
    "net::ERR_NETWORK_",
    "net::ERR_PROXY_",
    "net::ERR_SSL_",
    "net::ERR_TIMED_OUT",
    "net::ERR_TUNNEL_",
];

/// What it says whatever the proxy's reason was, see [`behind_proxy`].
const PROXY_SAYS_NO: &str = "net::ERR_SOCKS_";

/// A host that the page needed and did not get an answer from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered {
    pub host: String,
    pub why: Why,
    pub part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nobody answered, or not in time.
    Silent,
    /// It answered that it cannot now.
    Busy(i64),
    /// It was not let out.
    Kept,
}

/// What of the page is missing without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Scripts and data.
    Behaviour,
    /// Style sheets.
    Look,
}

impl Part {
    /// None for what no check is likely to depend on: pictures, fonts, counters.
    pub(super) fn of(kind: &ResourceType) -> Option<Self> {
        match kind {
            ResourceType::Script | ResourceType::Fetch | ResourceType::Xhr | ResourceType::EventSource => {
                Some(Self::Behaviour)
            }
            ResourceType::Stylesheet => Some(Self::Look),
            _ => None,
        }
    }
}

/// Why a request to `url` failed that got no status.
pub(super) fn cause(event: &EventLoadingFailed, url: &str, egress: Egress) -> FailureCause {
    let text = event.error_text.as_str();
    if event.blocked_reason.is_some() || event.cors_error_status.is_some() {
        FailureCause::Refused
    } else if text.starts_with(PROXY_SAYS_NO) {
        behind_proxy(url, egress)
    } else if NO_ANSWER.iter().any(|start| text.starts_with(start)) {
        FailureCause::NoAnswer
    } else {
        FailureCause::Refused
    }
}

/// The browser keeps the proxy's reason to itself. Addresses are refused for what they are, and names
/// for how far pages may go; any other name is public as a rule, and had no answer.
fn behind_proxy(url: &str, egress: Egress) -> FailureCause {
    let url = Url::parse(url).ok();
    let allowed = |host: &str| match egress {
        Egress::Public => true,
        Egress::Cdn => CDN_HOSTS.contains(&host),
        Egress::None => false,
    };
    match url.as_ref().and_then(public_name) {
        Some(host) if allowed(host) => FailureCause::NoAnswer,
        _ => FailureCause::Blocked,
    }
}

/// A host that has a name, as every public one has that a page depends on.
pub(super) fn public_name(url: &Url) -> Option<&str> {
    url.domain().filter(|host| *host != "localhost" && !host.ends_with(".localhost"))
}

/// Whether a status says that the host cannot answer now, whatever it was asked.
pub(super) fn is_busy(status: i64) -> bool {
    status == 429 || status >= 500
}
