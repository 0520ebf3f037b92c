//! The text of an element: whether a program reads it as it should.

use std::sync::LazyLock;

use regex::Regex;
use shared_types::TextForm;

use crate::browser::Outcome;
use crate::text::brief;

/// Of a text, this much is shown as evidence, in characters.
const TEXT_CHARS: usize = 200;

/// Holds `text` against `form`.
pub(super) fn weigh(form: &TextForm, text: &str) -> Outcome {
    let text = text.trim();
    let (passed, strict) = match form {
        TextForm::NotEmpty => same(!text.is_empty()),
        TextForm::Integer { equals } => same(is_integer(text) && reads_as(text.parse().ok(), equals.as_deref())),
        TextForm::Number { equals } => number(text, equals.as_deref()),
        TextForm::Integers { count } => same(integers(text) >= *count as usize),
        TextForm::Equals { text: wanted } => (blanks(text) == blanks(wanted), text == wanted),
        TextForm::Contains { text: wanted } => (blanks(text).contains(&blanks(wanted)), text.contains(wanted.as_str())),
    };
    Outcome { passed, strict: passed && strict, evidence: format!("its text is \"{}\"", brief(text, TEXT_CHARS)) }
}

fn same(holds: bool) -> (bool, bool) {
    (holds, holds)
}

fn blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As Python's `int()` takes it, underscores aside.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `parseFloat` reads a beginning and leaves the rest, so `5 km` is read and `1,234` is read wrongly;
/// the strictest want the whole text to be a number.
fn number(text: &str, equals: Option<&str>) -> (bool, bool) {
    static BEGINNING: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?").ok());
    let Some(found) = BEGINNING.as_ref().and_then(|beginning| beginning.find(text)) else { return (false, false) };
    let rest = &text[found.end()..];
    let grouped = rest.strip_prefix([',', '\'', ' ', '\u{a0}', '\u{202f}']);
    let cut = grouped.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let passed = !cut && reads_as(found.as_str().parse().ok(), equals);
    (passed, rest.is_empty())
}

/// Equal to the precision in which the wanted number is written.
fn reads_as(number: Option<f64>, wanted: Option<&str>) -> bool {
    let Some(wanted) = wanted else { return number.is_some() };
    let decimals = wanted.split_once('.').map_or(0, |(_, digits)| digits.len());
    let precision = 0.5 * 10f64.powi(-i32::try_from(decimals).unwrap_or(0).min(15));
    match (number, wanted.parse::<f64>()) {
        (Some(number), Ok(wanted)) => (number - wanted).abs() < precision + f64::EPSILON * wanted.abs(),
        _ => false,
    }
}

fn integers(text: &str) -> usize {
    let runs = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    runs.filter(|run| !run.is_empty() && run.trim_end_matches('.').bytes().all(|byte| byte.is_ascii_digit())).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: &TextForm, text: &str, expected: (bool, bool)) {
        let outcome = weigh(form, text);
        assert_eq!((outcome.passed, outcome.strict), expected, "{form:?}: {text:?}");
    }

    #[test]
    fn numbers_as_programs_read_them() {
        let (yes, loose, no) = ((true, true), (true, false), (false, false));
        let integer = |equals: Option<&str>| TextForm::Integer { equals: equals.map(str::to_owned) };
        let number = |equals: Option<&str>| TextForm::Number { equals: equals.map(str::to_owned) };
        for (text, whole, real) in [
            ("5", yes, yes),
            (" -12 \n", yes, yes),
            ("25,000,000", no, no),
            ("1 234", no, no),
            ("12.5", no, yes),
            (".5", no, yes),
            ("12.5 km", no, loose),
            ("5, 6", no, loose),
            ("$12", no, no),
            ("twelve", no, no),
            ("", no, no),
        ] {
            check(&integer(None), text, whole);
            check(&number(None), text, real);
        }
        check(&number(Some("1301.15")), "1301.15", yes);
        check(&number(Some("1301.15")), "1301.1499999", yes);
        check(&number(Some("1301.15")), "1301.15 USD", loose);
        check(&number(Some("1301.15")), "1301.16", no);
        check(&number(Some("1301.15")), "1,301.15", no);
        check(&number(Some("5")), "5.00", yes);
        check(&integer(Some("5")), "5", yes);
        check(&integer(Some("5")), "6", no);
        check(&number(Some("much")), "5", no);
    }

    #[test]
    fn texts() {
        let (yes, loose, no) = ((true, true), (true, false), (false, false));
        check(&TextForm::NotEmpty, " x ", yes);
        check(&TextForm::NotEmpty, " \n", no);
        check(&TextForm::Integers { count: 2 }, "48x32", yes);
        check(&TextForm::Integers { count: 2 }, "48 by 3.5", no);
        check(&TextForm::Integers { count: 2 }, "48", no);
        check(&TextForm::Equals { text: "a b".to_owned() }, " a b ", yes);
        check(&TextForm::Equals { text: "a b".to_owned() }, "a\n b", loose);
        check(&TextForm::Equals { text: "a b".to_owned() }, "A b", no);
        check(&TextForm::Contains { text: "b".to_owned() }, "abc", yes);
        check(&TextForm::Contains { text: "b".to_owned() }, "ac", no);
    }
}
