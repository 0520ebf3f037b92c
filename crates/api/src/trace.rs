//! What a request is known by: its trace, taken over from its `traceparent` (W3C Trace Context) or made anew, and the
//! caller's own name for it, `x-request-id`.
//!
//! A trace may hold many requests, a request id names one. Both come from strangers, so only what is harmless in a
//! header and in a log line is taken over.

use actix_web::http::header::HeaderMap;
use ports::Ids;
use shared_types::TraceId;

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const X_REQUEST_ID: &str = "x-request-id";

/// Characters of a request id that is taken over.
const MAX_REQUEST_ID: usize = 128;

/// The trace id that a request belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Trace(pub(crate) TraceId);

impl Trace {
    /// The caller's trace when its header is valid, else a new one.
    pub(crate) fn of(headers: &HeaderMap, ids: &dyn Ids) -> Self {
        let given = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(trace_id_of);
        Self(given.unwrap_or_else(|| ids.trace_id()))
    }
}

/// The name of a request: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    /// The caller's when it sent exactly one sound one, else a new one.
    pub(crate) fn of(headers: &HeaderMap, ids: &dyn Ids) -> Self {
        let mut given = headers.get_all(X_REQUEST_ID);
        let only = given.next().filter(|_| given.next().is_none());
        let sound =
            |text: &&str| (1..=MAX_REQUEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        match only.and_then(|value| value.to_str().ok()).filter(sound) {
            Some(text) => Self(text.to_owned()),
            None => Self(ids.boundary()),
        }
    }
}

/// Reads `version-trace_id-parent_id-flags`. Versions after 00 may have more fields; `ff` is invalid, and so are ids
/// of zeros only.
fn trace_id_of(traceparent: &str) -> Option<TraceId> {
    let mut fields = traceparent.trim().split('-');
    let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let whole = is_hex(version, 2) && is_hex(parent, 16) && is_hex(flags, 2);
    let version_fits = version != "ff" && (version != "00" || fields.next().is_none());
    let non_zero = |id: &str| id.bytes().any(|b| b != b'0');
    if whole && version_fits && non_zero(trace) && non_zero(parent) { trace.parse().ok() } else { None }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use ports::testing::CountingIds;

    use super::*;

    #[test]
    fn only_sound_request_ids_are_taken_over() {
        let ids = CountingIds::default();
        for (given, taken) in [
            (vec!["req-42"], true),
            (vec!["{\"a\":1}"], true),
            (vec![&*"x".repeat(128)], true),
            (vec![&*"x".repeat(129)], false),
            (vec![""], false),
            (vec!["two words"], false),
            (vec!["tab\there"], false),
            (vec!["one", "two"], false),
            (vec![], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &given {
                headers.append(HeaderName::from_static(X_REQUEST_ID), HeaderValue::from_str(value).unwrap());
            }
            let RequestId(id) = RequestId::of(&headers, &ids);
            assert_eq!(given.first().is_some_and(|first| *first == id), taken, "{given:?}");
            assert!(!id.is_empty());
        }
    }

    #[test]
    fn only_valid_trace_parents_are_taken_over() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (text, taken) in [
            (format!("00-{trace}-00f067aa0ba902b7-01"), true),
            (format!("cc-{trace}-00f067aa0ba902b7-01-later"), true),
            (format!("00-{trace}-00f067aa0ba902b7-01-more"), false),
            (format!("ff-{trace}-00f067aa0ba902b7-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
            (format!("00-{trace}-{}-01", "0".repeat(16)), false),
            (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), false),
            (format!("00-{trace}-00f067aa0ba902b7"), false),
            (String::new(), false),
        ] {
            assert_eq!(trace_id_of(&text).is_some_and(|id| id.as_str() == trace), taken, "{text}");
        }
    }
}
