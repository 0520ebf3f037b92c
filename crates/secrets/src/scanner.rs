//! The rules, compiled once: a set says which of them have anything to say, and only those run.

use std::ops::Range;

use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use secrecy::SecretString;

use crate::rules::{RULES, Rule};
use crate::{Error, own};

/// Kind of a finding that is one of our own secrets.
const OWN_KIND: &str = "own_secret";

/// The name of the group that narrows a finding.
const SECRET_GROUP: &str = "secret";

/// Words in a value that its author meant as a stand-in.
const STAND_INS: &[&str] = &["example", "placeholder", "changeme", "change_me", "redacted"];

/// Whole values, and beginnings of names, that stand in for a password or token.
const STAND_IN_VALUES: &[&str] = &["password", "passwd", "pass", "pwd", "secret", "token", "your", "my", "xxx", "..."];

/// A token with fewer different characters than this at its end is a row of `x`, not a token.
const MIN_VARIETY: usize = 4;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: &'static str,
    pub(crate) bytes: Range<usize>,
}

#[derive(Clone)]
pub(crate) struct Scanner {
    set: RegexSet,
    rules: Vec<(&'static str, Regex)>,
    own: Option<Regex>,
}

impl Scanner {
    /// A scanner for the table's kinds and any form of the secrets in `own`.
    pub(crate) fn new<'a>(own: impl Iterator<Item = &'a SecretString>) -> Result<Self, Error> {
        let set = RegexSetBuilder::new(RULES.iter().map(|rule| rule.pattern)).unicode(false).build();
        let rules: Result<Vec<_>, Error> = RULES.iter().map(|rule| Ok((rule.kind, compile(rule)?))).collect();
        Ok(Self { rules: rules?, set: set.map_err(Error::Rules)?, own: own::search(own)? })
    }

    /// All findings, ordered by place. Findings of different kinds may overlap.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> =
            self.own.iter().flat_map(|own| own.find_iter(bytes)).map(|hit| hit.range()).map(own_found).collect();
        for index in &self.set.matches(bytes) {
            let Some((kind, regex)) = self.rules.get(index) else { continue };
            found.extend(regex.captures_iter(bytes).filter_map(|hit| secret_of(kind, &hit)));
        }
        found.sort_by_key(|found| (found.bytes.start, found.bytes.end));
        found
    }
}

fn compile(rule: &Rule) -> Result<Regex, Error> {
    let compiled = RegexBuilder::new(rule.pattern).unicode(false).build();
    compiled.map_err(|source| Error::Rule { kind: rule.kind, source })
}

fn own_found(bytes: Range<usize>) -> Found {
    Found { kind: OWN_KIND, bytes }
}

fn secret_of(kind: &'static str, hit: &Captures<'_>) -> Option<Found> {
    let (secret, stands_in) = match hit.name(SECRET_GROUP) {
        Some(group) => (group, is_stand_in_value(group.as_bytes())),
        None => (hit.get(0)?, false),
    };
    let made_up = stands_in || is_stand_in(secret.as_bytes());
    (!made_up).then(|| Found { kind, bytes: secret.range() })
}

/// Documentation's keys (`AKIA...EXAMPLE`) and rows of one character.
fn is_stand_in(secret: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(secret).to_ascii_lowercase();
    let mut tail: Vec<u8> = secret.iter().rev().take(16).copied().collect();
    tail.sort_unstable();
    tail.dedup();
    let uniform = secret.len() >= 16 && tail.len() < MIN_VARIETY;
    uniform || STAND_INS.iter().any(|word| lower.contains(word))
}

/// `user:password@`, `${TOKEN}`, `%s`, `your-token`: what a text about secrets writes.
fn is_stand_in_value(value: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    let named = STAND_IN_VALUES.iter().any(|word| {
        lower.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '.', 'x']))
    });
    named || lower.starts_with(['$', '%', '*', '&', '['])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_compiles_and_has_a_name_of_its_own() {
        for rule in RULES {
            compile(rule).unwrap();
        }
        let kinds: BTreeSet<_> = RULES.iter().map(|rule| rule.kind).collect();
        assert_eq!(kinds.len(), RULES.len());
        assert!(kinds.len() >= 20 && !kinds.contains(OWN_KIND));
        Scanner::new([].iter()).unwrap();
    }

    #[test]
    fn no_rule_matches_nothing() {
        for rule in RULES {
            assert!(!compile(rule).unwrap().is_match(b""), "{}", rule.kind);
        }
    }
}
