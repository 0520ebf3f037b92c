//! A check's text made ready for rules: quotes set apart, wishes turned into statements.
//!
//! What stands in quotes is replaced by a mark, so that no pattern reads words of a quoted text as
//! its own. Names that speak for themselves (files, `#id`, `<tag>`, `?query=`) stay where they are.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::vocabulary::{self, NAME};

/// A sentence as rules see it.
#[derive(Debug)]
pub(super) struct Sentence {
    /// Single blanks, no full stop, `«n»` for the quoted text at `n`.
    pub(super) text: String,
    literals: Vec<String>,
}

impl Sentence {
    pub(super) fn read(source: &str) -> Self {
        let mut literals = Vec::new();
        let marked = mark(source, &mut literals);
        let line = marked.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = line.trim_end_matches(['.', '!', ' ']);
        Self { text: statement(line), literals }
    }

    /// What `token` stands for: the quoted text of a mark, else itself.
    pub(super) fn literal(&self, token: &str) -> String {
        let index = token.strip_prefix('«').and_then(|rest| rest.strip_suffix('»'));
        let literal = index.and_then(|index| self.literals.get(index.parse::<usize>().ok()?));
        literal.cloned().unwrap_or_else(|| token.to_owned())
    }
}

/// Replaces quoted texts and tags by marks.
fn mark(source: &str, literals: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        let before = out.chars().next_back();
        let Some((inside, end)) = quoted(first, after, before) else {
            out.push(if first == '’' { '\'' } else { first });
            rest = after;
            continue;
        };
        let literal = if first == '<' { &rest[..=inside.len() + 1] } else { inside };
        if speaks_for_itself(literal) {
            out.push_str(literal);
        } else {
            out.push_str(&format!("«{}»", literals.len()));
            literals.push(literal.to_owned());
        }
        rest = &after[end..];
    }
    out
}

/// The text between `first` and the sign that closes it, and where the rest begins.
fn quoted(first: char, after: &str, before: Option<char>) -> Option<(&str, usize)> {
    let close = match first {
        '"' | '`' => first,
        '“' | '„' => '”',
        '«' => '»',
        '<' if after.starts_with(|c: char| c.is_ascii_alphabetic()) => '>',
        '\'' | '‘' => return apostrophe(after, before),
        _ => return None,
    };
    let end = after.find(close).filter(|end| *end > 0)?;
    Some((&after[..end], end + close.len_utf8()))
}

/// An apostrophe within a word quotes nothing.
fn apostrophe(after: &str, before: Option<char>) -> Option<(&str, usize)> {
    if before.is_some_and(|c| !c.is_whitespace() && !"([{=:,".contains(c)) {
        return None;
    }
    let ends = |(at, c): &(usize, char)| {
        let next = after[at + c.len_utf8()..].chars().next();
        matches!(c, '\'' | '’') && next.is_none_or(|next| next.is_whitespace() || ".,;:!?)]}".contains(next))
    };
    let (end, close) = after.char_indices().find(ends).filter(|(end, _)| *end > 0)?;
    Some((&after[..end], end + close.len_utf8()))
}

fn speaks_for_itself(literal: &str) -> bool {
    static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let file = vocabulary::FILE;
        vocabulary::compile(&format!(
            r"/?{file}|#{NAME}|<[a-z][a-z0-9]*>|\?[a-z_][\w-]*(?:=\S*)?|mit|readme|200|document\.title"
        ))
    });
    NAMES.as_ref().is_some_and(|names| names.is_match(literal))
}

/// `Make sure that X must not contain Y` says `X does not contain Y`.
fn statement(line: &str) -> String {
    static OPENINGS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let verbs = "check|checks|verify|verifies|ensure|ensures|make sure|confirm|assert|test|validate";
        Regex::new(&format!("(?i)^(?:please )?(?:{verbs})(?: that)? ")).ok()
    });
    static WISHES: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let modal = "should|must|shall|will|needs? to|ha(?:s|ve) to|ought to|(?:is|are) (?:required|expected) to";
        Regex::new(&format!(r"(?i)\b(?:{modal})(?P<not> not| never)?(?: also| still| always)? (?P<verb>[a-z]+)\b")).ok()
    });
    let (Some(openings), Some(wishes)) = (&*OPENINGS, &*WISHES) else { return line.to_owned() };
    let line = contractions(line);
    let line = openings.replace(&line, "");
    let line = wishes.replace_all(&line, |found: &Captures<'_>| {
        let verb = found["verb"].to_lowercase();
        match (verb.as_str(), found.name("not").is_some()) {
            ("be", false) => "is".to_owned(),
            ("be", true) => "is not".to_owned(),
            (_, true) => format!("does not {verb}"),
            (_, false) => third_person(&verb),
        }
    });
    line.replace("n also ", "n ").replace(" also ", " ")
}

fn contractions(line: &str) -> String {
    const LONG: [(&str, &str); 8] = [
        ("doesn't", "does not"),
        ("don't", "does not"),
        ("do not", "does not"),
        ("isn't", "is not"),
        ("aren't", "are not"),
        ("mustn't", "must not"),
        ("shouldn't", "should not"),
        ("hasn't", "has not"),
    ];
    LONG.iter().fold(line.to_owned(), |line, (short, long)| line.replace(short, long))
}

fn third_person(verb: &str) -> String {
    match verb {
        "have" => "has".to_owned(),
        _ if verb.ends_with(['s', 'x', 'o', 'z']) || verb.ends_with("sh") || verb.ends_with("ch") => {
            format!("{verb}es")
        }
        _ => format!("{verb}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_become_statements_with_marks() {
        for (source, expected, literals) in [
            ("The title is \"A b\".", "The title is «0»", &["A b"][..]),
            ("The page's title must be 'It's here'!", "The page's title is «0»", &["It's here"]),
            ("`uid.txt` should not\n exist", "uid.txt does not exist", &[]),
            ("Make sure that the repo must have `data.csv`", "the repo has data.csv", &[]),
            ("\"#a\" and '<b>' have to exist", "#a and <b> exists", &[]),
            ("has <meta name=\"x\">", "has «0»", &["<meta name=\"x\">"]),
            ("a < b and \"unclosed", "a < b and \"unclosed", &[]),
            ("index.html doesn’t contain “fetch(”", "index.html does not contain «0»", &["fetch("]),
            ("An id of 'x' and `y z`", "An id of «0» and «1»", &["x", "y z"]),
            ("«a» «0»", "«0» «1»", &["a", "0"]),
            ("", "", &[]),
            ("'", "'", &[]),
            ("It also must match 'é'", "It matches «0»", &["é"]),
        ] {
            let sentence = Sentence::read(source);
            assert_eq!(
                (sentence.text.as_str(), sentence.literals.as_slice()),
                (expected, &literals.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
                "{source}"
            );
        }
    }

    #[test]
    fn a_mark_stands_for_its_text() {
        let sentence = Sentence::read("\"a\" b");
        assert_eq!(
            (sentence.literal("«0»"), sentence.literal("b"), sentence.literal("«7»")),
            ("a".to_owned(), "b".to_owned(), "«7»".to_owned())
        );
    }
}
