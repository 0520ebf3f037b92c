//! Values as text that cannot break a line: bounded, e-mail addresses masked, control characters escaped.
//!
//! Invariant: what is written holds no character that ends a line, moves a cursor or turns the direction of writing,
//! and its quotes and backslashes are escaped as in JSON. So whoever chooses a task's name, a header or an answer of
//! an evaluator can neither forge a line nor a field of one.

use std::fmt::{self, Write as _};

/// A longer value is cut: an error may quote a whole page, and a line should stay readable.
const MAX_VALUE_BYTES: usize = 4096;

/// Appends `value` to `out`, without quotes around it.
pub(super) fn append(out: &mut String, value: fmt::Arguments<'_>) {
    let begin = out.len();
    let mut bounded = Bounded { out, left: MAX_VALUE_BYTES, is_cut: false };
    let printed = bounded.write_fmt(value);
    let is_cut = bounded.is_cut;
    if !out.as_bytes()[begin..].iter().all(|byte| is_plain(*byte)) {
        let raw = out.split_off(begin);
        escape(out, &masked(&raw));
    }
    if is_cut {
        out.push('…');
    } else if printed.is_err() {
        out.push_str("<unprintable>");
    }
}

/// Neither to be escaped nor a sign of an e-mail address; most values hold nothing else.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'@' | b'%')
}

/// Takes so many bytes and then refuses, so that a value without an end costs no more than a long one.
struct Bounded<'a> {
    out: &'a mut String,
    left: usize,
    is_cut: bool,
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() <= self.left {
            self.left -= text.len();
            self.out.push_str(text);
            return Ok(());
        }
        self.out.push_str(&text[..text.floor_char_boundary(self.left)]);
        self.left = 0;
        self.is_cut = true;
        Err(fmt::Error)
    }
}

fn escape(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_control(char) => {
                // All of them are in the basic plane. Writing to a text does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
}

/// C0, DEL and C1 control characters, the two separators of Unicode that some readers take for the end of a line, and
/// what changes the direction of writing (Unicode Standard Annex 9).
fn is_control(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` with `student@example.com` as `s***@example.com`, also where the `@` is percent-encoded.
///
/// Our own types mask themselves ([`shared_types::Email`]). This is for the texts of others, such as an evaluator that
/// quotes the address back in its error.
fn masked(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, sign)) = next_sign(rest) {
        let (before, after) = rest.split_at(at);
        let local = before.trim_end_matches(is_local).len();
        let has_host = after[sign..].starts_with(|char: char| char.is_alphanumeric() || char == '[');
        match before[local..].chars().next().filter(|_| has_host) {
            Some(first) => {
                result.push_str(&before[..local]);
                result.push(first);
                result.push_str("***");
            }
            None => result.push_str(before),
        }
        result.push_str(&after[..sign]);
        rest = &after[sign..];
    }
    result.push_str(rest);
    result
}

/// Where the next `@` or `%40` stands, and how long it is.
fn next_sign(text: &str) -> Option<(usize, usize)> {
    let plain = text.find('@').map(|at| (at, 1));
    let encoded = text.find("%40").map(|at| (at, 3));
    plain.into_iter().chain(encoded).min()
}

/// What addresses before the `@` are made of in practice; less than RFC 5322 allows, so that a URL around one stays
/// readable.
fn is_local(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '.' | '_' | '+' | '-' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: &str) {
        let mut out = String::from("before ");
        append(&mut out, format_args!("{value}"));
        assert_eq!(out, format!("before {expected}"));
    }

    #[test]
    fn nothing_ends_a_line_or_a_value() {
        check("plain text, as it is", "plain text, as it is");
        check("größer 字", "größer 字");
        check("a\nb\r\n\tc", r"a\nb\r\n\tc");
        check("\u{1b}[2J \0 \u{7f} \u{9b}31m", r"\u001b[2J \u0000 \u007f \u009b31m");
        check("a\u{2028}b\u{202e}c\u{2069}", r"a\u2028b\u202ec\u2069");
        check(r#"" level="error"#, r#"\" level=\"error"#);
        check(r"c:\n", r"c:\\n");
    }

    #[test]
    fn addresses_are_masked_wherever_they_come_from() {
        check("no student@example.com here", "no s***@example.com here");
        check("<a.b+c@x.org>,\"d@y\"", r#"<a***@x.org>,\"d***@y\""#);
        check("https://e.example/?email=student%40example.com&x=1", "https://e.example/?email=s***%40example.com&x=1");
        check("https://name:word@host/", "https://name:w***@host/");
        check("größe@example.com ünder@x", "g***@example.com ü***@x");
        check("a\nstudent@example.com", r"a\ns***@example.com");
        check("s***@example.com", "s***@example.com");
        for same in ["@media print", "100 % @ home", "50%40", "a@ b"] {
            check(same, same);
        }
    }

    #[test]
    fn long_and_broken_values_end() {
        struct Broken;
        impl fmt::Display for Broken {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half\n")?;
                Err(fmt::Error)
            }
        }
        let mut out = String::new();
        append(&mut out, format_args!("{Broken}"));
        assert_eq!(out, r"half\n<unprintable>");

        let mut out = String::new();
        append(&mut out, format_args!("{}", "é".repeat(MAX_VALUE_BYTES)));
        assert_eq!(out, "é".repeat(MAX_VALUE_BYTES / 2) + "…");
    }
}
