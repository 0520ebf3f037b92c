//! The rules, compiled once. One pass looks for their keywords, and only rules that have one there run.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex::bytes::{Captures, Regex, RegexBuilder};
use secrecy::SecretString;

use crate::rules::{self, Judge, Rule};
use crate::{Error, judge, own, plausible};

/// Kind of a finding that is one of our own secrets.
pub(crate) const OWN_KIND: &str = "own_secret";

/// The name of the group that narrows a finding.
const SECRET_GROUP: &str = "secret";

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: &'static str,
    pub(crate) bytes: Range<usize>,
}

pub(crate) struct Scanner {
    keywords: AhoCorasick,
    /// The rule of each keyword, by its place in `rules`.
    rule_of: Vec<usize>,
    rules: Vec<(&'static Rule, Regex)>,
    own: Option<Regex>,
}

impl Scanner {
    /// A scanner for the table's kinds and any form of the secrets in `own`.
    pub(crate) fn new<'a>(own: impl Iterator<Item = &'a SecretString>) -> Result<Self, Error> {
        let rules: Vec<_> = rules::all().map(|rule| Ok((rule, compile(rule)?))).collect::<Result<_, Error>>()?;
        let keywords = |(at, rule): (usize, &'static Rule)| rule.keywords.iter().map(move |keyword| (at, *keyword));
        let (rule_of, keywords): (Vec<_>, Vec<_>) = rules::all().enumerate().flat_map(keywords).unzip();
        // Standard, for a keyword within another must not hide it.
        let keywords = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(keywords)
            .map_err(Error::Keywords)?;
        Ok(Self { keywords, rule_of, rules, own: own::search(own)? })
    }

    /// All findings, ordered by place. Findings of different kinds may overlap.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> =
            self.own.iter().flat_map(|own| own.find_iter(bytes)).map(|hit| hit.range()).map(own_found).collect();
        let mut weak = Vec::new();
        for (rule, regex) in self.candidates(bytes) {
            let hits = regex.captures_iter(bytes).filter_map(|hit| secret_of(rule, &hit, bytes));
            if rule.judge == Judge::Assignment { weak.extend(hits) } else { found.extend(hits) }
        }
        let told = |weak: &Found| found.iter().any(|other| overlap(&other.bytes, &weak.bytes));
        weak.retain(|weak| !told(weak));
        found.append(&mut weak);
        found.sort_by_key(|found| (found.bytes.start, found.bytes.end));
        found
    }

    /// The rules that may have something to say.
    fn candidates(&self, bytes: &[u8]) -> impl Iterator<Item = (&'static Rule, &Regex)> {
        let mut named: Vec<bool> = self.rules.iter().map(|(rule, _)| rule.keywords.is_empty()).collect();
        for hit in self.keywords.find_overlapping_iter(bytes) {
            if let Some(named) = self.rule_of.get(hit.pattern().as_usize()).and_then(|rule| named.get_mut(*rule)) {
                *named = true;
            }
        }
        self.rules.iter().zip(named).filter(|(_, named)| *named).map(|((rule, regex), _)| (*rule, regex))
    }
}

fn compile(rule: &Rule) -> Result<Regex, Error> {
    let compiled = RegexBuilder::new(rule.pattern).unicode(false).build();
    compiled.map_err(|source| Error::Rule { kind: rule.kind, source })
}

fn own_found(bytes: Range<usize>) -> Found {
    Found { kind: OWN_KIND, bytes }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

fn secret_of(rule: &'static Rule, hit: &Captures<'_>, bytes: &[u8]) -> Option<Found> {
    let (secret, stands_in) = match hit.name(SECRET_GROUP) {
        Some(group) => (group, plausible::is_stand_in_value(group.as_bytes())),
        None => (hit.get(0)?, false),
    };
    let meant = !stands_in
        && plausible::entropy(secret.as_bytes()) >= rule.min_entropy
        && !plausible::is_stand_in(secret.as_bytes())
        && judge::is_secret(rule.judge, hit, secret.as_bytes())
        && !judge::is_public(rule.public_near, bytes, secret.range());
    meant.then(|| Found { kind: rule.kind, bytes: secret.range() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_compiles_and_has_a_name_of_its_own() {
        let kinds: BTreeSet<_> = rules::all().map(|rule| rule.kind).collect();
        assert_eq!(kinds.len(), rules::all().count());
        assert!(kinds.len() >= 60 && !kinds.contains(OWN_KIND));
        Scanner::new([].iter()).unwrap();
    }

    #[test]
    fn no_rule_matches_nothing() {
        for rule in rules::all() {
            assert!(!compile(rule).unwrap().is_match(b""), "{}", rule.kind);
        }
    }

    /// Keywords come first, so one that is too short to be rare would make every rule run everywhere.
    #[test]
    fn keywords_are_telling() {
        for rule in rules::all() {
            assert!(rule.keywords.iter().all(|keyword| keyword.len() >= 2), "{}", rule.kind);
            assert!(!rule.keywords.is_empty() || rule.kind == "discord_bot_token", "{}", rule.kind);
        }
    }
}
