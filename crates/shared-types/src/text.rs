//! Texts of a request that have a form: once made, the type is the proof.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text does not have the form its type demands. Shows one character of it at most, so that
/// texts which nobody else may see can be spoken of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {found}")]
pub struct InvalidText {
    /// What is expected, with its article.
    pub expected: &'static str,
    /// The first thing that is wrong.
    pub found: Found,
}

/// What came instead of the form that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing at all, or white space only.
    Nothing,
    /// This many characters.
    Characters(usize),
    /// This many bytes.
    Bytes(usize),
    /// A character that has no place here, and where it stands, from 1.
    Character(char, usize),
    /// Something about the whole, as the end of "got ...".
    Form(&'static str),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Nothing => f.write_str("an empty text"),
            Self::Characters(count) => write!(f, "{count} characters"),
            Self::Bytes(count) => write!(f, "{count} bytes"),
            // Many characters look like another one: beyond ASCII the number says which it is.
            Self::Character(c, place) if !c.is_ascii() => {
                write!(f, "'{}' (U+{:04X}) as character {place}", c.escape_debug(), u32::from(c))
            }
            Self::Character(c, place) => write!(f, "'{}' as character {place}", c.escape_debug()),
            Self::Form(form) => f.write_str(form),
        }
    }
}

/// The first character of `text` that `is_foreign` picks, with its place.
pub(crate) fn foreign(text: &str, is_foreign: impl Fn(char) -> bool) -> Option<Found> {
    let (place, c) = text.chars().enumerate().find(|(_, c)| is_foreign(*c))?;
    Some(Found::Character(c, place + 1))
}

/// Which pass over a task this is. Invariant: `1 <= n && n <= Round::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schema(value_type = u32, minimum = 1, maximum = 99, example = 1)]
pub struct Round(u8);

impl Round {
    /// The first build.
    pub const FIRST: Self = Self(1);
    /// More revisions of one site than any course gives; a bound against nonsense.
    pub const MAX: u32 = 99;

    /// The number, from 1.
    #[must_use]
    pub fn get(self) -> u32 {
        u32::from(self.0)
    }

    /// Whether this is the first build.
    #[must_use]
    pub fn is_first(self) -> bool {
        self == Self::FIRST
    }
}

impl TryFrom<u32> for Round {
    type Error = InvalidText;
    fn try_from(n: u32) -> Result<Self, InvalidText> {
        match u8::try_from(n) {
            Ok(small) if (1..=Self::MAX).contains(&n) => Ok(Self(small)),
            _ => Err(InvalidText { expected: "an integer from 1 to 99", found: Found::Form("another one") }),
        }
    }
}

