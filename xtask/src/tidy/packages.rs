//! Every package takes the workspace's lints; every crate says what it promises in its README.

use anyhow::{Context as _, Result};

use crate::finding::Finding;
use crate::tree::Tree;

/// Headings that a crate's README must have: its promise, how one sees that it is well, and when it leaves the house.
const HEADINGS: [&str; 3] = ["## Contract", "## Health", "## Extraction criteria"];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in tree.packages()? {
        let manifest = format!("{package}/Cargo.toml");
        findings.extend(check_lints(&manifest, &tree.read(&manifest)?)?);
        if package.starts_with("crates/") {
            let readme = format!("{package}/README.md");
            findings.extend(check_readme(&readme, tree.read_if_present(&readme)?.as_deref()));
        }
    }
    Ok(findings)
}

fn check_lints(path: &str, manifest: &str) -> Result<Option<Finding>> {
    let manifest: toml::Table = manifest.parse().with_context(|| format!("parse {path}"))?;
    let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    Ok((inherits != Some(true)).then(|| {
        let detail = "the package does not take the workspace's lints";
        Finding::new(path, "lints", detail, "add `[lints]` with `workspace = true`")
    }))
}

fn check_readme(path: &str, readme: Option<&str>) -> Vec<Finding> {
    let Some(readme) = readme else {
        let next = format!("write it: one paragraph, then {}", HEADINGS.join(", "));
        return vec![Finding::new(path, "readme", "it is missing", next)];
    };
    let missing = HEADINGS.into_iter().filter(|heading| !readme.lines().any(|line| line.trim_end() == *heading));
    missing
        .map(|heading| {
            let detail = format!("the heading `{heading}` is missing");
            Finding::new(path, "readme", detail, format!("add `{heading}` with two to six honest lines"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_must_come_from_the_workspace() {
        for (manifest, holds) in [
            ("[lints]\nworkspace = true", true),
            ("lints.workspace = true", true),
            ("[lints]\nworkspace = false", false),
            ("[package]\nname = \"x\"", false),
        ] {
            assert_eq!(check_lints("Cargo.toml", manifest).unwrap().is_none(), holds, "{manifest}");
        }
    }

    #[test]
    fn a_readme_has_its_three_headings() {
        assert_eq!(check_readme("README.md", None).len(), 1);
        assert_eq!(check_readme("README.md", Some("# x\n## Contract\n")).len(), 2);
        assert_eq!(check_readme("README.md", Some("# x\n## Contract\n## Health\n## Extraction criteria\n")), []);
    }
}
