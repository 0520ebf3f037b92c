//! Paths inside a published site: relative, confined, the same on every system.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::InvalidText;

/// A file's place in the site, such as `assets/data.csv`.
///
/// Invariant: 1 to 200 bytes, segments joined by `/`, no segment empty, `.`, `..`, `.git` or
/// ending in a dot or space, no control character and none of `\ : * ? " < > |`, and no name that
/// Windows reserves (`CON`, `NUL`, ...), so that any clone of the repository can hold it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "assets/data.csv")]
pub struct SitePath(String);

const RESERVED: [&str; 22] = [
    "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "LPT1", "LPT2",
    "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];

impl SitePath {
    /// The whole path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// What follows the last dot of the file name, in lower case; empty when there is none.
    #[must_use]
    pub fn extension(&self) -> String {
        match self.file_name().rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => extension.to_ascii_lowercase(),
            _ => String::new(),
        }
    }
}

fn segment_is_sound(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment);
    !segment.is_empty()
        && !matches!(segment, "." | "..")
        && !segment.eq_ignore_ascii_case(".git")
        && !segment.ends_with(['.', ' '])
        && !segment.starts_with(' ')
        && !segment.chars().any(|c| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|'))
        && !RESERVED.iter().any(|name| stem.trim_end().eq_ignore_ascii_case(name))
}

impl FromStr for SitePath {
    type Err = InvalidText;
    fn from_str(text: &str) -> Result<Self, InvalidText> {
        if text.len() <= 200 && text.split('/').all(segment_is_sound) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidText("a relative path of at most 200 bytes that stays inside the site"))
        }
    }
}

impl TryFrom<String> for SitePath {
    type Error = InvalidText;
    fn try_from(text: String) -> Result<Self, InvalidText> {
        text.parse()
    }
}

impl From<SitePath> for String {
    fn from(path: SitePath) -> Self {
        path.0
    }
}

impl fmt::Display for SitePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SitePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_the_site() {
        for good in ["index.html", "a/b/c.txt", ".nojekyll", ".github/workflows/pages.yml", "ünï.txt", "console.js"] {
            assert!(good.parse::<SitePath>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a\\b",
            "C:\\x",
            "CON",
            "con.txt",
            "nul",
            ".git/config",
            "x\0",
            "a/",
            "dot.",
            "a/.GIT/x",
        ] {
            assert!(bad.parse::<SitePath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_extension_is_what_follows_the_last_dot() {
        for (path, extension) in [("a/B.HTML", "html"), (".nojekyll", ""), ("LICENSE", ""), ("x.tar.gz", "gz")] {
            assert_eq!(path.parse::<SitePath>().unwrap().extension(), extension, "{path}");
        }
    }
}
