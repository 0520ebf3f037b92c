//! Texts with places taken out of them.

use std::ops::Range;

/// What a redacted secret reads as.
const REDACTED: &[u8] = b"[redacted]";

/// `text` with what is at `places` replaced; places that overlap or touch are one.
pub(crate) fn replaced(text: &str, places: Vec<Range<usize>>) -> String {
    let mut clean = Vec::with_capacity(text.len());
    let mut done = 0;
    for secret in joined(places) {
        clean.extend_from_slice(text.as_bytes().get(done..secret.start).unwrap_or_default());
        clean.extend_from_slice(REDACTED);
        done = secret.end;
    }
    clean.extend_from_slice(text.as_bytes().get(done..).unwrap_or_default());
    // The rules match whole ASCII texts, so a cut through a character is only possible inside
    // a password; the rest of that character is then replaced.
    String::from_utf8(clean).unwrap_or_else(|cut| String::from_utf8_lossy(cut.as_bytes()).into_owned())
}

fn joined(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_by_key(|place| (place.start, place.end));
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(places.len());
    for place in places {
        match joined.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => joined.push(place),
        }
    }
    joined
}
