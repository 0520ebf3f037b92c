//! What bytes look like, whatever was declared: only where it is certain.
//!
//! Magic numbers are known to `infer`. Some have two bytes and begin many a text (`BM` is a bitmap,
//! and a table with a column `BMI`), so what reads as text is judged by rules for text alone.

use serde::de::IgnoredAny;

/// The media type that `bytes` have the look of.
pub(super) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(is_binary) => Some(of_text(text)),
        _ => infer::get(bytes).map(|kind| kind.mime_type()),
    }
}

/// Control characters that no text holds.
fn is_binary(c: char) -> bool {
    c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0C')
}

fn of_text(text: &str) -> &'static str {
    // The mark that some editors write before everything else.
    let text = text.trim_start_matches('\u{FEFF}').trim_start();
    if text.starts_with("%PDF-") {
        "application/pdf"
    } else if text.starts_with("{\\rtf") {
        "application/rtf"
    } else if text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        "application/json"
    } else if text.starts_with("<svg") {
        "image/svg+xml"
    } else if infer::text::is_xml(text.as_bytes()) {
        "text/xml"
    } else if infer::text::is_html(text.as_bytes()) {
        "text/html"
    } else {
        "text/plain"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_said() {
        for (bytes, expected) in [
            (b"".as_slice(), None),
            (b"name,sales\nLamp,1.5\n", Some("text/plain")),
            (b"BMI,age\n", Some("text/plain")),
            ("\u{feff}{\"a\": 1}".as_bytes(), Some("application/json")),
            (b"[1, 2", Some("text/plain")),
            (b"[link](url)", Some("text/plain")),
            (b"<!DOCTYPE html><p>", Some("text/html")),
            (b"<?xml version=\"1.0\"?><a/>", Some("text/xml")),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Some("image/svg+xml")),
            (b"%PDF-1.7\n", Some("application/pdf")),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
            (b"GIF89a\x01\0\x01\0", Some("image/gif")),
            (b"PK\x03\x04\x14\0\0\0", Some("application/zip")),
            (b"\x1f\x8b\x08\0", Some("application/gzip")),
            (b"\0\x01\x02\xfe", None),
        ] {
            assert_eq!(media_type(bytes), expected, "{bytes:?}");
        }
    }
}
