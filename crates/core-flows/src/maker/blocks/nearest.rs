//! The lines of a file that come nearest to lines that are not in it.

use std::collections::BTreeSet;

/// Quoted lines that are compared; more add nothing but time.
const COMPARED: usize = 30;

/// Lines of a file that are compared; a longer file is searched up to there.
const SEARCHED: usize = 20_000;

/// Lines shown before and after the nearest place.
const AROUND: usize = 3;

/// Characters of a line that are shown; minified files have lines without end.
const SHOWN_WIDTH: usize = 400;

/// The words of a line, and the line without white space at its ends.
struct Words<'a>(&'a str, BTreeSet<&'a str>);

/// The window of `file` whose lines have most in common with `quoted`, with line numbers; empty when
/// no line has anything in common with it.
pub(super) fn lines(file: &[&str], quoted: &[&str]) -> String {
    let wanted: Vec<_> = quoted.iter().take(COMPARED).map(|line| Words::of(line)).collect();
    let searched: Vec<_> = file.iter().take(SEARCHED).map(|line| Words::of(line)).collect();
    let score = |at: usize| wanted.iter().zip(&searched[at..]).map(|(quote, line)| quote.likeness(line)).sum::<u32>();
    // Of equally good places the first counts.
    let best = (0..searched.len()).map(|at| (score(at), at)).max_by_key(|(score, at)| (*score, std::cmp::Reverse(*at)));
    let Some((1.., at)) = best else { return String::new() };
    let end = (at + wanted.len() + AROUND).min(file.len());
    let shown = (at.saturating_sub(AROUND)..end).map(|index| {
        let line: String = file[index].trim_end().chars().take(SHOWN_WIDTH).collect();
        format!("{}: {line}", index + 1)
    });
    shown.collect::<Vec<_>>().join("\n")
}

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Self {
        let line = line.trim();
        Self(line, line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect())
    }

    /// 0 for nothing in common, 100 for the same line.
    fn likeness(&self, other: &Self) -> u32 {
        match (self.0 == other.0, self.1.len() + other.1.len()) {
            (true, 1..) => 100,
            // Blank lines, and lines of braces, are everywhere.
            (true, 0) => 1,
            (false, 0) => 0,
            (false, all) => (self.1.intersection(&other.1).count() * 2 * 99 / all) as u32,
        }
    }
}
