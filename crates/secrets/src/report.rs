//! From findings in bytes to leaks by place: path and line, never the text.

use ports::{Leak, Site};
use shared_types::SitePath;

use crate::redaction;
use crate::scanner::Scanner;

/// A site with more leaks than this is not described better by more of them.
pub(crate) const MAX_LEAKS: usize = 200;

/// What stands for a path that would be too long once its secret reads `[redacted]`.
const UNNAMED: &str = "[redacted]";

/// A secret somewhere in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) kind: &'static str,
    /// From 1.
    pub(crate) line: u32,
}

impl Scanner {
    /// Every secret in the site, in its paths first; at most [`MAX_LEAKS`].
    pub(crate) fn scan(&self, site: &Site) -> Vec<Leak> {
        site.iter().flat_map(|(path, bytes)| self.of_file(path, bytes)).take(MAX_LEAKS).collect()
    }

    /// One mark for each kind and line; at most [`MAX_LEAKS`].
    pub(crate) fn marks(&self, bytes: &[u8]) -> Vec<Mark> {
        let mut marks: Vec<Mark> = Vec::new();
        let mut lines = Lines { bytes, seen: 0, line: 1 };
        for found in self.find(bytes) {
            let mark = Mark { kind: found.kind, line: lines.at(found.bytes.start) };
            if !marks.contains(&mark) {
                marks.push(mark);
            }
            if marks.len() == MAX_LEAKS {
                break;
            }
        }
        marks
    }

    /// `ours` and what of `theirs` is at another place; at most [`MAX_LEAKS`].
    pub(crate) fn with_others(&self, ours: Vec<Leak>, theirs: Vec<Leak>) -> Vec<Leak> {
        let mut all = ours;
        for leak in theirs {
            let in_path = self.find(leak.path.as_str().as_bytes());
            let path = shown(&leak.path, in_path.into_iter().map(|found| found.bytes).collect());
            if all.len() < MAX_LEAKS && !all.iter().any(|known| known.path == path && known.line == leak.line) {
                all.push(Leak { path, ..leak });
            }
        }
        all
    }

    fn of_file(&self, path: &SitePath, bytes: &[u8]) -> Vec<Leak> {
        let in_path = self.find(path.as_str().as_bytes());
        let shown = shown(path, in_path.iter().map(|found| found.bytes.clone()).collect());
        let leak = |kind: &str, line| Leak { kind: kind.to_owned(), path: shown.clone(), line };
        let of_path = in_path.iter().map(|found| leak(found.kind, None));
        of_path.chain(self.marks(bytes).iter().map(|mark| leak(mark.kind, Some(mark.line)))).collect()
    }
}

fn shown(path: &SitePath, secrets: Vec<std::ops::Range<usize>>) -> SitePath {
    let clean = redaction::replaced(path.as_str(), secrets);
    clean.parse().or_else(|_| UNNAMED.parse()).unwrap_or_else(|_| path.clone())
}

/// Counts lines going forward only, so that many findings cost one pass.
struct Lines<'a> {
    bytes: &'a [u8],
    seen: usize,
    line: u32,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> u32 {
        let passed = self.bytes.get(self.seen..offset).unwrap_or_default();
        let newlines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        self.seen = offset;
        self.line
    }
}
