//! Texts of a request that have a form: once made, the type is the proof.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text does not have the form its type demands. The message says what is expected and never
/// quotes the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidText(pub &'static str);

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
            _ => Err(InvalidText("an integer from 1 to 99")),
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
    ($(#[$doc:meta])* $name:ident, $example:literal, $check:expr) => {
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
                let check: fn(&str) -> Result<(), InvalidText> = $check;
                let text = text.trim();
                check(text).map(|()| Self(text.to_owned()))
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
    |text| {
        let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        let named = text.bytes().any(|b| b.is_ascii_alphanumeric());
        if allowed && named && text.len() <= 100 {
            Ok(())
        } else {
            Err(InvalidText("1 to 100 of A-Z a-z 0-9 . _ - with at least one letter or digit"))
        }
    }
);

text_type!(
    /// The issuer's mark of one request, echoed in the notification: 1 to 200 printable ASCII
    /// characters without spaces (a UUID as a rule).
    Nonce,
    "0199c0de-0000-7000-8000-000000000001",
    |text| {
        if (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(())
        } else {
            Err(InvalidText("1 to 200 printable ASCII characters without spaces"))
        }
    }
);

text_type!(
    /// An e-mail address: something on both sides of one `@`, no white space, at most 254 bytes.
    /// Display and Debug mask it; [`Email::as_str`] is the way to the whole address.
    Email,
    "student@example.com",
    |text| {
        let sides = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        if sides && text.len() <= 254 && !text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            Ok(())
        } else {
            Err(InvalidText("an e-mail address of at most 254 bytes"))
        }
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

    fn check<T: FromStr>(text: &str, accepted: bool) {
        assert_eq!(text.parse::<T>().is_ok(), accepted, "{text:?}");
    }

    #[test]
    fn task_names_cannot_leave_a_folder() {
        check::<TaskName>(" photo-card-5be11 ", true);
        check::<TaskName>("a.b_c-1", true);
        for bad in ["", ".", "..", "---", "../../etc/passwd", "a b", "é", &"x".repeat(101)] {
            check::<TaskName>(bad, false);
        }
    }

    #[test]
    fn rounds_are_counted_from_one() {
        for (n, accepted) in [(0, false), (1, true), (99, true), (100, false), (257, false)] {
            assert_eq!(Round::try_from(n).is_ok(), accepted, "{n}");
        }
    }

    #[test]
    fn an_address_is_masked_wherever_it_is_printed() {
        check::<Email>("a b@example.com", false);
        check::<Email>("a@b@c", false);
        let email: Email = "student@example.com".parse().unwrap();
        assert_eq!(format!("{email} {email:?}"), "s***@example.com Email(s***@example.com)");
    }
}
