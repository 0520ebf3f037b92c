//! Plain-English checks that a rule can decide.
//!
//! Every pattern covers the whole sentence: a sentence that says one thing more than a rule can
//! decide matches none and goes to a judge. To add a rule, add a pattern and its table cases.

use std::sync::LazyLock;

use regex::{Captures, Regex, RegexBuilder};
use shared_types::{Oracle, SitePath};

/// The reading of a sentence that a rule decides; none for all others.
pub(crate) fn read(sentence: &str) -> Option<Oracle> {
    let sentence = plain(sentence);
    RULES.iter().find_map(|rule| rule.make(&rule.pattern.captures(&sentence)?))
}

/// What a matched sentence asks for.
#[derive(Debug, Clone, Copy)]
enum Asks {
    Licence,
    Readme,
    /// Of the files in group `files`.
    Existence,
    /// To the file in group `file`.
    Link,
    /// Of the file in group `file`; group `other`, when there, must name the same file.
    Equality,
}

struct Rule {
    pattern: Regex,
    asks: Asks,
}

impl Rule {
    fn make(&self, found: &Captures<'_>) -> Option<Oracle> {
        let file = |group: &str| path(found.name(group)?.as_str());
        match self.asks {
            Asks::Licence => Some(Oracle::Licence),
            Asks::Readme => Some(Oracle::Readme),
            Asks::Existence => paths(found.name("files")?.as_str()).map(|paths| Oracle::FilesExist { paths }),
            Asks::Link => Some(Oracle::FileLinked { path: file("file")? }),
            Asks::Equality => {
                let path = file("file")?;
                let same = found.name("other").is_none_or(|other| other.as_str() == path.as_str());
                same.then_some(Oracle::FileEqualsAttachment { path })
            }
        }
    }
}

/// A file as a sentence names it: its extension or its well-known name sets it apart from a word.
const FILE: &str = r"(?:(?:[A-Za-z0-9_.-]+/)*(?:[A-Za-z0-9_-]*\.[A-Za-z0-9][A-Za-z0-9_.-]*|LICENSE))";
const LICENCE: &str = r"(?:licen[sc]e(?: file)?)";
const PLACE: &str = r"(?: (?:in|at|to) (?:its |the )?(?:(?:root|top)(?: level)? of )?(?:its |the )?(?:repo|repository|project|site|root|repo root|repository root))";
const OWNER: &str = r"(?:(?:the |this )?(?:repo|repository|project|site) )";
const PAGE: &str = r"(?:(?:the |main )*(?:page|home ?page|index page|index\.html))";

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    // In order: the first that matches decides, so the special ones come first.
    let rules = patterns().into_iter().filter_map(|(asks, pattern)| {
        // A test compiles every pattern, so none is lost here.
        let pattern = RegexBuilder::new(&format!("^(?:{pattern})$")).case_insensitive(true).build().ok()?;
        Some(Rule { pattern, asks })
    });
    rules.collect()
});

fn patterns() -> Vec<(Asks, String)> {
    let list = format!(r"{FILE}(?:(?:, and |, | and ){FILE})*");
    let has = "(?:has|contains|includes|holds)";
    let there = format!("(?:(?:exists?|(?:is|are) (?:present|there|included)){PLACE}?|(?:is|are){PLACE})");
    let answers =
        "(?:all )?(?:answers?|returns?|responds?(?: with)?|gives?|yields?)(?: with)? (?:http )?(?:status )?200(?: ok)?";
    let attached = format!(r"(?:the |its )?(?:attachment|attached file|attached (?P<other>{FILE}))");
    let wholly = r"(?:,? ?(?:exactly|unchanged|byte for byte|byte-for-byte))?";
    vec![
        (Asks::Licence, format!("{OWNER}{has} (?:an? |the )?mit {LICENCE}{PLACE}?")),
        (Asks::Licence, format!("{OWNER}is (?:under|licensed under) (?:an? |the )?mit {LICENCE}")),
        (Asks::Licence, format!("(?:an? |the )?mit {LICENCE}(?: {there}|{PLACE})?")),
        (Asks::Licence, format!("(?:the )?{LICENCE} (?:exists and )?is (?:the )?mit(?: licen[sc]e)?")),
        (Asks::Readme, format!("{OWNER}{has} (?:an? |the )?(?:complete )?readme(?:\\.md)?(?: file)?{PLACE}?")),
        (Asks::Readme, format!(r"(?:the |a )?readme(?:\.md)? (?:{there}|(?:exists and )?is complete)")),
        (
            Asks::Equality,
            format!(
                r"(?:the file )?(?P<file>{FILE}){PLACE}? (?:is|equals|matches|is equal to|is identical to|is the same as) {attached}{wholly}"
            ),
        ),
        (
            Asks::Equality,
            format!(
                r"(?:the file )?(?P<file>{FILE}){PLACE}? is (?:copied |published )?(?:unchanged|byte for byte|byte-for-byte)"
            ),
        ),
        (
            Asks::Link,
            format!(
                r"{PAGE} (?:links(?: to)?|(?:has|contains|includes) a link to) (?:the )?(?:file )?(?P<file>{FILE})"
            ),
        ),
        (Asks::Link, format!(r"(?:the )?(?:file )?(?P<file>{FILE}) is linked (?:from|on|in) {PAGE}")),
        (Asks::Existence, format!(r"(?:each|all) of (?P<files>{list}) (?:{there}|{answers})")),
        (Asks::Existence, format!(r"(?:the )?(?:files? )?(?P<files>{list}) (?:{there}|{answers})")),
        (
            Asks::Existence,
            format!(r"{OWNER}{has} (?:an? |the )?(?:files? )?(?:named |called )?(?P<files>{list})(?: file)?{PLACE}?"),
        ),
    ]
}

/// The sentence with single blanks, without quotes around names and without its full stop.
fn plain(sentence: &str) -> String {
    let bare: String = sentence.chars().filter(|c| !matches!(c, '`' | '"' | '\'' | '“' | '”' | '‘' | '’')).collect();
    bare.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(['.', '!']).to_owned()
}

/// The file that a word names; none for the name of a host, which looks the same.
fn path(name: &str) -> Option<SitePath> {
    const HOSTS: [&str; 9] = ["ai", "co", "com", "dev", "edu", "gov", "io", "net", "org"];
    let name = if name.eq_ignore_ascii_case("LICENSE") { "LICENSE" } else { name };
    name.parse().ok().filter(|path: &SitePath| !HOSTS.contains(&path.extension().as_str()))
}

fn paths(list: &str) -> Option<Vec<SitePath>> {
    let names = list.split([',', ' ']).filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("and"));
    names.map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(RULES.len(), patterns().len());
    }
}
