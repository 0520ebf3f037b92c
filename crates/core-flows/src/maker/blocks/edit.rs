//! Quoted lines of a file give way to others.
//!
//! The quote is looked for exactly, then without white space at the ends of lines, then without
//! indentation; the first way that finds it counts. A quote that stands more than once is ambiguous,
//! and never changed at a guess.

use std::collections::BTreeMap;

use bytes::Bytes;
use shared_types::SitePath;

use super::{Fault, nearest};

/// Places of an ambiguous quote that are named.
const PLACES_SHOWN: usize = 10;

/// Replace `quoted` by `with` in the file at `path`; both are whole lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) path: SitePath,
    pub(crate) quoted: String,
    pub(crate) with: String,
}

/// How lines are compared, strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Exactly,
    WithoutTrailingSpace,
    WithoutIndentation,
}

impl Edit {
    /// The file after the change.
    pub(super) fn apply(&self, file: Option<&Bytes>) -> Result<Bytes, Fault> {
        let fault = |problem: String| Fault::new(Some(&self.path), format!("EDIT {}", self.path), problem);
        let Some(file) = file else { return Err(fault("there is no such file".to_owned())) };
        let Ok(text) = std::str::from_utf8(file) else { return Err(fault("the file is not text".to_owned())) };
        let (lines, quoted): (Vec<_>, Vec<_>) =
            (text.split_inclusive('\n').collect(), self.quoted.split_inclusive('\n').collect());
        if self.quoted.trim().is_empty() {
            return Err(fault("it quotes no line of the file".to_owned()));
        }
        for way in [Way::Exactly, Way::WithoutTrailingSpace, Way::WithoutIndentation] {
            let found = way.find(&lines, &quoted);
            match found.as_slice() {
                [] => {}
                [at] => {
                    let before: usize = lines[..*at].iter().map(|line| line.len()).sum();
                    let region = &lines[*at..*at + quoted.len()];
                    let after = before + region.iter().map(|line| line.len()).sum::<usize>();
                    let new = self.replacement(way, region, &quoted);
                    return Ok(Bytes::from([&text[..before], &new, &text[after..]].concat()));
                }
                many => {
                    let places: Vec<_> = many.iter().take(PLACES_SHOWN).map(|at| (at + 1).to_string()).collect();
                    let problem = format!(
                        "the quoted lines stand {} times in the file, from lines {}: quote more lines around the one place",
                        many.len(),
                        places.join(", ")
                    );
                    return Err(Fault { quoted: self.quoted.clone(), ..fault(problem) });
                }
            }
        }
        Err(Fault {
            quoted: self.quoted.clone(),
            nearest: nearest::lines(&lines, &quoted),
            ..fault("the quoted lines are not in the file".to_owned())
        })
    }

    /// The lines for `region`: with its indentation, its line ends, and no line end at the end of a
    /// file that has none.
    fn replacement(&self, way: Way, region: &[&str], quoted: &[&str]) -> String {
        let mut new = match way {
            Way::WithoutIndentation => Indents::between(quoted, region).carry(&self.with),
            Way::Exactly | Way::WithoutTrailingSpace => self.with.clone(),
        };
        if region.iter().any(|line| line.ends_with("\r\n")) && !new.contains('\r') {
            new = new.replace('\n', "\r\n");
        }
        if region.last().is_some_and(|line| !line.ends_with('\n')) {
            new.truncate(new.trim_end_matches(['\r', '\n']).len());
        }
        new
    }
}

impl Way {
    /// The places in `lines` where `quoted` stands.
    fn find(self, lines: &[&str], quoted: &[&str]) -> Vec<usize> {
        let same = |window: &[&str]| window.iter().zip(quoted).all(|(line, quote)| self.same(line, quote));
        lines.windows(quoted.len()).enumerate().filter(|(_, window)| same(window)).map(|(at, _)| at).collect()
    }

    fn same(self, line: &str, quote: &str) -> bool {
        match self {
            // The last line of a file may have no line end.
            Self::Exactly => line == quote || (!line.ends_with('\n') && quote.strip_suffix('\n') == Some(line)),
            Self::WithoutTrailingSpace => line.trim_end() == quote.trim_end(),
            Self::WithoutIndentation => line.trim() == quote.trim(),
        }
    }
}

/// Which indentation of the file each indentation of the quote stands for.
struct Indents<'a> {
    first: (&'a str, &'a str),
    known: BTreeMap<&'a str, &'a str>,
}

impl<'a> Indents<'a> {
    fn between(quoted: &[&'a str], region: &[&'a str]) -> Self {
        let pairs = quoted.iter().zip(region).filter(|(quote, _)| !quote.trim().is_empty());
        let mut pairs = pairs.map(|(quote, line)| (indent(quote), indent(line)));
        let first = pairs.next().unwrap_or_default();
        let mut known = BTreeMap::from([first]);
        for (quote, line) in pairs {
            known.entry(quote).or_insert(line);
        }
        Self { first, known }
    }

    /// `text` with the indentation of the file. A depth that the quote does not have goes as far
    /// beyond the nearest one that it has as it did in the quote.
    fn carry(&self, text: &str) -> String {
        let carried = text.split_inclusive('\n').map(|line| {
            let own = indent(line);
            let content = &line[own.len()..];
            if content.trim().is_empty() {
                return line.to_owned();
            }
            let nearest =
                self.known.iter().filter(|(quote, _)| own.starts_with(**quote)).max_by_key(|(quote, _)| quote.len());
            match nearest {
                Some((quote, file)) => [file, &own[quote.len()..], content].concat(),
                None => {
                    let (quote, file) = self.first;
                    let kept = file.len().saturating_sub(quote.len().saturating_sub(own.len()));
                    // White space of a file may be wider than a byte.
                    [file.get(..kept).unwrap_or(file), content].concat()
                }
            }
        });
        carried.collect()
    }
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}
