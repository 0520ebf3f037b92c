//! Paths inside a published site: relative, confined, the same on every system.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::{Found, InvalidText, foreign};

/// A file's place in the site, such as `assets/data.csv`.
///
/// Invariant: 1 to 200 bytes, segments joined by `/`, so that any clone of the repository can hold
/// it and nobody is deceived by it:
/// - no segment is empty, `.` or `..`, begins with a space or ends in a space or dot;
/// - no control character, none that turns the direction of writing, none of `\ : * ? " < > |`;
/// - no name that Windows reserves (`CON`, `NUL`, ...) and none that a file system takes for git's
///   own folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "assets/data.csv")]
pub struct SitePath(String);

/// With any extension, and in any case.
const RESERVED: [&str; 32] = [
    "CON", "PRN", "AUX", "NUL", "COM0", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "COM¹",
    "COM²", "COM³", "LPT0", "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9", "LPT¹", "LPT²",
    "LPT³", "CONIN$", "CONOUT$",
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

fn fault_of_segment(segment: &str) -> Option<&'static str> {
    let stem = segment.split('.').next().unwrap_or(segment).trim_end();
    match segment {
        "" => Some("an empty segment (`/` at an end, or two together)"),
        "." | ".." => Some("the segment `.` or `..`"),
        _ if is_gits_own(segment) => Some("a name of git's own"),
        _ if segment.starts_with(' ') => Some("a segment that begins with a space"),
        _ if segment.ends_with([' ', '.']) => Some("a segment that ends in a space or dot"),
        _ if RESERVED.iter().any(|name| stem.eq_ignore_ascii_case(name)) => Some("a name that Windows reserves"),
        _ => None,
    }
}

/// Whether some file system takes `segment` for `.git`: HFS+ skips characters that cannot be seen
/// (<https://developer.apple.com/library/archive/technotes/tn/tn1150.html#StringComparisonAlgorithm>),
/// NTFS has a short name for it. Git hosts refuse such trees.
fn is_gits_own(segment: &str) -> bool {
    let unseen = |c: &char| matches!(c, '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}');
    let seen: String = segment.chars().filter(|c| !unseen(c)).collect();
    let seen = seen.trim_end_matches([' ', '.']);
    seen.eq_ignore_ascii_case(".git") || seen.eq_ignore_ascii_case("git~1")
}

/// Characters that no name holds. Those that turn the direction of writing make one name look like
/// another: <https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>.
fn is_foreign(c: char) -> bool {
    let deceives =
        matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
    c.is_control() || deceives || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

impl FromStr for SitePath {
    type Err = InvalidText;
    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let empty = text.is_empty().then_some(Found::Nothing);
        let length = || (text.len() > 200).then_some(Found::Bytes(text.len()));
        let segment = || text.split('/').find_map(fault_of_segment).map(Found::Form);
        match empty.or_else(length).or_else(|| foreign(text, is_foreign)).or_else(segment) {
            None => Ok(Self(text.to_owned())),
            Some(found) => {
                let expected = "a relative path of at most 200 bytes that stays inside the site";
                Err(InvalidText { expected, found })
            }
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
        for good in [
            "index.html",
            "a/b/c.txt",
            ".nojekyll",
            ".github/workflows/pages.yml",
            "ünï.txt",
            "console.js",
            "family-👩\u{200d}👧.png",
        ] {
            assert!(good.parse::<SitePath>().is_ok(), "{good}");
        }
        for (bad, found) in [
            ("", "an empty text"),
            ("/etc/passwd", "an empty segment (`/` at an end, or two together)"),
            ("a//b", "an empty segment (`/` at an end, or two together)"),
            ("a/", "an empty segment (`/` at an end, or two together)"),
            ("../x", "the segment `.` or `..`"),
            ("a/../b", "the segment `.` or `..`"),
            ("a\\b", "'\\\\' as character 2"),
            ("C:\\x", "':' as character 2"),
            ("x\0", "'\\0' as character 2"),
            ("photo\u{202e}gpj.exe", "'\\u{202e}' (U+202E) as character 6"),
            ("CON", "a name that Windows reserves"),
            ("con .txt", "a name that Windows reserves"),
            ("a/nul.tar.gz", "a name that Windows reserves"),
            ("lpt².txt", "a name that Windows reserves"),
            ("conin$", "a name that Windows reserves"),
            (".git/config", "a name of git's own"),
            ("a/.GIT/x", "a name of git's own"),
            (".g\u{200d}it/config", "a name of git's own"),
            ("GIT~1/config", "a name of git's own"),
            (".git. .", "a name of git's own"),
            ("dot.", "a segment that ends in a space or dot"),
            (" a", "a segment that begins with a space"),
        ] {
            let got = bad.parse::<SitePath>().map_err(|fault| fault.found.to_string());
            assert_eq!(got, Err(found.to_owned()), "{bad:?}");
        }
        assert!("x".repeat(201).parse::<SitePath>().is_err());
    }

    #[test]
    fn an_extension_is_what_follows_the_last_dot() {
        for (path, extension) in [("a/B.HTML", "html"), (".nojekyll", ""), ("LICENSE", ""), ("x.tar.gz", "gz")] {
            assert_eq!(path.parse::<SitePath>().unwrap().extension(), extension, "{path}");
        }
    }
}
