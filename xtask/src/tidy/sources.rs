//! Rules about Rust source text: size, silenced lints, words that postpone work.

use anyhow::{Context as _, Result};
use regex::Regex;

use crate::finding::Finding;
use crate::tree::Tree;

/// A file that is longer is two files; the aim is 400.
const MAX_LINES: usize = 500;

/// Written in halves, so that this file keeps its own rules.
const POSTPONING_WORDS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
const SILENCED_LINT: &str = concat!(r"#!?\[", r"allow\(");

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let rules = Rules::new()?;
    let mut findings = Vec::new();
    for package in tree.packages()? {
        for path in tree.files(&package, "rs")? {
            if !is_generated(&path) {
                findings.extend(rules.check_file(&path, &tree.read(&path)?));
            }
        }
    }
    Ok(findings)
}

/// The lines of `text` with their numbers, from 1, up to its inline test module.
pub(crate) fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let opens_module = |line: &&str| line.trim_start().starts_with("mod ") && line.trim_end().ends_with('{');
    let end = (0..lines.len())
        .find(|at| lines[*at].trim() == "#[cfg(test)]" && lines.get(at + 1).is_some_and(opens_module))
        .unwrap_or(lines.len());
    lines.into_iter().take(end).enumerate().map(|(index, line)| (index + 1, line))
}

struct Rules {
    silenced: Regex,
    postponed: Regex,
}

impl Rules {
    fn new() -> Result<Self> {
        let words = format!(r"\b({})\b", POSTPONING_WORDS.join("|"));
        Ok(Self {
            silenced: Regex::new(SILENCED_LINT).context("compile the pattern of silenced lints")?,
            postponed: Regex::new(&words).context("compile the pattern of postponing words")?,
        })
    }

    fn check_file(&self, path: &str, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        let length = product_lines(text).count();
        if !is_test(path) && length > MAX_LINES {
            let detail = format!("{length} lines without its tests, at most {MAX_LINES} are allowed");
            findings.push(Finding::new(path, "file-length", detail, "split it by what a reader looks for"));
        }
        for (index, line) in text.lines().enumerate() {
            let place = format!("{path}:{}", index + 1);
            if self.silenced.is_match(line) {
                let next = "use `#[expect(lint, reason = \"...\")]`, which tells when it is no longer needed";
                findings.push(Finding::new(&place, "silenced-lint", "a lint is silenced for good", next));
            }
            if let Some(word) = self.postponed.find(line) {
                let detail = format!("`{}` postpones work that nobody will find", word.as_str());
                findings.push(Finding::new(&place, "postponed", detail, "do it, or write down the limit in the docs"));
            }
        }
        findings
    }
}

fn is_generated(path: &str) -> bool {
    path.contains("/src/gen/")
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[&str]) {
        let found: Vec<&str> =
            Rules::new().unwrap().check_file(path, text).iter().map(|finding| finding.rule).collect();
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn length_leaves_tests_out() {
        let long = "//\n".repeat(MAX_LINES + 1);
        let tested = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
        let look_alike = format!("#[cfg(test)]\nuse crate::fake;\n{long}");
        check("crates/x/src/lib.rs", &"//\n".repeat(MAX_LINES), &[]);
        check("crates/x/src/lib.rs", &long, &["file-length"]);
        check("crates/x/src/lib.rs", &tested, &[]);
        check("crates/x/src/lib.rs", &look_alike, &["file-length"]);
        check("crates/x/tests/it/main.rs", &long, &[]);
        check("crates/x/src/a/tests.rs", &long, &[]);
    }

    #[test]
    fn silenced_lints_and_postponed_work_are_found() {
        let silenced = ["#[", "allow(dead_code)]"].concat();
        let postponed = ["// TO", "DO: later"].concat();
        check("lib.rs", &silenced, &["silenced-lint"]);
        check("lib.rs", &postponed, &["postponed"]);
        check("lib.rs", "#[expect(dead_code, reason = \"why\")]\nlet todo = 1; // a todo list", &[]);
    }
}