impl From<Round> for u32 {
    fn from(round: Round) -> Self {
        round.get()
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $example:literal, $expected:literal, $fault:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, example = $example)]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidText;
            fn from_str(text: &str) -> Result<Self, InvalidText> {
                let fault: fn(&str) -> Option<Found> = $fault;
                let text = text.trim();
                let fault = if text.is_empty() { Some(Found::Nothing) } else { fault(text) };
                match fault {
                    None => Ok(Self(text.to_owned())),
                    Some(found) => Err(InvalidText { expected: $expected, found }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;
            fn try_from(text: String) -> Result<Self, InvalidText> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

text_type!(
    /// The instructor's name of a task: 1 to 100 of `[A-Za-z0-9._-]` after trimming, with at least
    /// one letter or digit (so that neither `.` nor `..` is a name).
    TaskName,
    "sales-summary-7f3a9",
    "1 to 100 of A-Z a-z 0-9 . _ - with at least one letter or digit",
    |text| {
        let length = || (text.len() > 100).then(|| Found::Characters(text.chars().count()));
        let unnamed = || (!text.contains(|c: char| c.is_ascii_alphanumeric())).then_some(NAMELESS);
        foreign(text, |c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-')).or_else(length).or_else(unnamed)
    }
);

/// A task's name is also that of its repository, which cannot be made of punctuation alone.
const NAMELESS: Found = Found::Form("none of them");

text_type!(
    /// The issuer's mark of one request, echoed in the notification: 1 to 200 printable ASCII
    /// characters without spaces (a UUID as a rule).
    Nonce,
    "0199c0de-0000-7000-8000-000000000001",
    "1 to 200 printable ASCII characters without spaces",
    |text| {
        let length = || (text.len() > 200).then(|| Found::Characters(text.chars().count()));
        foreign(text, |c| !c.is_ascii_graphic()).or_else(length)
    }
);

text_type!(
    /// An e-mail address: something on both sides of one `@`, no white space, at most 254 bytes.
    /// Display and Debug mask it; [`Email::as_str`] is the way to the whole address.
    Email,
    "student@example.com",
    "an e-mail address of at most 254 bytes",
    |text| {
        let sides = match text.split_once('@') {
            None => Some(Found::Form("a text without @")),
            Some((_, domain)) if domain.contains('@') => Some(Found::Form("more than one @")),
            Some(("", _)) => Some(Found::Form("nothing before the @")),
            Some((_, "")) => Some(Found::Form("nothing after the @")),
            Some(_) => None,
        };
        let length = || (text.len() > 254).then_some(Found::Bytes(text.len()));
        sides.or_else(length).or_else(|| foreign(text, |c| c.is_whitespace() || c.is_control()))
    }
);

impl fmt::Display for Email {
    /// Masked, for logs: `s***@example.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first: String = local.chars().take(1).collect();
        write!(f, "{first}***@{domain}")
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({self})")
    }
}

macro_rules! plain_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.0)
            }
        }
    };
}
plain_text!(TaskName);
plain_text!(Nonce);

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts what is wrong with `text`; nothing when it is accepted.
    #[track_caller]
    fn check<T: FromStr<Err = InvalidText>>(text: &str, found: &str) {
        let got = text.parse::<T>().err().map(|fault| fault.found.to_string());
        assert_eq!(got.unwrap_or_default(), found, "{text:?}");
    }

    #[test]
    fn task_names_cannot_leave_a_folder() {
        check::<TaskName>(" photo-card-5be11 ", "");
        check::<TaskName>("a.b_c-1", "");
        check::<TaskName>(&"x".repeat(100), "");
        check::<TaskName>(" \n", "an empty text");
        check::<TaskName>("..", "none of them");
        check::<TaskName>("---", "none of them");
        check::<TaskName>("../../etc/passwd", "'/' as character 3");
        check::<TaskName>("a b", "' ' as character 2");
        check::<TaskName>("a\0", "'\\0' as character 2");
        check::<TaskName>("photo\u{2011}card", "'\u{2011}' (U+2011) as character 6");
        check::<TaskName>(&"x".repeat(101), "101 characters");
    }

    #[test]
    fn nonces_are_printable() {
        check::<Nonce>("{any/thing}", "");
        check::<Nonce>(&"x".repeat(201), "201 characters");
        check::<Nonce>("a\u{202e}b", "'\\u{202e}' (U+202E) as character 2");
    }

    #[test]
    fn rounds_are_counted_from_one() {
        for (n, accepted) in [(0, false), (1, true), (99, true), (100, false), (257, false)] {
            assert_eq!(Round::try_from(n).is_ok(), accepted, "{n}");
        }
    }

    #[test]
    fn an_address_has_two_sides_and_no_white_space() {
        check::<Email>(" student@example.com", "");
        check::<Email>("jürgen@bücher.example", "");
        check::<Email>("nobody", "a text without @");
        check::<Email>("a@b@c", "more than one @");
        check::<Email>("@b", "nothing before the @");
        check::<Email>("a@", "nothing after the @");
        check::<Email>("a b@example.com", "' ' as character 2");
        check::<Email>(&format!("a@{}", "b".repeat(253)), "255 bytes");
    }

    #[test]
    fn an_address_is_masked_wherever_it_is_printed() {
        let email: Email = "student@example.com".parse().unwrap();
        assert_eq!(format!("{email} {email:?}"), "s***@example.com Email(s***@example.com)");
    }
}
