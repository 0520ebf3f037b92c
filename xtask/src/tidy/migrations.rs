//! A released migration never changes: databases out there have run it as it was.
//!
//! The list is in the form of `sha256sum`, so `cd migrations && sha256sum -c released.sha256` checks it too.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::finding::Finding;
use crate::tree::Tree;

/// SHA-256 of each released migration.
pub(crate) const RELEASED: &str = "migrations/released.sha256";
/// Rule of the finding that nothing was released yet.
pub(crate) const NOT_RELEASED: &str = "migrations-not-released";

const FOLDER: &str = "migrations";

/// Compares the migrations with the released list.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let current = digests(tree)?;
    match tree.read_if_present(RELEASED)? {
        Some(list) => Ok(compare(&parse(&list)?, &current)),
        None if current.is_empty() => Ok(Vec::new()),
        None => {
            let next = "cargo xtask contracts release, and commit it";
            Ok(vec![Finding::new(RELEASED, NOT_RELEASED, "no migration is frozen yet", next)])
        }
    }
}

/// Text of the list for today's migrations; `None` when there is none.
pub(crate) fn list(tree: &Tree) -> Result<Option<String>> {
    let current = digests(tree)?;
    if current.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    for (name, digest) in current {
        writeln!(text, "{digest}  {name}")?;
    }
    Ok(Some(text))
}

/// Digest by file name.
type Digests = BTreeMap<String, String>;

fn compare(released: &Digests, current: &Digests) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, digest) in released {
        let path = format!("{FOLDER}/{name}");
        match current.get(name) {
            Some(now) if now == digest => {}
            Some(_) => {
                let detail = "it is released and was altered; databases have run it as it was";
                findings.push(Finding::new(path, "migration-altered", detail, "restore it and add a new migration"));
            }
            None => {
                let detail = "it is released and missing";
                findings.push(Finding::new(path, "migration-removed", detail, "restore it and add a new migration"));
            }
        }
    }
    let Some(last) = released.keys().next_back() else { return findings };
    for name in current.keys().filter(|name| !released.contains_key(*name) && *name < last) {
        let detail = format!("it is new and sorts before `{last}`, which is released; older databases would skip it");
        let next = "give it the next number";
        findings.push(Finding::new(format!("{FOLDER}/{name}"), "migration-order", detail, next));
    }
    findings
}

fn digests(tree: &Tree) -> Result<Digests> {
    let mut digests = Digests::new();
    for path in tree.files(FOLDER, "sql")? {
        let digest = Sha256::digest(tree.read(&path)?.as_bytes());
        let digest = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let name = path.strip_prefix(&format!("{FOLDER}/")).unwrap_or(&path).to_owned();
        digests.insert(name, digest);
    }
    Ok(digests)
}

fn parse(list: &str) -> Result<Digests> {
    list.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (digest, name) = line.split_once("  ").with_context(|| format!("read {RELEASED}: line `{line}`"))?;
            Ok((name.to_owned(), digest.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(entries: &[(&str, &str)]) -> Digests {
        entries.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect()
    }

    fn check(current: &[(&str, &str)], expected: &[&str]) {
        let released = digests(&[("0001_tasks.sql", "aa"), ("0002_events.sql", "bb")]);
        let found: Vec<&str> = compare(&released, &digests(current)).iter().map(|finding| finding.rule).collect();
        assert_eq!(found, expected, "{current:?}");
    }

    #[test]
    fn released_migrations_stay() {
        check(&[("0001_tasks.sql", "aa"), ("0002_events.sql", "bb")], &[]);
        check(&[("0001_tasks.sql", "aa"), ("0002_events.sql", "bb"), ("0003_more.sql", "cc")], &[]);
        check(&[("0001_tasks.sql", "aa"), ("0002_events.sql", "xx")], &["migration-altered"]);
        check(&[("0002_events.sql", "bb")], &["migration-removed"]);
        check(&[("0001_tasks.sql", "aa"), ("0002_events.sql", "bb"), ("0001_z.sql", "cc")], &["migration-order"]);
    }

    #[test]
    fn the_list_is_read_as_it_is_written() {
        assert_eq!(parse("aa  0001_tasks.sql\n").unwrap(), digests(&[("0001_tasks.sql", "aa")]));
        assert!(parse("0001_tasks.sql").is_err());
    }
}
