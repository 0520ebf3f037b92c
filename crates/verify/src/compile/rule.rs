//! A rule: a pattern, how sure it is, and what it makes of what it found.

use regex::{Captures, Regex};
use shared_types::{Confidence, Oracle, SitePath};

use super::sentence::Sentence;
use super::vocabulary;

/// One way to say one thing.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) sure: Confidence,
    /// In the words of the vocabulary.
    pub(super) pattern: &'static str,
    /// None when what was found does not fit together after all.
    pub(super) make: fn(&Found<'_>) -> Option<Oracle>,
}

pub(super) const fn certain(pattern: &'static str, make: fn(&Found<'_>) -> Option<Oracle>) -> Rule {
    Rule { sure: Confidence::Certain, pattern, make }
}

pub(super) const fn likely(pattern: &'static str, make: fn(&Found<'_>) -> Option<Oracle>) -> Rule {
    Rule { sure: Confidence::Likely, pattern, make }
}

pub(super) const fn guess(pattern: &'static str, make: fn(&Found<'_>) -> Option<Oracle>) -> Rule {
    Rule { sure: Confidence::Guess, pattern, make }
}

/// A rule that is ready.
#[derive(Debug)]
pub(super) struct Ready {
    rule: &'static Rule,
    pattern: Regex,
}

impl Ready {
    /// None when the pattern is no expression; a test compiles them all.
    pub(super) fn new(rule: &'static Rule) -> Option<Self> {
        Some(Self { rule, pattern: vocabulary::expand(rule.pattern)? })
    }

    pub(super) fn read(&self, sentence: &Sentence) -> Option<(Oracle, Confidence)> {
        let found = Found { captures: self.pattern.captures(&sentence.text)?, sentence };
        Some(((self.rule.make)(&found)?, self.rule.sure))
    }
}

/// What a pattern found.
pub(super) struct Found<'a> {
    captures: Captures<'a>,
    sentence: &'a Sentence,
}

impl Found<'_> {
    /// The words of a group as they stand.
    pub(super) fn words(&self, group: &str) -> Option<&str> {
        self.captures.name(group).map(|found| found.as_str())
    }

    /// The sentence.
    pub(super) fn whole(&self) -> &str {
        &self.sentence.text
    }

    /// The text that a group quotes or names.
    pub(super) fn literal(&self, group: &str) -> Option<String> {
        Some(self.sentence.literal(self.words(group)?))
    }

    /// The texts that a list of quotes and names holds.
    pub(super) fn literals(&self, group: &str) -> Option<Vec<String>> {
        Some(listed(self.words(group)?).map(|word| self.sentence.literal(word)).collect())
    }

    /// What `token` stands for.
    pub(super) fn resolve(&self, token: &str) -> String {
        self.sentence.literal(token)
    }

    /// The file that a group names.
    pub(super) fn path(&self, group: &str) -> Option<SitePath> {
        path(self.words(group)?)
    }

    /// The files of a list; none when one of them is no file.
    pub(super) fn paths(&self, group: &str) -> Option<Vec<SitePath>> {
        listed(self.words(group)?).map(path).collect()
    }

    /// The id of the element that the words `hash` or `with_id` name.
    pub(super) fn id(&self) -> Option<String> {
        let id = self.words("hash").or(self.words("id"))?;
        let id = self.sentence.literal(id);
        let id = id.strip_prefix('#').unwrap_or(&id);
        (!id.is_empty() && !id.contains(char::is_whitespace)).then(|| id.to_owned())
    }
}

/// The items of `a, b and c`.
pub(super) fn listed(list: &str) -> impl Iterator<Item = &str> {
    let words = list.split([',', ' ']).map(|word| word.trim_end_matches(','));
    words.filter(|word| !word.is_empty() && !["and", "or", "&"].iter().any(|joint| word.eq_ignore_ascii_case(joint)))
}

/// The file that a word names; none for the name of a host and for a number, which look the same.
pub(super) fn path(name: &str) -> Option<SitePath> {
    const HOSTS: [&str; 9] = ["ai", "co", "com", "dev", "edu", "gov", "io", "net", "org"];
    let name = name.trim_start_matches('/').trim_start_matches("./");
    let name = if name.eq_ignore_ascii_case("LICENSE") { "LICENSE" } else { name };
    let path: SitePath = name.parse().ok()?;
    let extension = path.extension();
    let is_number = name.chars().all(|c| c.is_ascii_digit() || c == '.');
    (!HOSTS.contains(&extension.as_str()) && !is_number).then_some(path)
}
