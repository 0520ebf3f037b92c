//! Numbers as text.

/// The shortest text that reads back as the same number, as JavaScript writes it: without an exponent
/// from 1e-6 up to 1e21. Nothing for what is no number.
pub(super) fn shortest(value: f64) -> Option<String> {
    let plain = value == 0.0 || (1e-6..1e21).contains(&value.abs());
    match value {
        _ if !value.is_finite() => None,
        // A minus before zero says nothing in a table.
        0.0 => Some("0".to_owned()),
        _ if plain => Some(value.to_string()),
        _ => Some(format!("{value:e}")),
    }
}

/// Whether `text` is a number of JSON (RFC 8259, section 6): no leading zeros, plus signs, separators
/// or spaces.
pub(super) fn is_json(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}
