//! The trace of a request: taken over from its `traceparent` (W3C Trace Context) or made anew.

use actix_web::http::header::HeaderMap;
use ports::Ids;
use shared_types::TraceId;

pub(crate) const TRACEPARENT: &str = "traceparent";

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
    use super::*;

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
