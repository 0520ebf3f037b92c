//! Only programs read the environment: a library that does has a setting that nobody can see.

use anyhow::{Context as _, Result};
use regex::Regex;

use super::READERS;
use crate::finding::Finding;
use crate::tidy::sources::product_lines;
use crate::tree::Tree;

/// Reading or changing variables at run time; `env!` is a constant of the build, and `env::temp_dir` is no setting.
const PATTERN: &str = r"\benv::(\{[^}]*\b)?(vars?|vars?_os|set_var|remove_var)\b";

/// Every place in the crates' `src/` that reads the environment and may not.
pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let pattern = Regex::new(PATTERN).context("compile the pattern of environment reads")?;
    let mut findings = Vec::new();
    for path in tree.files("crates", "rs")? {
        let is_library = path.split('/').nth(2) == Some("src");
        if is_library && !READERS.iter().any(|reader| path.starts_with(reader.place)) {
            findings.extend(check_file(&pattern, &path, &tree.read(&path)?));
        }
    }
    Ok(findings)
}

fn check_file(pattern: &Regex, path: &str, text: &str) -> Vec<Finding> {
    let reads = product_lines(text).filter(|(_, line)| {
        let code = line.split("//").next().unwrap_or(line);
        pattern.is_match(code)
    });
    let finding = |(number, _): (usize, &str)| {
        let readers: Vec<String> =
            READERS.iter().map(|reader| format!("{} ({})", reader.place, reader.reason)).collect();
        let detail = format!("the environment is read only in {}", readers.join("; "));
        let next = "add a field to the crate's Options and let the server fill it from its configuration";
        Finding::new(format!("{path}:{number}"), "environment-read", detail, next)
    };
    reads.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_found_and_look_alikes_are_not() {
        let pattern = Regex::new(PATTERN).unwrap();
        for (line, found) in [
            ("let token = std::env::var(\"TOKEN\");", 1),
            ("let all = env::vars();", 1),
            ("use std::env::{temp_dir, var_os};", 1),
            ("let version = env!(\"CARGO_PKG_VERSION\");", 0),
            ("let folder = std::env::temp_dir();", 0),
            ("// never std::env::var here", 0),
            ("#[cfg(test)]\nmod tests {\n    std::env::var(\"HOME\");\n}", 0),
        ] {
            assert_eq!(check_file(&pattern, "lib.rs", line).len(), found, "{line}");
        }
    }
}
