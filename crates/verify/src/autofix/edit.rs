//! Changes of a text at places: all else stays as it is, byte for byte.

use std::ops::Range;

/// One place and what comes there; an empty place is an insertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) at: Range<usize>,
    pub(super) with: String,
}

impl Edit {
    pub(super) fn new(at: Range<usize>, with: impl Into<String>) -> Self {
        Self { at, with: with.into() }
    }

    pub(super) fn insert(at: usize, with: impl Into<String>) -> Self {
        Self::new(at..at, with)
    }
}

/// `text` with all `edits`, in any order. Of two that overlap the first in the text counts.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.at.start);
    let mut result = String::with_capacity(text.len());
    let mut kept = 0;
    for edit in edits {
        if let Some(before) = text.get(kept..edit.at.start) {
            result.push_str(before);
            result.push_str(&edit.with);
            kept = edit.at.end;
        }
    }
    result.push_str(text.get(kept..).unwrap_or_default());
    result
}

/// The place of `at` with the whole line that it stands on, when nothing else does.
pub(super) fn with_its_line(text: &str, at: Range<usize>) -> Range<usize> {
    let begin = text[..at.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at.end..].find('\n').map_or(text.len(), |end| at.end + end + 1);
    let alone = text[begin..at.start].trim().is_empty() && text[at.end..end].trim().is_empty();
    if alone { begin..end } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_places_change() {
        let edits = vec![Edit::new(4..5, "E"), Edit::insert(0, "> "), Edit::new(3..5, "late"), Edit::insert(6, "!")];
        assert_eq!(apply("abcdef", vec![]), "abcdef");
        assert_eq!(apply("abcdef", edits), "> abclatef!");
        assert_eq!(apply("ü", vec![Edit::new(1..2, "x")]), "ü");
        assert_eq!(with_its_line("a\n  bc\nd", 4..6), 2..7);
        assert_eq!(with_its_line("a\n  bc x\nd", 4..6), 4..6);
        assert_eq!(with_its_line("bc", 0..2), 0..2);
    }
}
