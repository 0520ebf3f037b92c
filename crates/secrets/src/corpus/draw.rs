//! Formats filled with drawn characters: `ghp_{a36}` is `ghp_` and 36 letters or digits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use rand::seq::IndexedRandom as _;

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// The alphabet that a letter in braces stands for.
fn alphabet(letter: char) -> Vec<u8> {
    let text = match letter {
        'a' => [LOWER, UPPER, DIGITS].concat(),
        'l' => [LOWER, DIGITS].concat(),
        'u' => [UPPER, DIGITS].concat(),
        'd' => DIGITS.to_owned(),
        'h' => [DIGITS, "abcdef"].concat(),
        'H' => [DIGITS, "ABCDEF"].concat(),
        'x' => [UPPER, "234567"].concat(),
        'b' => [LOWER, UPPER, DIGITS, "+/"].concat(),
        'w' => [LOWER, UPPER, DIGITS, "-_"].concat(),
        'p' => [LOWER, UPPER, DIGITS, "!%*+^~"].concat(),
        _ => String::new(),
    };
    text.into_bytes()
}

/// `count` characters of the alphabet that `letter` stands for.
pub(super) fn row(rng: &mut impl Rng, letter: char, count: usize) -> String {
    let alphabet = alphabet(letter);
    (0..count).filter_map(|_| alphabet.choose(rng).copied().map(char::from)).collect()
}

/// `format` with each `{a36}` filled; `{U}` is a UUID, `{J}` a signed token, `{K64}` lines of a key of 64 letters.
pub(super) fn fill(rng: &mut impl Rng, format: &str) -> String {
    let mut parts = format.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (field, rest) = part.split_once('}').unwrap_or((part, ""));
        text.push_str(&filled(rng, field));
        text.push_str(rest);
    }
    text
}

fn filled(rng: &mut impl Rng, field: &str) -> String {
    let letter = field.chars().next().unwrap_or_default();
    let count = field.get(letter.len_utf8()..).and_then(|count| count.parse().ok()).unwrap_or_default();
    match letter {
        'U' => uuid(rng),
        'J' => token(rng),
        'K' => (0..6).map(|_| row(rng, 'b', count)).collect::<Vec<_>>().join("\n"),
        _ => row(rng, letter, count),
    }
}

/// A random UUID, version 4.
fn uuid(rng: &mut impl Rng) -> String {
    let mut part = |count| row(rng, 'h', count);
    format!("{}-{}-4{}-a{}-{}", part(8), part(4), part(3), part(3), part(12))
}

/// A signed JSON Web Token with claims of a user.
fn token(rng: &mut impl Rng) -> String {
    signed(rng, r#"{"sub":"u-ROW","role":"editor","exp":1999999999}"#)
}

/// A token with `claims`, in which `ROW` is drawn.
pub(super) fn signed(rng: &mut impl Rng, claims: &str) -> String {
    let claims = claims.replace("ROW", &row(rng, 'l', 12));
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    format!("{header}.{}.{}", URL_SAFE_NO_PAD.encode(claims), row(rng, 'w', 43))
}

/// The digits of a number in base64, as a Discord bot's id stands in its token.
pub(super) fn id_in_base64(rng: &mut impl Rng) -> String {
    URL_SAFE_NO_PAD.encode(format!("1{}", row(rng, 'd', 17)))
}
