//! Decision records are numbered without gaps, so that "see 0007" always finds one text.

use anyhow::{Context as _, Result};
use regex::Regex;

use crate::finding::Finding;
use crate::tree::Tree;

const FOLDER: &str = "docs/adr";
const NAME: &str = r"^(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.md$";

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut names = tree.names(FOLDER)?;
    names.retain(|name| name.ends_with(".md") && name != "README.md");
    check_names(&names)
}

/// Checks sorted file names.
fn check_names(names: &[String]) -> Result<Vec<Finding>> {
    let pattern = Regex::new(NAME).context("compile the pattern of record names")?;
    let mut findings = Vec::new();
    let mut expected: u32 = 1;
    for name in names {
        let path = format!("{FOLDER}/{name}");
        let number = pattern.captures(name).and_then(|found| found[1].parse::<u32>().ok());
        let Some(number) = number else {
            findings.push(Finding::new(path, "record-name", "it is not NNNN-title.md", "rename it"));
            continue;
        };
        if number != expected {
            let detail = format!("number {number:04} where {expected:04} is next");
            findings.push(Finding::new(path, "record-number", detail, format!("rename it to {expected:04}-...")));
        }
        expected = number + 1;
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gap_and_no_double() {
        for (names, expected) in [
            (vec!["0001-one.md", "0002-two.md"], vec![]),
            (vec!["0001-one.md", "0003-three.md"], vec!["record-number"]),
            (vec!["0001-one.md", "0001-other.md"], vec!["record-number"]),
            (vec!["0001-one.md", "Two.md"], vec!["record-name"]),
        ] {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let found: Vec<&str> = check_names(&names).unwrap().iter().map(|finding| finding.rule).collect();
            assert_eq!(found, expected, "{names:?}");
        }
    }
}
