//! Whether a value that has a secret's form was meant as one.
//!
//! Texts about secrets are full of stand-ins, and pages of values that are long and harmless. What
//! is turned away here is listed in the crate's README.

/// Words in a value that its author meant as a stand-in. Long, so that chance does not write them.
const STAND_INS: &[&[u8]] = &[
    b"example",
    b"placeholder",
    b"changeme",
    b"change_me",
    b"change-me",
    b"redacted",
    b"replace_me",
    b"your_api",
    b"your-api",
];

/// The same, but only as a whole part of a value between `-`, `_` and `.`.
const STAND_IN_PARTS: &[&[u8]] = &[
    b"your", b"my", b"insert", b"dummy", b"fake", b"sample", b"foo", b"bar", b"here", b"todo", b"xxx", b"xxxx", b"abc",
    b"123",
];

/// Whole values, and beginnings of names, that stand in for a password or token.
const STAND_IN_VALUES: &[&str] =
    &["password", "passwd", "pass", "pwd", "secret", "token", "your", "my", "xxx", "...", "user", "key", "api"];

/// Longer values are keys of many lines, where any short word turns up.
const MAX_READ_BYTES: usize = 300;

/// As many characters that follow each other in the alphabet or the digits were typed, not drawn.
const MAX_RUN: usize = 8;

/// The average information of a byte in bits, as Shannon defined it.
pub(crate) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let length = bytes.len() as f64;
    let used = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length);
    used.map(|share| -share * share.log2()).sum()
}

/// `AKIA...EXAMPLE`, `sk-ant-your-key-here`, `abcdefgh12345678`.
pub(crate) fn is_stand_in(secret: &[u8]) -> bool {
    let lower = secret.get(..secret.len().min(MAX_READ_BYTES)).unwrap_or_default().to_ascii_lowercase();
    let has_word = STAND_INS.iter().any(|word| memchr::memmem::find(&lower, word).is_some());
    let mut parts = lower.split(|byte| matches!(byte, b'-' | b'_' | b'.'));
    has_word || has_run(&lower) || parts.any(|part| STAND_IN_PARTS.contains(&part))
}

/// `user:password@`, `${TOKEN}`, `%s`, `your-token`: what a text about secrets writes.
pub(crate) fn is_stand_in_value(value: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    let named = STAND_IN_VALUES.iter().any(|word| {
        lower.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '.', 'x']))
    });
    let placed = lower.starts_with(['$', '[', '{', '<']) || lower.starts_with("&lt;") || lower.starts_with("%(");
    // `%s` and `%PASSWORD%`, and not an escape of a password's first character.
    let formatted = lower.starts_with('%') && (lower.len() <= 3 || lower.ends_with('%'));
    named || placed || formatted
}

/// Whether the characters change as they do when they are drawn, not as in words and numbers.
pub(crate) fn is_random(value: &[u8]) -> bool {
    let parts = value.split(|byte| matches!(byte, b'-' | b'_' | b'.' | b'/' | b':' | b'='));
    let Some(longest) = parts.max_by_key(|part| part.len()) else { return false };
    if longest.len() < MIN_PART_BYTES {
        return false;
    }
    let classes: Vec<u8> = longest.iter().map(class).collect();
    let changes = classes.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64 / (longest.len() - 1) as f64;
    let has = |class: u8| classes.contains(&class);
    let least = if has(UPPER) && has(LOWER) { MIXED_CASE_CHANGES } else { ONE_CASE_CHANGES };
    changes >= least && (has(DIGIT) || changes >= WITHOUT_DIGITS_CHANGES)
}

/// Words are shorter, whatever joins them.
const MIN_PART_BYTES: usize = 12;

/// Drawn letters of both cases and digits change class at 0.62 of all places, `camelCaseWithWords2`
/// at about 0.25.
const MIXED_CASE_CHANGES: f64 = 0.35;

/// Drawn from 26 letters and 10 digits: 0.40; hexadecimal: 0.47.
const ONE_CASE_CHANGES: f64 = 0.2;

/// One of thirty random values of 20 characters has no digit; its case changes at every second place.
const WITHOUT_DIGITS_CHANGES: f64 = 0.5;

const LOWER: u8 = 0;
const UPPER: u8 = 1;
const DIGIT: u8 = 2;
const OTHER: u8 = 3;

fn class(byte: &u8) -> u8 {
    match byte {
        b'a'..=b'z' => LOWER,
        b'A'..=b'Z' => UPPER,
        b'0'..=b'9' => DIGIT,
        _ => OTHER,
    }
}

fn has_run(lower: &[u8]) -> bool {
    let mut run = 1;
    lower.windows(2).any(|pair| {
        let follows = pair[0].is_ascii_alphanumeric() && pair[1] == pair[0] + 1;
        run = if follows { run + 1 } else { 1 };
        run >= MAX_RUN
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_shannons() {
        for (bytes, expected) in [("", 0.0), ("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0), ("aaab", 0.811)] {
            assert!((entropy(bytes.as_bytes()) - expected).abs() < 0.001, "{bytes}");
        }
    }

    #[test]
    fn stand_ins_are_told_from_drawn_values() {
        for stand_in in ["AKIAIOSFODNN7EXAMPLE", "sk-ant-your-key-here", "ghp_abcdefghij", "tok_12345678", "a.fake.one"]
        {
            assert!(is_stand_in(stand_in.as_bytes()), "{stand_in}");
        }
        for drawn in ["q7Zk2Lw9Xc4Vb8Nm", "fakery", "yourself", "1234567x8"] {
            assert!(!is_stand_in(drawn.as_bytes()), "{drawn}");
        }
    }

    #[test]
    fn words_are_told_from_drawn_values() {
        for words in [
            "Oauth2ClientCredentials",
            "KeyValueStoreList.NextMarker",
            "user-2-password-reset-v3",
            "response.data.token",
            "correcthorsebattery",
            "short1",
        ] {
            assert!(!is_random(words.as_bytes()), "{words}");
        }
        for drawn in ["q7Zk2Lw9Xc4Vb8Nm", "9f8e7d6c5b4a3c2d", "QkXwZrTyLmNpVbCs-aB", "a7c2k9d4m1x8p3z6"] {
            assert!(is_random(drawn.as_bytes()), "{drawn}");
        }
    }
}
