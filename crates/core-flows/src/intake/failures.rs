//! What is wrong with a request, all of it, in words that help and never quote a secret.
//!
//! Names are quoted, cut to [`QUOTE_MAX`] characters and with everything unprintable escaped; of the
//! brief, of checks, addresses and attachments only sizes and kinds are told. A text that holds the
//! request's secret is not quoted wherever it stands: issuers do mix fields up. No other secret is
//! looked for, or whether a text is quoted would tell a stranger whether it holds one of ours.

use std::fmt::{self, Display};

use ports::Refusal;
use serde_json::Value;
use shared_types::http::FieldError;

/// Characters of a text that a message shows.
const QUOTE_MAX: usize = 60;

/// The longest registered scheme has 36 characters, those that anybody sends here at most 20.
const SCHEME_MAX: usize = 20;

/// Failures found so far.
pub(super) struct Failures<'a> {
    secret: Option<&'a str>,
    invalid: Vec<FieldError>,
    too_large: Vec<FieldError>,
}

/// Which part of the body: a JSON pointer (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer(String);

impl Pointer {
    /// The whole body.
    pub(super) fn root() -> Self {
        Self(String::new())
    }

    /// The member `name` of this object.
    pub(super) fn member(&self, name: &str) -> Self {
        Self(format!("{}/{}", self.0, name.replace('~', "~0").replace('/', "~1")))
    }

    /// The item `index` of this list.
    pub(super) fn item(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }
}

impl<'a> Failures<'a> {
    /// None yet, in this body.
    pub(super) fn of(body: &'a Value) -> Self {
        let secret = body.get("secret").and_then(Value::as_str).map(str::trim).filter(|secret| !secret.is_empty());
        Self { secret, invalid: Vec::new(), too_large: Vec::new() }
    }

    pub(super) fn invalid(&mut self, pointer: Pointer, detail: impl Display) {
        self.invalid.push(FieldError { pointer: pointer.0, detail: detail.to_string() });
    }

    pub(super) fn too_large(&mut self, pointer: Pointer, detail: impl Display) {
        self.too_large.push(FieldError { pointer: pointer.0, detail: detail.to_string() });
    }

    /// `: "text"`, to stand after what was found in it; nothing when it may not be shown.
    pub(super) fn quote(&self, text: &str) -> String {
        let text = text.trim();
        if text.is_empty() || self.shows_secret(text) {
            return String::new();
        }
        let mut escaped: String = text.chars().take(QUOTE_MAX).flat_map(char::escape_debug).collect();
        if text.chars().nth(QUOTE_MAX).is_some() {
            escaped.push_str("...");
        }
        format!(": \"{escaped}\"")
    }

    /// `the scheme https`, that of `url`. In a text such as `word:more`, what stands for the scheme
    /// may be anything.
    pub(super) fn scheme(&self, scheme: &str, url: &str) -> String {
        let shown = scheme.len() <= SCHEME_MAX && !self.shows_secret(url.trim());
        if shown { format!("the scheme {scheme}") } else { "another scheme".to_owned() }
    }

    /// Whether the request's secret, in upper or lower case, begins within the part of `text` that
    /// would be shown.
    fn shows_secret(&self, text: &str) -> bool {
        let reach = |secret: usize| text.chars().take(QUOTE_MAX.saturating_add(secret)).collect::<String>();
        let holds = |secret: &str| reach(secret.chars().count()).to_lowercase().contains(&secret.to_lowercase());
        self.secret.is_some_and(holds)
    }

    /// 413 when sizes are all that failed, else 400 with everything.
    pub(super) fn refusal(mut self) -> Refusal {
        if self.invalid.is_empty() {
            return Refusal::TooLarge(self.too_large);
        }
        self.invalid.append(&mut self.too_large);
        Refusal::Invalid(self.invalid)
    }
}

/// What came where something else was expected: kind and size, never content.
pub(super) struct Came<'a>(pub(super) Option<&'a Value>);

impl Display for Came<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("nothing: the field is missing"),
            Some(Value::Null) => f.write_str("null"),
            Some(Value::Bool(_)) => f.write_str("a boolean"),
            Some(Value::Number(_)) => f.write_str("a number"),
            Some(Value::String(text)) if text.is_empty() => f.write_str("an empty text"),
            Some(Value::String(text)) if text.trim().is_empty() => f.write_str("a text of white space only"),
            Some(Value::String(text)) => write!(f, "a text of {}", count(text.chars().count(), "character")),
            Some(Value::Array(items)) if items.is_empty() => f.write_str("an empty list"),
            Some(Value::Array(items)) => write!(f, "a list of {}", count(items.len(), "item")),
            Some(Value::Object(members)) => write!(f, "an object of {}", count(members.len(), "member")),
        }
    }
}

/// `1 byte`, `2 bytes`.
pub(super) fn count(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_escape_what_has_a_meaning_in_them() {
        let pointer = Pointer::root().member("attachments").item(0).member("a/b~c");
        assert_eq!(pointer.0, "/attachments/0/a~1b~0c");
    }

    #[test]
    fn quotes_are_short_printable_and_never_hold_a_secret() {
        let sent = ["correct", "horse"].concat();
        let body = json!({ "secret": format!(" {sent} ") });
        let failures = Failures::of(&body);
        for (text, quoted) in [
            (" a/b ", ": \"a/b\"".to_owned()),
            ("\u{202e}\0\"", ": \"\\u{202e}\\0\\\"\"".to_owned()),
            (&"x".repeat(61), format!(": \"{}...\"", "x".repeat(60))),
            (&format!("{}{sent}", "x".repeat(50)), String::new()),
            (&sent.to_uppercase(), String::new()),
            (" ", String::new()),
        ] {
            assert_eq!(failures.quote(text), quoted, "{text}");
        }
        for (url, scheme, shown) in [
            ("FTP://example.com", "ftp", "the scheme ftp"),
            (&format!("{sent}:x"), &sent, "another scheme"),
            ("long", &"x".repeat(21), "another scheme"),
        ] {
            assert_eq!(failures.scheme(scheme, url), shown, "{url}");
        }
    }
}
