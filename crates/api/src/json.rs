//! JSON from strangers: bounded in depth and in number of values before memory is spent on it.
//!
//! A body within the byte limit could still hold tens of millions of tiny values, each of which costs some ten times
//! its text once parsed. So they are counted first.

use serde_json::Value;

/// Values in one body. Real requests hold about a hundred.
const MAX_VALUES: usize = 100_000;

/// Where and why a text is not the JSON that is taken here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// From 1; 0 for an empty text.
    pub(crate) line: usize,
    /// Byte in the line, from 1.
    pub(crate) column: usize,
    /// Never quotes the text.
    pub(crate) reason: String,
}

/// Parses one document of at most 128 levels (serde_json's limit) and [`MAX_VALUES`] values. The last of several
/// equal keys wins.
pub(crate) fn parse(text: &[u8]) -> Result<Value, Malformed> {
    let malformed = |at, reason| {
        let (line, column) = position(text, at);
        Malformed { line, column, reason }
    };
    let utf8 = std::str::from_utf8(text).map_err(|error| malformed(error.valid_up_to(), "not UTF-8".to_owned()))?;
    if let Some(at) = first_beyond(text, MAX_VALUES) {
        return Err(malformed(at, format!("more than {MAX_VALUES} values")));
    }
    serde_json::from_str(utf8).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let reason = error.to_string().replace(&place, "");
        Malformed { line: error.line(), column: error.column(), reason }
    })
}

/// The offset of the delimiter with which the text has more than `limit` values. Each value but the first of its
/// list follows a comma, and each first one an opening bracket; counting both also for objects errs to the safe side.
fn first_beyond(text: &[u8], limit: usize) -> Option<usize> {
    let (mut at, mut values) = (0, 0_usize);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = end_of_string(text, at + 1),
            b',' | b'[' | b'{' => {
                values += 1;
                if values > limit {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The quote that ends the string whose text begins at `at`, or the end of the text. Nearly all of a large body is one
/// string, so it is walked from one quote or backslash to the next.
fn end_of_string(text: &[u8], mut at: usize) -> usize {
    while let Some(next) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += next;
        if text.get(at) == Some(&b'"') {
            return at;
        }
        // What a backslash escapes ends nothing.
        at += 2;
    }
    text.len()
}

fn position(text: &[u8], at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], expected: Result<Value, (usize, usize, &str)>) {
        let got = parse(text);
        match expected {
            Ok(value) => assert_eq!(got, Ok(value)),
            Err((line, column, reason)) => {
                assert_eq!(got, Err(Malformed { line, column, reason: reason.to_owned() }));
            }
        }
    }

    #[test]
    fn malformed_text_is_placed_and_never_quoted() {
        check(b"", Err((1, 0, "EOF while parsing a value")));
        check(b"{\n \"secret\": hunter2}", Err((2, 12, "expected value")));
        check(b"{} {}", Err((1, 4, "trailing characters")));
        check(b"{\"a\": \"\xff\xfe\"}", Err((1, 8, "not UTF-8")));
        check(b"[1e999]", Err((1, 6, "number out of range")));
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        check(br#"{"a": 1, "a": 2}"#, Ok(serde_json::json!({"a": 2})));
    }

    #[test]
    fn bombs_are_refused_before_they_are_built() {
        check("[".repeat(100_000).as_bytes(), Err((1, 128, "recursion limit exceeded")));
        let wide = format!("[\n{}0]", "0,".repeat(MAX_VALUES));
        check(wide.as_bytes(), Err((2, 2 * MAX_VALUES, "more than 100000 values")));
    }

    #[test]
    fn punctuation_in_texts_is_no_value() {
        let text = format!(r#"{{"brief": "\"[{}"}}"#, "{,[".repeat(MAX_VALUES));
        assert!(parse(text.as_bytes()).is_ok());
        for (text, at) in [(r#"["\\",0]"#, Some(5)), (r#"["\"",0]"#, Some(5)), (r#"[",","#, Some(4)), (r#"["\"#, None)]
        {
            assert_eq!(first_beyond(text.as_bytes(), 1), at, "{text}");
        }
    }
}
