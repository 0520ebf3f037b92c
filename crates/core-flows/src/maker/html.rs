//! Texts on their way into a page.

/// `text` where HTML wants text or the value of an attribute. Characters that HTML forbids are left out.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || is_noncharacter(c) => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// Places of Unicode that stand for no character.
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

/// The path as a relative address.
pub(super) fn href(path: &str) -> String {
    percent_encoding::utf8_percent_encode(path, PATH).to_string()
}

/// What a relative link keeps as it is.
const PATH: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_texts() {
        let check = |text: &str, expected: &str| assert_eq!(escape(text), expected, "{text:?}");
        check("<a href=\"x\">&amp;</a>", "&lt;a href=&quot;x&quot;&gt;&amp;amp;&lt;/a&gt;");
        check("a\u{0}b\u{7f}\u{9b}c\u{fffe}\r\nd\te", "abc\nd\te");
        assert_eq!(href("a b/c:d\".md"), "a%20b/c%3Ad%22.md");
    }
}
