//! The table against the dependencies that the manifests declare.

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::{FAKES_IN_BUILD, OWNERS, Owned, Row, TABLE, WITH_FAKES};
use crate::finding::Finding;
use crate::tree::Tree;

/// One of our packages as its manifest declares it.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// Path of its manifest.
    pub(super) manifest: String,
    pub(super) uses: Vec<Use>,
}

/// One declared dependency.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) name: String,
    /// Whether only tests, examples and benchmarks have it.
    pub(super) in_tests: bool,
    /// Whether it is a crate of this workspace.
    pub(super) ours: bool,
    pub(super) features: Vec<String>,
}

/// The packages of the workspace; asks cargo for the manifests only, so nothing is resolved or downloaded.
pub(super) fn packages(tree: &Tree) -> Result<Vec<Package>> {
    let metadata = MetadataCommand::new()
        .manifest_path(tree.at("Cargo.toml"))
        .no_deps()
        .exec()
        .context("ask `cargo metadata` for the workspace")?;
    let package = |package: cargo_metadata::Package| {
        let manifest = package.manifest_path.as_std_path();
        let manifest = manifest.strip_prefix(tree.root()).unwrap_or(manifest).display().to_string();
        let uses = package.dependencies.into_iter().map(|dependency| Use {
            in_tests: dependency.kind == DependencyKind::Development,
            ours: dependency.path.is_some(),
            name: dependency.name,
            features: dependency.features,
        });
        Package { name: package.name.to_string(), manifest, uses: uses.collect() }
    };
    Ok(metadata.packages.into_iter().map(package).collect())
}

/// Every edge that the table does not allow.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Finding> {
    let Some(row) = TABLE.iter().find(|row| row.name == package.name) else {
        let detail = format!("`{}` is not in the table", package.name);
        let next = "add its row, with the reason, in xtask/src/layers.rs and to the table of ARCHITECTURE.md";
        return vec![Finding::new(&package.manifest, "unknown-crate", detail, next)];
    };
    let mut findings = Vec::new();
    for used in &package.uses {
        if used.ours {
            findings.extend(check_ours(package, row, used));
        } else if let Some(owned) = OWNERS.iter().find(|owned| owned.covers(&used.name)) {
            findings.extend(check_owned(package, owned, used));
        }
    }
    findings
}

fn check_ours(package: &Package, row: &Row, used: &Use) -> Option<Finding> {
    let Package { name, manifest, .. } = package;
    // A crate's tests may switch its own features on by naming the crate itself.
    let itself = used.in_tests && used.name == *name;
    if !itself && !row.uses.contains(&used.name.as_str()) {
        let allowed = if row.uses.is_empty() { "nothing of ours".to_owned() } else { row.uses.join(", ") };
        let detail = format!("`{name}` may not use `{}`, only {allowed}: {}", used.name, row.reason);
        let next = format!("remove `{}` from {manifest} and go through a port", used.name);
        return Some(Finding::new(manifest, "forbidden-edge", detail, next));
    }
    let fakes = WITH_FAKES.contains(&used.name.as_str()) && used.features.iter().any(|feature| feature == "testing");
    if fakes && !used.in_tests && !FAKES_IN_BUILD.contains(&name.as_str()) {
        let detail = format!("`{name}` builds with the fakes of `{}`; the product must not contain them", used.name);
        let next = format!("move feature `testing` to [dev-dependencies] of {manifest}");
        return Some(Finding::new(manifest, "fakes-in-product", detail, next));
    }
    None
}

fn check_owned(package: &Package, owned: &Owned, used: &Use) -> Option<Finding> {
    let Package { name, manifest, .. } = package;
    let allowed = owned.owners.contains(&name.as_str()) || (used.in_tests && owned.in_tests.contains(&name.as_str()));
    if allowed {
        return None;
    }
    let detail = format!("`{name}` may not use `{}`, only {}: {}", used.name, owned.owners.join(", "), owned.reason);
    let next = format!("remove `{}` from {manifest} and use the port that its owner implements", used.name);
    Some(Finding::new(manifest, "not-the-owner", detail, next))
}

impl Owned {
    fn covers(&self, name: &str) -> bool {
        match self.pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.pattern,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts the rules that one dependency breaks: `from` uses `to`, with `features`.
    fn check(from: &str, to: &str, in_tests: bool, features: &[&str], expected: &[&str]) {
        let used = Use {
            name: to.to_owned(),
            in_tests,
            ours: TABLE.iter().any(|row| row.name == to),
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        };
        let package = Package { name: from.to_owned(), manifest: "Cargo.toml".to_owned(), uses: vec![used] };
        let found: Vec<&str> = super::check(&[package]).iter().map(|finding| finding.rule).collect();
        assert_eq!(found, expected, "{from} -> {to}");
    }

    #[test]
    fn edges_of_ours_follow_the_table() {
        check("api", "ports", false, &[], &[]);
        check("lab", "github", false, &[], &[]);
        check("server", "core-flows", false, &[], &[]);
        check("api", "storage", false, &[], &["forbidden-edge"]);
        check("api", "storage", true, &[], &["forbidden-edge"]);
        check("storage", "core-flows", false, &[], &["forbidden-edge"]);
        check("core-flows", "github", false, &[], &["forbidden-edge"]);
        check("github", "server", false, &[], &["forbidden-edge"]);
        check("server", "lab", false, &[], &["forbidden-edge"]);
        check("xtask", "shared-types", true, &[], &["forbidden-edge"]);
        check("ports", "ports", true, &["testing"], &[]);
        check("newcomer", "ports", false, &[], &["unknown-crate"]);
    }

    #[test]
    fn heavy_dependencies_have_owners() {
        check("storage", "rusqlite", false, &[], &[]);
        check("api", "rusqlite", true, &[], &["not-the-owner"]);
        check("verify", "oxc_parser", false, &[], &[]);
        check("core-flows", "oxc_parser", false, &[], &["not-the-owner"]);
        check("http-notify", "actix-web", true, &[], &[]);
        check("http-notify", "actix-web", false, &[], &["not-the-owner"]);
        check("core-flows", "reqwest", true, &[], &["not-the-owner"]);
        check("shared-types", "prost-build", false, &[], &["not-the-owner"]);
        check("api", "serde", false, &[], &[]);
    }

    #[test]
    fn fakes_stay_out_of_the_product() {
        check("core-flows", "ports", true, &["testing"], &[]);
        check("core-flows", "ports", false, &["testing"], &["fakes-in-product"]);
        check("e2e", "ports", false, &["testing"], &[]);
        check("server", "secrets", false, &["testing"], &["fakes-in-product"]);
        check("e2e", "secrets", false, &["testing"], &[]);
    }
}
