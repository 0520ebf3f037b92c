//! Identifiers. Each is checked when it is made and cheap to copy or clone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use ulid::Ulid;
use utoipa::ToSchema;

/// A text is not an identifier of the kind it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}")]
pub struct InvalidId {
    /// What was expected, with its article.
    pub expected: &'static str,
}

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[schema(
            value_type = String,
            example = "01JD3T0M4QZ8V5W9R2K7XH1C6N",
            pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
        )]
        pub struct $name(Ulid);

        impl $name {
            /// Made of a time in milliseconds since the epoch and 80 random bits.
            #[must_use]
            pub fn from_parts(unix_ms: u64, random: u128) -> Self {
                Self(Ulid::from_parts(unix_ms, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Ulid::from_string(text).map(Self).map_err(|_| InvalidId { expected: $expected })
            }
        }
    };
}

ulid_id!(
    /// One accepted request: one round of one task. Its flow carries the same id.
    TaskId,
    "a task id (ULID)"
);
ulid_id!(
    /// One event.
    EventId,
    "an event id (ULID)"
);

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $digits:literal, $expected:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, example = $example)]
        pub struct $name(String);

        impl $name {
            /// The lower-case hexadecimal digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let hexadecimal = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if text.len() == $digits && hexadecimal {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { expected: $expected })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

hex_id!(
    /// W3C trace id: follows a task through logs, events, commits and answers.
    TraceId,
    32,
    "a trace id (32 hexadecimal digits)",
    "4bf92f3577b34da6a3ce929d0e0e4736"
);
hex_id!(
    /// SHA-256 of some bytes, the address of a blob.
    Digest,
    64,
    "a SHA-256 (64 hexadecimal digits)",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
);
hex_id!(
    /// SHA-1 of a git commit.
    CommitSha,
    40,
    "a commit id (40 hexadecimal digits)",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709"
);

impl TraceId {
    /// The trace id of these 128 random bits. Never the invalid all-zero id.
    #[must_use]
    pub fn from_random(random: u128) -> Self {
        Self(format!("{:032x}", random.max(1)))
    }
}

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(sha2::Sha256::digest(bytes)))
    }
}

/// Fencing token of a flow: grows with each claim; only the holder of the greatest may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_ids_are_read() {
        fn check<T: FromStr + fmt::Display>(text: &str, accepted: bool) {
            match text.parse::<T>() {
                Ok(id) => assert!(accepted && id.to_string() == text, "{text} was accepted"),
                Err(_) => assert!(!accepted, "{text} was refused"),
            }
        }
        check::<TraceId>(&"0a".repeat(16), true);
        check::<TraceId>(&"0A".repeat(16), false);
        check::<TraceId>("", false);
        check::<CommitSha>(&"f".repeat(40), true);
        check::<CommitSha>(&"f".repeat(41), false);
        check::<Digest>(&"g".repeat(64), false);
        check::<TaskId>("01JD3T0M4QZ8V5W9R2K7XH1C6N", true);
        check::<TaskId>("../../etc/passwd", false);
    }
}
