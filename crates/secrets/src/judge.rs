//! What decides about a match beside its pattern.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::bytes::Captures;

use crate::plausible;
use crate::rules::{Judge, NEAR_BYTES};

/// Claims of tokens that are made for browsers (Supabase's) or stand in documentation (jwt.io's).
const PUBLIC_CLAIMS: &[&str] = &[r#""role":"anon""#, r#""sub":"1234567890""#];

/// Names that nobody owns: <https://www.rfc-editor.org/rfc/rfc2606>.
const DOCUMENTED_HOSTS: &[&str] = &["example.com", "example.org", "example.net", "example", "invalid", "test"];

/// Words that values hold when they speak of secrets.
const TALK: &[&str] = &["password", "passwd", "secret", "token"];

/// Parts of names whose values are public or say something about a secret without being one.
const HARMLESS_NAMES: &[&str] = &[
    "public",
    "publishable",
    "sitekey",
    "site_key",
    "site-key",
    "anon",
    "hash",
    "digest",
    "checksum",
    "fingerprint",
    "integrity",
    "sha1",
    "sha256",
    "sha512",
    "md5",
    "etag",
    "csrf",
    "xsrf",
    "nonce",
    "placeholder",
    "example",
    "address",
    "contract",
    "cursor",
    "nextpage",
    "next_page",
    "pagetoken",
    "page_token",
    "continuation",
    "measurement",
    "keyword",
];

/// Names that end so name a secret's number, not the secret.
const HARMLESS_ENDS: &[&str] = &["id", "ids", "url", "uri", "path", "type", "name", "file"];

/// Beginnings of values that another rule judges, or that are public by design: digests, addresses, publishable keys.
const HARMLESS_VALUES: &[&str] = &[
    "AIza",
    "eyJ",
    "NRJS-",
    "pk_",
    "pk.",
    "pk-lf-",
    "phc_",
    "sb_publishable_",
    "sha256-",
    "sha384-",
    "sha512-",
    "$2",
    "data:",
    "http:",
    "https:",
    "//",
    "./",
    "../",
    "/",
    "#",
    "0x",
    "ssh-",
    "AAAAB3",
    "AAAAC3",
    "G-",
    "UA-",
    "GTM-",
    "urn:",
];

/// Hexadecimal digits of the digests in use; such a value is a secret only under a name that leaves no doubt.
const DIGEST_DIGITS: &[usize] = &[32, 40, 56, 64, 96, 128];

/// Names that leave none.
const SURE_NAMES: &[&str] =
    &["secret", "passw", "pwd", "api", "access", "auth", "private", "encryption", "signing", "master"];

/// What `judge` says of the match.
pub(crate) fn is_secret(judge: Judge, hit: &Captures<'_>, secret: &[u8]) -> bool {
    match judge {
        Judge::Pattern => true,
        Judge::Claims => !has_public_claims(secret),
        Judge::Login => hit.name("user").is_none_or(|user| user.as_bytes() != secret) && !names_no_host(hit),
        Judge::Assignment => hit.name("name").is_some_and(|name| is_assigned(name.as_bytes(), secret)),
    }
}

/// Whether one of `words` stands near `place`.
pub(crate) fn is_public(words: &[&str], bytes: &[u8], place: Range<usize>) -> bool {
    if words.is_empty() {
        return false;
    }
    let (from, to) = (place.start.saturating_sub(NEAR_BYTES), (place.end + NEAR_BYTES).min(bytes.len()));
    let near = bytes.get(from..to).unwrap_or_default().to_ascii_lowercase();
    words.iter().any(|word| memchr::memmem::find(&near, word.to_ascii_lowercase().as_bytes()).is_some())
}

fn names_no_host(hit: &Captures<'_>) -> bool {
    let host = hit.name("host").map(|host| String::from_utf8_lossy(host.as_bytes()).to_ascii_lowercase());
    let of =
        |host: &str, name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    host.is_some_and(|host| DOCUMENTED_HOSTS.iter().any(|name| of(&host, name)))
}

fn has_public_claims(token: &[u8]) -> bool {
    let claims = token.split(|byte| *byte == b'.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = claims.map(|claims| String::from_utf8_lossy(&claims).replace([' ', '\n'], "")).unwrap_or_default();
    PUBLIC_CLAIMS.iter().any(|public| claims.contains(public))
}

fn is_assigned(name: &[u8], value: &[u8]) -> bool {
    let (name, value) = (String::from_utf8_lossy(name).to_ascii_lowercase(), String::from_utf8_lossy(value));
    let harmless_name = HARMLESS_NAMES.iter().any(|word| name.contains(word));
    let harmless_end = HARMLESS_ENDS.iter().any(|end| name.ends_with(end));
    let harmless_value = HARMLESS_VALUES.iter().any(|start| value.starts_with(start));
    let doubtful = is_digest(&value) && !SURE_NAMES.iter().any(|word| name.contains(word));
    let talks = TALK.iter().any(|word| value.to_ascii_lowercase().contains(word));
    !talks
        && !harmless_name
        && !harmless_end
        && !harmless_value
        && !doubtful
        && !is_uuid(&value)
        && plausible::is_random(value.as_bytes())
}

fn is_digest(value: &str) -> bool {
    DIGEST_DIGITS.contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(value: &str) -> bool {
    let groups: Vec<_> = value.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && value.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_value_make_a_secret_together() {
        let (drawn, hex, uuid) =
            ("q7Zk2Lw9Xc4Vb8Nm5T", "9f8e7d6c5b4a3c2d1e0f9a8b7c6d5e4f", "550e8400-e29b-41d4-a716-446655440000");
        for (name, value, expected) in [
            ("api_key", drawn, true),
            ("clientSecret", drawn, true),
            ("token", drawn, true),
            ("apiKey", hex, true),
            ("token", hex, false),
            ("api_key", uuid, false),
            ("public_key", drawn, false),
            ("password_hash", drawn, false),
            ("token_id", drawn, false),
            ("secret", "https://example.com/q7Zk2Lw9Xc4Vb8", false),
            ("password", "SomeKindOfPassword123!", false),
        ] {
            assert_eq!(is_assigned(name.as_bytes(), value.as_bytes()), expected, "{name} {value}");
        }
    }

    #[test]
    fn neighbours_and_claims_make_a_value_public() {
        assert!(is_public(&["authDomain"], b"AUTHDOMAIN: 1, key: 2", 15..16));
        assert!(!is_public(&["authDomain"], b"key: 2", 0..1) && !is_public(&[], b"", 0..0));
        let token = |claims: &str| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims));
        assert!(has_public_claims(token(r#"{"role": "anon"}"#).as_bytes()));
        assert!(!has_public_claims(token(r#"{"role":"service_role"}"#).as_bytes()));
        assert!(!has_public_claims(b"no token"));
    }
}
