//! Texts on their way into a page.

/// `text` where HTML wants text or the value of an attribute.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The path as a relative address.
pub(super) fn href(path: &str) -> String {
    percent_encoding::utf8_percent_encode(path, PATH).to_string()
}

/// What a relative link keeps as it is.
const PATH: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');
