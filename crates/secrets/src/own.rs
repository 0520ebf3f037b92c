//! Our own secrets, in every form in which they could slip out.

use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ports::SecretSearch;
use regex::bytes::{Regex, RegexBuilder};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Error, redaction};

/// A shorter secret would be found in innocent text.
pub(crate) const MIN_BYTES: usize = 8;

/// Room for some hundred long tokens in all their forms.
const SIZE_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// What `encodeURIComponent` escapes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Finds any form of any of `secrets`; `None` when none is long enough to look for.
pub(crate) fn search<'a>(secrets: impl Iterator<Item = &'a SecretString>) -> Result<Option<Regex>, Error> {
    let long_enough = secrets.map(|secret| secret.expose_secret().trim()).filter(|secret| secret.len() >= MIN_BYTES);
    let mut forms: Vec<String> = long_enough.flat_map(forms).collect::<BTreeSet<_>>().into_iter().collect();
    if forms.is_empty() {
        return Ok(None);
    }
    // The first alternative that matches wins: the longest must come first.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let pattern: Vec<_> = forms.iter().map(|form| regex::escape(form)).collect();
    let search = RegexBuilder::new(&pattern.join("|")).size_limit(SIZE_LIMIT_BYTES).build();
    search.map(Some).map_err(|_quotes_the_secrets| Error::OwnSecrets)
}

/// Finds one secret in any form. For a secret that is at hand for one request only: little is prepared, and
/// what is prepared goes with the request.
pub(crate) struct Search(Vec<memmem::Finder<'static>>);

impl Search {
    pub(crate) fn new(secret: &SecretString) -> Self {
        let secret = secret.expose_secret().trim();
        let forms = if secret.len() < MIN_BYTES { BTreeSet::new() } else { forms(secret) };
        Self(forms.iter().map(|form| memmem::Finder::new(form).into_owned()).collect())
    }

    /// Every place, unordered.
    fn places(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let of = |form: &memmem::Finder<'_>| {
            let length = form.needle().len();
            form.find_iter(bytes).map(|start| start..start + length).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }
}

impl SecretSearch for Search {
    fn is_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|form| form.find(bytes).is_some())
    }

    fn redact(&self, text: &str) -> String {
        redaction::replaced(text, self.places(text.as_bytes()))
    }
}

fn forms(secret: &str) -> BTreeSet<String> {
    let bytes = secret.as_bytes();
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        hex::encode(bytes),
        hex::encode_upper(bytes),
        in_json(secret),
        in_html(secret),
    ]);
    for escaped in [COMPONENT, NON_ALPHANUMERIC] {
        let escaped = utf8_percent_encode(secret, escaped).to_string();
        forms.extend([in_lower_case(&escaped), escaped.replace("%20", "+"), escaped]);
    }
    for offset in 0..3 {
        forms.insert(base64_at(bytes, offset, |padded| STANDARD_NO_PAD.encode(padded)));
        forms.insert(base64_at(bytes, offset, |padded| URL_SAFE_NO_PAD.encode(padded)));
    }
    forms
}

/// As inside a text of JSON or JavaScript.
fn in_json(secret: &str) -> String {
    secret.replace('\\', r"\\").replace('"', r#"\""#)
}

/// As inside a text or attribute of HTML.
fn in_html(secret: &str) -> String {
    secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// With the digits of its escapes in small letters, as some languages write them.
fn in_lower_case(escaped: &str) -> String {
    let mut parts = escaped.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        text + "%" + &digits.to_ascii_lowercase() + rest
    })
}

/// The base64 digits that belong to `bytes` alone when `offset` other bytes come before it, as
/// inside an encoded `user:secret`. Digits shared with neighbours are left out.
fn base64_at(bytes: &[u8], offset: usize, encode: impl Fn(&[u8]) -> String) -> String {
    const BITS_PER_DIGIT: usize = 6;
    let padded = [vec![0; offset].as_slice(), bytes].concat();
    let first = (offset * 8).div_ceil(BITS_PER_DIGIT);
    let end = padded.len() * 8 / BITS_PER_DIGIT;
    encode(&padded).chars().take(end).skip(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found_and_short_secrets_are_not_looked_for() {
        let secret = ["correct horse/", "+battery~staple"].concat();
        let search = search([SecretString::from(secret.clone()), "short".into()].iter()).unwrap().unwrap();
        let found = |text: &str| {
            let at_hand = Search::new(&SecretString::from(secret.clone()));
            assert_eq!(at_hand.is_in(text.as_bytes()), search.is_match(text.as_bytes()), "{text}");
            let clean = at_hand.redact(text);
            assert!(!at_hand.is_in(clean.as_bytes()) && !search.is_match(clean.as_bytes()), "{clean}");
            at_hand.is_in(text.as_bytes())
        };

        for text in [
            secret.clone(),
            hex::encode(&secret),
            hex::encode_upper(&secret),
            "correct%20horse%2F%2Bbattery~staple".to_owned(),
            "correct%20horse%2F%2Bbattery%7Estaple".to_owned(),
            "correct%20horse%2f%2bbattery~staple".to_owned(),
            "correct+horse%2F%2Bbattery~staple".to_owned(),
        ] {
            assert!(found(&format!("x{text}y")), "{text}");
        }
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "z", "yz", "xyz"] {
                let text = format!("{before}{secret}{after}");
                assert!(found(&STANDARD_NO_PAD.encode(&text)), "{text}");
                assert!(found(&URL_SAFE_NO_PAD.encode(&text)), "{text}");
            }
        }
        for text in ["short", "correct horse", "", &hex::encode("short")] {
            assert!(!found(text), "{text}");
        }
    }

    #[test]
    fn a_secret_with_marks_is_found_as_json_and_html_write_it() {
        let search = Search::new(&["a\"b<c>&", "d\\efgh"].concat().into());
        for text in ["a\\\"b<c>&d\\\\efgh", "a&quot;b&lt;c&gt;&amp;d\\efgh"] {
            assert!(search.is_in(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn nothing_to_look_for_is_no_search() {
        assert!(search([SecretString::from("1234567")].iter()).unwrap().is_none());
        for short in ["1234567", "", "       1       "] {
            assert!(!Search::new(&short.into()).is_in(b"1234567       1       "), "{short}");
        }
    }
}
